"""How unpack carries out its plan: import, read back, pair, make the difference, until there is none."""
