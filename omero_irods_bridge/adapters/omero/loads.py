"""The port LoadBook over omero-py: records are map annotations, their id maps files that hang on them.

A map annotation can be annotated itself, so that the id map goes where its record goes, and neither shows on
anybody's images. OMERO cannot keep two processes from recording one load at the same moment: each looks
again after it has saved, and all but the oldest record is taken back by whoever made it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import omero
import omero.clients
import omero.model
import omero.sys
from omero.rtypes import unwrap

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.import_marks import IS_OF_LOAD, may_delete
from omero_irods_bridge.adapters.omero.load_claims import claimed, remove_left_claim
from omero_irods_bridge.adapters.omero.raw_files import RawFiles
from omero_irods_bridge.adapters.omero.reflection import is_concrete
from omero_irods_bridge.adapters.omero.rows import key_of
from omero_irods_bridge.model.errors import Busy, NotFound, UsageError
from omero_irods_bridge.model.imports import MARK_NAMESPACE, ImportMark
from omero_irods_bridge.model.loads import (
    CONTAINER_KINDS,
    ID_MAP_NAMESPACE,
    RECORD_NAMESPACE,
    LoadRecord,
    MarkedObject,
)

LARGEST_ID_MAP: Final = 1 << 30

_RECORDS: Final = (
    "select a from MapAnnotation a join fetch a.details.group where a.ns = :ns order by a.id desc"
)
_RECORDS_OF: Final = (
    "select distinct a from MapAnnotation a join fetch a.details.group join a.mapValue v"
    " where a.ns = :ns and v.name = 'load' and v.value = :load order by a.id"
)
_MARKED: Final = (
    "join fetch l.parent join fetch l.child where l.child.id in"  # noqa: S608 -- constants
    " (select a.id from MapAnnotation a join a.mapValue v"
    f" where a.ns = :ns and v.name = 'load' and v.value = :load) and {IS_OF_LOAD}"
)
"""Hibernate 3 cannot join the pairs of what it fetches (a NullPointerException in its QueryLoader)."""
_ID_MAPS: Final = (
    "select a.id, a.file.id from AnnotationAnnotationLink l, FileAnnotation a"  # noqa: S608 -- constants
    f" where l.child.id = a.id and l.parent.id in (:ids) and a.ns = :ns and {IS_OF_LOAD} order by a.id"
)
_FILES: Final = (
    "select f.id from OriginalFile f where f.path = :path and f.name = :name"
    " and f.details.owner.id = :me order by f.id"
)
_FILE_NAME: Final = "id-map.csv"
_MIMETYPE: Final = "text/csv"
_HEADER: Final = ["source", "here"]


class OmeroLoadBook:
    """A ``LoadBook`` on a connection, which the caller closes. One thread at a time."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._connection = connection
        with omero_errors("preparing to look for loads"):
            self._query = connection.session.getQueryService()
        self._writer = OmeroGraphWriter(connection)

    # -- records

    def begin(self, record: LoadRecord) -> LoadRecord:
        known = self._own(record.load)
        if known:
            return _record(known[0])
        with omero_errors(f"recording the load {record.load}"):
            draft = {"@": "MapAnnotation:_1", "ns": RECORD_NAMESPACE, "mapValue": _values(record)}
            mine = int(self._writer.save([draft])["MapAnnotation:_1"].partition(":")[2])
            oldest = self._own(record.load)[0]
            if oldest.id.val != mine:
                self._writer.delete({"MapAnnotation": [mine]})
        return _record(oldest)

    @contextmanager
    def claim(self, load: str) -> Iterator[None]:
        record = self._record_id(load)
        with claimed(self._connection, load, record):
            if self._record_id(load) != record:  # one that was saved at the same moment, and is older
                raise Busy(f"The load {load} is being begun twice.", hint="Run the same command again.")
            yield

    def remove_left_claim(self, load: str) -> None:
        for record in self._records(load)[:1]:
            remove_left_claim(self._connection, load, record.id.val)

    def finish(self, record: LoadRecord) -> None:
        id_ = self._record_id(record.load)
        self._writer.save([{"@": f"MapAnnotation:{id_}", "mapValue": _values(record)}])

    def find(self, load: str, *, is_own: bool = False) -> LoadRecord | None:
        found = self._own(load) if is_own else self._records(load)
        return _record(found[0]) if found else None

    def list_loads(self) -> list[LoadRecord]:
        parameters = omero.sys.ParametersI().addString("ns", RECORD_NAMESPACE)
        with omero_errors("listing the loads"):
            found = self._query.findAllByQuery(_RECORDS, parameters, self._connection.all_groups())
        readable = [one for one in map(_readable, found) if one is not None]
        return sorted(readable, key=lambda one: one.started, reverse=True)

    def forget(self, load: str) -> None:
        written = self._written(load)
        records = [one.id.val for one in written if _owner(one) == _owner(written[0])]
        maps = list(self._id_maps(records))
        self._writer.delete(
            {
                "MapAnnotation": records,
                "FileAnnotation": [annotation for annotation, _ in maps],
                "OriginalFile": sorted({file for _, file in maps} | set(self._files(load))),
            }
        )

    def _own(self, load: str) -> list[Any]:
        return [one for one in self._records(load) if self._is_own(one)]

    def _is_own(self, record: Any) -> bool:
        return _owner(record) == self._connection.identity.user_id

    def _records(self, load: str) -> list[Any]:
        return [one for one in self._written(load) if _readable(one) is not None]

    def _written(self, load: str) -> list[Any]:
        """Those of this user first, and that can be read: anybody in the group writes, and people edit."""
        parameters = omero.sys.ParametersI().addString("ns", RECORD_NAMESPACE).addString("load", load)
        with omero_errors(f"looking for the load {load}"):
            found = self._query.findAllByQuery(_RECORDS_OF, parameters, self._connection.all_groups())
        return sorted(found, key=lambda one: (not self._is_own(one), _readable(one) is None))

    def _record_id(self, load: str) -> int:
        found = self._records(load)
        if not found:
            raise NotFound(f"OMERO has no record of a load {load}.", hint="See: omero-irods loads")
        return int(found[0].id.val)

    # -- marks

    def find_marked(self, load: str, kinds: Sequence[str] = CONTAINER_KINDS) -> list[MarkedObject]:
        with omero_errors(f"looking for what the load {load} made"):
            return [one for kind in kinds for one in self._marked(kind, load)]

    def _marked(self, kind: str, load: str) -> Iterator[MarkedObject]:
        if not is_concrete(f"{kind}AnnotationLink"):
            raise UsageError(f"Objects of the class {kind!r} carry no annotations.")
        text = f"select l from {kind}AnnotationLink l {_MARKED}"  # noqa: S608  # a class
        parameters = omero.sys.ParametersI().addString("ns", MARK_NAMESPACE).addString("load", load)
        parameters.addLong("me", self._connection.identity.user_id)
        links = self._query.findAllByQuery(text, parameters, self._connection.all_groups())
        for link in sorted(links, key=lambda one: (one.parent.id.val, one.id.val)):
            pairs = {pair.name: pair.value for pair in link.child.mapValue if pair is not None}
            mark = ImportMark(load, pairs.get("snapshot", ""), pairs.get("source") or "?")
            yield MarkedObject(key_of(link.parent), mark, may_delete(link.parent))

    # -- id maps

    def write_id_map(self, load: str, pairs: Iterable[tuple[str, str]]) -> None:
        """The new one hangs on the record when it is whole; only then those before it go."""
        record = self._record_id(load)
        before = list(self._id_maps([record]))
        files = self._files(load)
        file = self._new_file(load)
        self._writer.write_file(file, _Bytes(_csv(pairs)))
        self._attach(record, file)
        old = {annotation for annotation, _ in before}
        self._writer.delete({"FileAnnotation": sorted(old), "OriginalFile": files})

    def read_id_map(self, load: str) -> list[tuple[str, str]]:
        maps = list(self._id_maps([one.id.val for one in self._records(load)[:1]]))
        if not maps:
            return []
        files = RawFiles(self._connection.session, self._connection.all_groups())
        data = files.read_all(maps[-1][1], LARGEST_ID_MAP)
        rows = csv.reader(io.StringIO(data.decode(), newline=""))
        next(rows, None)
        return [(source, here) for source, here in rows]

    def _new_file(self, load: str) -> int:
        draft = {
            "@": "OriginalFile:_1",
            "name": _FILE_NAME,
            "path": _folder(load),
            "mimetype": _MIMETYPE,
            "hasher": "ChecksumAlgorithm=SHA1-160",
        }
        return int(self._writer.save([draft])["OriginalFile:_1"].partition(":")[2])

    def _attach(self, record: int, file: int) -> None:
        self._writer.save(
            [
                {"@": "FileAnnotation:_1", "ns": ID_MAP_NAMESPACE, "file": f"OriginalFile:{file}"},
                {
                    "@": "AnnotationAnnotationLink:_2",
                    "parent": f"MapAnnotation:{record}",
                    "child": "FileAnnotation:_1",
                },
            ]
        )

    def _id_maps(self, records: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Annotations and files, the last one written last."""
        if records:
            parameters = omero.sys.ParametersI().addIds(list(records)).addString("ns", ID_MAP_NAMESPACE)
            parameters.addLong("me", self._connection.identity.user_id)
            with omero_errors("looking for the id map of a load"):
                rows = self._query.projection(_ID_MAPS, parameters, self._connection.all_groups())
            yield from (tuple(unwrap(row)) for row in rows)

    def _files(self, load: str) -> list[int]:
        """Also those that a killed process wrote and did not attach."""
        parameters = omero.sys.ParametersI().addString("path", _folder(load)).addString("name", _FILE_NAME)
        parameters.addLong("me", self._connection.identity.user_id)
        with omero_errors("looking for the id map of a load"):
            rows = self._query.projection(_FILES, parameters, self._connection.all_groups())
        return [row[0].val for row in rows]


def _folder(load: str) -> str:
    return f"omero-irods-bridge/loads/{load}/"


def _csv(pairs: Iterable[tuple[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    writer.writerows(pairs)
    return text.getvalue().encode()


class _Bytes:
    """A ``ByteSource`` of bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset : offset + length])


def _values(record: LoadRecord) -> list[list[str]]:
    return [list(pair) for pair in record.pairs()]


def _owner(annotation: Any) -> int:
    return int(annotation.details.owner.id.val)


def _record(annotation: Any) -> LoadRecord:
    pairs = (one for one in annotation.mapValue if one is not None)
    found = LoadRecord.from_pairs((one.name, one.value or "") for one in pairs)
    return replace(found, group=annotation.details.group.name.val)


def _readable(annotation: Any) -> LoadRecord | None:
    """None for one that a person has changed so that nothing can be read out of it."""
    try:
        return _record(annotation)
    except ValueError:
        return None
