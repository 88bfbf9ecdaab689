"""The port ImageServer over omero-py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.figures import figures_showing
from omero_irods_bridge.adapters.omero.files import OmeroFileReader
from omero_irods_bridge.adapters.omero.graph_reading import GraphReading
from omero_irods_bridge.adapters.omero.queries import Queries
from omero_irods_bridge.adapters.omero.raw_files import RawFiles
from omero_irods_bridge.adapters.omero.reflection import root_of
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.ports import FileReader, Row, ServerIdentity


class OmeroImageServer:
    """An ``ImageServer`` on a connection, which the caller closes.

    ``repository`` is the folder of the ManagedRepository, where it is mounted on this machine.
    """

    def __init__(self, connection: OmeroConnection, *, repository: Path | None = None) -> None:
        self._connection = connection
        self._repository = repository

    @property
    def identity(self) -> ServerIdentity:
        return self._connection.identity

    @property
    def is_mounted(self) -> bool:
        return self._repository is not None

    def read_graph(
        self,
        objects: Sequence[ObjectRef],
        add: Callable[[Row], None],
        *,
        figures: bool = False,
        also: Sequence[str] = (),
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> None:
        what = f"reading what OMERO knows of {_named([*map(str, objects), *also])}"
        cancel = cancel or CancelToken()
        report(Step(what[0].upper() + what[1:]))
        with omero_errors(what):
            queries = Queries(self._connection)
            reading = GraphReading(queries, add, report, cancel)
            reading.start(objects)
            for key in also:
                name, _, number = key.partition(":")
                reading.add_whole(root_of(name), int(number))
            reading.go_on()
            if figures:
                self._add_figures(reading, queries, report, cancel)
            reading.finish()

    def _add_figures(
        self, reading: GraphReading, queries: Queries, report: Report, cancel: CancelToken
    ) -> None:
        files = RawFiles(self._connection.session, self._connection.all_groups())
        for annotation in figures_showing(reading.images(), queries, files, report, cancel):
            reading.add_whole("Annotation", annotation)
        reading.go_on()

    def file_reader(self) -> AbstractContextManager[FileReader]:
        return self._file_reader()

    @contextmanager
    def _file_reader(self) -> Iterator[FileReader]:
        with self._connection.another_client() as client:
            context = client.getContext(group=-1)
            reader = OmeroFileReader(client.getSession(), context, self._repository)
            try:
                yield reader
            finally:
                reader.close()


def _named(objects: Sequence[str]) -> str:
    few = ", ".join(objects[:3])
    return few if len(objects) <= 3 else f"{few} and {len(objects) - 3:,} more"
