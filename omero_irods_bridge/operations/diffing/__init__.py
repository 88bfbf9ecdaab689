"""How diff finds out which object is which before two graphs are compared."""
