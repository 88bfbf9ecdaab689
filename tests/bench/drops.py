"""Small files dropped into a collection that opted in, and what a scan of them in this process needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from irods.meta import iRODSMeta
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.environment import Account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.ingest import IngestOptions, IngestResult
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.wiring import ingest_on
from tests.ingest.conftest import png


def fill(session: iRODSSession, collection: str, count: int) -> None:
    """Make the collection, let it opt in to links, and put so many files into it."""
    made = session.collections.create(collection)
    made.metadata.add(iRODSMeta("omero::ingest", "in-place"))
    for number in range(count):
        with session.data_objects.open(f"{collection}/{number:05}.png", "w") as target:
            target.write(png())


@contextmanager
def scanning(
    user: Account, login: UserPassword, vault: Path
) -> Iterator[tuple[IrodsStore, Hands, IngestOptions]]:
    """What ``operations.ingest`` needs: ``user`` scans, all that is imported is that of ``login``."""

    @contextmanager
    def side(*_who: str) -> Iterator[IngestSide]:
        with connect(login, secure=False) as opened:
            yield ingest_on(opened)

    with IrodsStore(user) as store:
        hands = Hands(side, lambda _: nullcontext(store), side, lambda _: "root", lambda *_: True)
        yield store, hands, IngestOptions(quiet_s=0, paths={f"demoResc:{vault}": vault})


def check_all(done: IngestResult, count: int) -> None:
    """Raises RuntimeError when not all of them were imported: the figures would mean nothing."""
    if len(done.done) != count or done.failed or done.stopped:
        raise RuntimeError(f"{len(done.done)} of {count} imported: {done.failed[:3]} {done.stopped}")
