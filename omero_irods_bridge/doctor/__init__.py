"""Looks whether everything that the bridge needs is there, and says what to do where it is not."""
