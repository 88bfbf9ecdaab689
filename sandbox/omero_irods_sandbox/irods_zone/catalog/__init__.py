"""The catalog (ICAT) in one SQLite file: users, collections, data objects, AVUs, permissions, resources."""
