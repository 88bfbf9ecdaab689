"""One set of files into OMERO, once: from where it is, or copied; then said in iRODS."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, NotInPlace, StalePlan
from omero_irods_bridge.model.events import CancelToken, Report
from omero_irods_bridge.model.imports import Imported, ImportMark, ImportOptions, LinkedFile
from omero_irods_bridge.model.ingest import (
    FileSet,
    IngestDone,
    IngestItem,
    IngestMode,
    IngestOptions,
    version_of,
)
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.stored import Avu, DataObject
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.facts import fact_avus
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.operations.ingesting.probing import Places
from omero_irods_bridge.operations.placing import is_place_of
from omero_irods_bridge.operations.streaming.compared import ComparedSource
from omero_irods_bridge.ports import ByteSource, Clock, FilePlace, Importer, ImportFile, ObjectStore

_MD5_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Work:
    """What all sets of a scan are imported with."""

    store: ObjectStore
    hands: Hands
    options: IngestOptions
    places: Places
    clock: Clock
    report: Report
    cancel: CancelToken


def mark_of(zone: str, files: FileSet) -> ImportMark:
    """The mark of the fileset of a set: the same for the same content of the same data object, for ever."""
    first = files.first
    version = hashlib.sha256("\n".join(version_of(one) for one in files.members).encode()).hexdigest()
    return ImportMark(f"ingest/{zone}/{first.id}/{version[:32]}", first.path, f"DataObject:{first.id}")


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of several threads imports with: an importer of its own, and what all of them use in turns.

    ``cancel`` and ``report`` are of this import alone.
    """

    importer: Importer
    side: IngestSide
    turn: AbstractContextManager[object]
    report: Report
    cancel: CancelToken


def ingest(item: IngestItem, target: ObjectRef, worker: Worker, work: Work) -> IngestDone:
    """Import a set unless it is in OMERO already, and write its AVUs; the caller is the only one at it.

    The file that OMERO opens gets its AVUs last: a set of which it has none is looked at again.

    Raises:
        StalePlan: a file is not what it was when the plan was made.
        AccessDenied: a file is somebody else's, and whoever asks for it may not read it in iRODS.
        BridgeError: see ``Importer``; nothing is left in OMERO then.
    """
    _check_may_read(item, work)
    item = _with_checksums(item, work)
    mark = mark_of(work.store.zone, item.files)
    there = _already(mark, item, worker, work)
    made = there or _imported(item, ImportOptions(target=target, mark=mark), worker, work)
    _write_avus(item, made, worker, work)
    return IngestDone(item.files.path, made.fileset, made.images, made.plates, there is not None)


def is_imported(item: IngestItem, side: IngestSide, work: Work) -> bool:
    """Whether this very set is in OMERO, by its mark: an earlier scan broke off before its AVUs."""
    mark = mark_of(work.store.zone, _with_checksums(item, work).files)
    return any(one.complete for one in side.receiver.importer.find_marked(mark.load))


def _check_may_read(item: IngestItem, work: Work) -> None:
    """Files are read as their owners, and links pass by iRODS: neither may show more than iRODS would."""
    asking = work.hands.reads_as(item.opt_in.owner)
    others = [one for one in item.files.members if one.owner != asking]
    if not others or work.hands.is_service(asking):
        return
    with work.hands.irods(asking) as reader:
        for one in others:
            try:
                with reader.open_source(one.path):
                    pass
            except (AccessDenied, NotFound) as error:
                raise AccessDenied(
                    f"{asking}, who asks for {one.path} to be in OMERO, may not read it in iRODS.",
                    hint=f"Let its owner, {one.owner}, give read access.",
                ) from error


def _already(mark: ImportMark, item: IngestItem, worker: Worker, work: Work) -> Imported | None:
    """What an earlier run has imported; the remains of one that was killed are removed.

    Nothing that is complete is removed, for people may work with it.
    """
    found = worker.importer.find_marked(mark.load)
    broken = [one.id for one in found if not one.complete]
    if broken:
        worker.importer.discard(broken)
    for one in found:
        if one.complete:
            with worker.turn:
                files = worker.side.book.files_of([one.id]).get(one.id, ())
            if not _is_of_another_zone(files, item, worker, work):
                ids, paths = tuple(file.file for file in files), tuple(file.path for file in files)
                return Imported(one.id, one.images, one.plates, ids, paths)
    return None


