"""The values that every layer speaks of: frozen, and built from the standard library alone."""
