"""Where jobs are kept: one file of SQLite, or a database of PostgreSQL. The only truth about jobs."""
