"""The database: objects of the model in SQLite, one table for each root class."""
