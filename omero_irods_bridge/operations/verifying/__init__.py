"""How verify finds out: what AVUs, catalog, manifest and bytes say, each held against the others."""
