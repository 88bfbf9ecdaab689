"""A query that cannot be answered."""

from __future__ import annotations


class QueryError(Exception):
    """Says what is not understood; the store names the query when it tells the client."""
