"""The two query languages of iRODS, translated to SQL on the catalog's SQLite tables.

:mod:`.genquery1` takes column numbers and condition strings (API 702),
:mod:`.genquery2` takes a text (API 10221). Both build a
:class:`~.statement.Statement` and run nothing: values are always bound, never
part of the SQL text, and what no iRODS server would run raises
:class:`~.errors.QueryError`.

The caller runs the statement on a connection with ``pragma case_sensitive_like=on``
and an SQL function ``hier(resc_id)`` that gives the resource hierarchy, and
answers CAT_SQL_ERR for a :class:`sqlite3.Error` while it does: a sum can
overflow 64 bits, which no look at the query can tell.
"""
