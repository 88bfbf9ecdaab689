"""The server's settings, as ``omero config`` and IConfig know them."""

from __future__ import annotations

from collections.abc import Mapping

from omero_irods_sandbox.omero_server.store.database import Database


class Settings:
    """What was set through IConfig, over what the server was started with, over the defaults."""

    def __init__(self, database: Database, defaults: Mapping[str, str], given: Mapping[str, str]) -> None:
        self._database = database
        self._defaults = dict(defaults)
        self._given = dict(given)

    def defaults(self) -> dict[str, str]:
        return dict(self._defaults)

    def all(self) -> dict[str, str]:
        rows = self._database.tuples("select name, value from setting where name like 'omero.%'")
        return self._defaults | self._given | dict(rows)

    def get(self, name: str, default: str = "") -> str:
        return self.all().get(name, default)

    def set(self, name: str, value: str) -> None:
        """Keep a value in the database; an empty one takes the setting back to its default."""
        if value == "":
            self._database.execute("delete from setting where name = ?", name)
        else:
            self._database.execute("insert or replace into setting(name, value) values(?, ?)", name, value)
