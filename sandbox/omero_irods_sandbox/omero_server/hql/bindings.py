"""The values of a query's parameters on their way into SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omero_irods_sandbox.omero_server.hql.errors import QueryError


class Bindings:
    """Values bound so far, and names for tables that nobody else uses in this statement."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters
        self._aliases = 0
        self.values: list[object] = []

    def new_alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def bind(self, value: object) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return f"?{len(self.values)}"

    def parameter(self, name: str) -> object:
        """The value of ``:name``; objects count as their ids.

        Raises:
            QueryError: there is none, or it is null, which OMERO refuses.
        """
        if name not in self._parameters:
            raise QueryError(f"the named parameter {name} is not bound")
        value = self._parameters[name]
        if value is None:
            raise QueryError(f"the parameter {name} is null")
        return value

    def placeholders(self, values: object) -> str:
        """One or many values, separated by commas.

        Raises:
            QueryError: there is none. Hibernate writes ``in ()`` then, which PostgreSQL does not take.
        """
        many = values if isinstance(values, (list, tuple, set, frozenset)) else [values]
        if not many:
            raise QueryError("a list of parameters is empty")
        return ", ".join(self._placeholder(value) for value in many)

    def _placeholder(self, value: object) -> str:
        plain = _plain(value)
        # SQLite takes some ten thousand placeholders; lists of ids may be longer.
        return str(plain) if type(plain) is int else self.bind(plain)


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float, str, bytes)):
        return value
    identity = getattr(value, "getId", None)
    if identity is None or identity() is None:
        raise QueryError(f"a {type(value).__name__} cannot be a parameter")
    return int(identity().getValue())
