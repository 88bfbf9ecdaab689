"""Sign-ins that ended before their time: their cookies are good for nothing any more, whoever has a copy."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.tables import SIGNED_OUT
from omero_irods_bridge.ports import Clock

_KEPT_LONGER_S: Final = 24 * 3600.0
"""Than the cookie would last: a clock that is set back lets it last longer."""


class SignedOut:
    """All of an agent; any thread, and any number of processes, may call any method."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def end(self, sign_in: str, expires: float) -> None:
        """From now on, and after a restart, this one is over. Safe to repeat."""
        old = SIGNED_OUT.c.expires < self._clock.now() - _KEPT_LONGER_S
        with self._database.writing() as connection:
            connection.execute(sa.delete(SIGNED_OUT).where(old | (SIGNED_OUT.c.sign_in == sign_in)))
            connection.execute(sa.insert(SIGNED_OUT).values(sign_in=sign_in, expires=expires))

    def has_ended(self, sign_in: str) -> bool:
        query = sa.select(SIGNED_OUT.c.sign_in).where(SIGNED_OUT.c.sign_in == sign_in)
        with self._database.reading() as connection:
            return connection.execute(query).one_or_none() is not None