def _is_of_another_zone(files: Sequence[FilePlace], item: IngestItem, worker: Worker, work: Work) -> bool:
    """Zones may have one name, and a copy of a zone the same ids and bytes. Its links lead to other files.

    A link to a file that is no more is one of ours whose object was renamed meanwhile.
    """
    if item.opt_in.mode is IngestMode.COPY:
        return False
    links = [LinkedFile(one.client_path, one.target, size=one.size) for one in files if one.target]
    pairs = zip(files, item.files.members, strict=False)
    mapping = work.options.paths
    if not links or any(one.target and is_place_of(one.target, found, mapping) for one, found in pairs):
        return False
    try:
        worker.importer.check_in_place(links)
    except NotInPlace:
        return False
    return True


# -- bytes


def _with_checksums(item: IngestItem, work: Work) -> IngestItem:
    """The same set, each member with a checksum that iRODS has recorded."""
    members = tuple(_with_checksum(one, work) for one in item.files.members)
    return replace(item, files=FileSet(members))


def _with_checksum(found: DataObject, work: Work) -> DataObject:
    if found.good is not None and found.good.checksum:
        return found
    failure = _record_checksum(found, work)
    now = work.store.find(found.path)
    if not isinstance(now, DataObject) or now.id != found.id or now.size != found.size:
        raise StalePlan(f"{found.path} has changed just now.", hint="The next scan takes it.")
    if failure is not None and not (now.good and now.good.checksum):
        raise failure
    return now


def _record_checksum(found: DataObject, work: Work) -> BridgeError | None:
    """What went wrong: a zone that computes no SHA-256 records what it computes all the same."""
    try:
        with work.hands.irods(found.owner) as store:
            store.compute_checksum(found.path, replica=found.good.number if found.good else None)
    except BridgeError as error:
        return error
    return None


def _imported(item: IngestItem, options: ImportOptions, worker: Worker, work: Work) -> Imported:
    importer = worker.importer
    if item.opt_in.mode is IngestMode.COPY:
        sent = [_import_file(one, work) for one in item.files.members]
        return importer.import_fileset(sent, options, worker.report, worker.cancel)
    with worker.turn:
        places = work.places.of(item, importer)
    linked = [
        LinkedFile(_client_path(one), place, _omero_hash(one), _sha256(one), one.size)
        for one, place in zip(item.files.members, places, strict=True)
    ]
    return importer.import_in_place(linked, options, worker.report, worker.cancel)


def _client_path(found: DataObject) -> str:
    return found.path.lstrip("/")


def _checksum(found: DataObject) -> str:
    return found.good.checksum if found.good is not None else ""


def _sha256(found: DataObject) -> Sha256 | None:
    return Sha256.from_irods(_checksum(found))


def _omero_hash(found: DataObject) -> OmeroHash | None:
    text = _checksum(found).lower()
    is_md5 = len(text) == _MD5_DIGITS and not set(text) - set("0123456789abcdef")
    return OmeroHash("MD5-128", text) if is_md5 else None


def _import_file(found: DataObject, work: Work) -> ImportFile:
    return ImportFile(_client_path(found), found.size, _opener(found, work), _omero_hash(found))


def _opener(found: DataObject, work: Work) -> Callable[[], AbstractContextManager[ByteSource]]:
    @contextmanager
    def opened() -> Iterator[ByteSource]:
        with work.hands.irods(found.owner) as store, store.open_source(found.path) as source:
            sha256 = _sha256(found)
            yield source if sha256 is None else _compared(source, found.path, sha256)

    return opened


def _compared(source: ByteSource, path: str, expected: Sha256) -> ByteSource:
    hint = "Verify its replicas: ichksum -K"
    return ComparedSource(source, path, expected, than="iRODS has recorded", hint=hint)


# -- what is said in iRODS


def _write_avus(item: IngestItem, made: Imported, worker: Worker, work: Work) -> None:
    server = worker.side.receiver.server
    files = dict(zip(item.files.members, made.files, strict=False))
    moment = datetime.fromtimestamp(work.clock.now(), UTC)
    with worker.turn:
        facts = fact_avus(made, server, work.options) if item.opt_in.metadata else []
    for found in reversed(item.files.members):
        told = attributes.of_ingested(
            found,
            made,
            files.get(found),
            server.identity,
            item.opt_in.mode,
            moment,
            work.options,
        )
        extra = facts if found is item.files.first else []
        _replace_avus(work.store, found.path, [*told, *extra], work.options)


def _replace_avus(store: ObjectStore, path: str, avus: Sequence[Avu], options: IngestOptions) -> None:
    """Let ``avus`` be all that ingest says of a data object, in one atomic call."""
    before = attributes.all_of(store.avus(path), options)
    stay = set(avus)
    remove = [one for one in before if one not in stay]
    store.change_avus(path, add=[one for one in avus if one not in before], remove=remove)
