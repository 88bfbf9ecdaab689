"""Bring all members of a planned packet to iRODS, whichever form it has there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.events import CancelToken, Notice, Report, Step
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.model.packing import TransferOptions
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.stored import Collection, DataObject, ReplicaStatus
from omero_irods_bridge.operations.incoming import open_when_free
from omero_irods_bridge.operations.packing.comparing import compare
from omero_irods_bridge.operations.packing.copying import Copied, Counter, copy
from omero_irods_bridge.operations.packing.destination import Destination, Stored, Tools
from omero_irods_bridge.operations.packing.expanded_destination import ExpandedDestination
from omero_irods_bridge.operations.packing.metadata import metadata_members
from omero_irods_bridge.operations.packing.planning import PackPlan
from omero_irods_bridge.operations.packing.resuming import ZipStart, read_file, resume_zip, zip_start
from omero_irods_bridge.operations.packing.zip_destination import ZipDestination
from omero_irods_bridge.operations.streaming.budget import ByteBudget
from omero_irods_bridge.operations.streaming.digests import DigestThreads
from omero_irods_bridge.operations.streaming.workers import Workers
from omero_irods_bridge.ports import ImageServer, ObjectStore


def write(
    plan: PackPlan,
    path: str,
    server: ImageServer,
    store: ObjectStore,
    options: TransferOptions,
    report: Report,
    cancel: CancelToken,
) -> Stored:
    """Write the packet to ``path``, going on where an earlier run of the same plan ended.

    Afterwards iRODS has just what was sent, and has computed the checksums that say so.
    """
    with _tools(options, cancel) as tools:
        writing = _Writing(plan, path, server, store, options, tools, report, cancel)
        return writing.zip() if plan.request.form is Form.ZIP else writing.expanded()


@contextmanager
def _tools(options: TransferOptions, cancel: CancelToken) -> Iterator[Tools]:
    budget = ByteBudget(options.memory_bytes)
    with Workers(options.streams, cancel) as writers, DigestThreads() as digests:
        yield Tools(budget, writers, digests, options.piece_bytes)


class _Writing:
    """One run of :func:`write`."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what write() got
        self,
        plan: PackPlan,
        path: str,
        server: ImageServer,
        store: ObjectStore,
        options: TransferOptions,
        tools: Tools,
        report: Report,
        cancel: CancelToken,
    ) -> None:
        self._plan, self._path, self._server, self._store = plan, path, server, store
        self._options, self._tools, self._report, self._cancel = options, tools, report, cancel

    def zip(self) -> Stored:
        found = self._store.find(self._path)
        counter = self._begin_step()
        start = self._kept_of_zip(found, counter) if isinstance(found, DataObject) else zip_start()
        writer = open_when_free(self._store, self._path, streams=self._options.streams, keep=bool(start.kept))
        destination = ZipDestination(self._store, self._path, writer, self._tools, start)
        return self._fill(destination, start.kept, counter)

    def expanded(self) -> Stored:
        self._store.make_collection(self._path)
        counter = self._begin_step()
        kept = self._kept_of_collection(counter)
        kept_size = sum(one.size for one in kept)
        return self._fill(ExpandedDestination(self._store, self._path, self._tools, kept_size), kept, counter)

    def _begin_step(self) -> Counter:
        files = self._plan.files
        self._report(Step("Copying", bytes_total=self._plan.bytes_total, items_total=len(files)))
        return Counter(self._report)

    def _fill(self, destination: Destination, kept: Sequence[Copied], counter: Counter) -> Stored:
        """Copy what is not kept, then add the metadata."""
        try:
            copied = [*kept, *self._copy(destination, kept, counter)]
            place = {file.member: number for number, file in enumerate(self._plan.files)}
            copied.sort(key=lambda one: place[one.file.member])
            self._report(Step("Writing what OMERO knows"))
            for member, content in metadata_members(self._plan, copied):
                self._cancel.check()
                destination.add(member, content)
            self._report(Step("Comparing checksums with iRODS"))
            return destination.finish()
        except BaseException:
            self._tools.budget.stop()
            destination.abort()
            raise

    def _copy(self, destination: Destination, kept: Sequence[Copied], counter: Counter) -> list[Copied]:
        done = {one.file.member for one in kept}
        missing: list[SourceFile] = [file for file in self._plan.files if file.member not in done]
        if not missing:
            return []
        return copy(
            missing,
            self._server.file_reader,
            destination,
            self._tools,
            readers=self._options.readers,
            counter=counter,
            cancel=self._cancel,
        )

    # -- what an earlier run left

    def _kept_of_zip(self, found: DataObject, counter: Counter) -> ZipStart:
        start = zip_start()
        # What cannot be read is written anew.
        with suppress(BridgeError), self._store.open_source(found.path) as source:
            resume_zip(start, self._plan.files, source, self._tools, counter, self._cancel)
        self._tell_kept(start.kept)
        return start

    def _kept_of_collection(self, counter: Counter) -> list[Copied]:
        kept: list[Copied] = []
        whole = {one.path for one in self._store.children(self._path, recursive=True) if _is_settled(one)}
        for file in self._plan.files:
            path = f"{self._path}/{file.member}"
            if path in whole and (one := self._kept_member(file, path)) is not None:
                counter.add(one.size, items=1)
                kept.append(one)
        self._tell_kept(kept)
        return kept

    def _kept_member(self, file: SourceFile, path: str) -> Copied | None:
        with suppress(BridgeError):  # what cannot be read is written anew
            with self._store.open_source(path) as source:
                digests = read_file(file, source, self._tools, self._cancel)
            if digests is not None:
                compare(self._store, path, digests.sha256)
                return Copied(file, digests.size, digests.sha256)
        return None

    def _tell_kept(self, kept: Sequence[Copied]) -> None:
        if kept:
            size = sum(one.size for one in kept)
            number = "1 file" if len(kept) == 1 else f"{len(kept):,} files"
            self._report(Notice(f"What an earlier run brought is kept: {number}, {size:,} bytes."))


def _is_settled(found: DataObject | Collection) -> bool:
    """Whether an object was closed by who wrote it: what broke off stays stale, whatever its bytes are."""
    return isinstance(found, DataObject) and all(one.status is ReplicaStatus.GOOD for one in found.replicas)
