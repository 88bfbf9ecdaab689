"""Everything that OMERO knows of some objects, held compressed in memory, and as ``bridge/omero.jsonl``.

A graph is rows, one an object (``ports.Row``). Ordered collections are lists of references in the row that
has them, unordered ones are the rows that point back. Nothing here knows what a class means.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from omero_irods_bridge.model.errors import BadPacket, BridgeError, UsageError
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS, Limits
from omero_irods_bridge.ports import Row

FORM: Final = "omero.jsonl"
VERSION: Final = 1
"""Of the form of header and rows. A reader refuses a newer one: it may not know what it would lose."""

LONGEST_LINE: Final = 256 << 20
"""In bytes. The largest rows are masks: 1 bit a pixel and a third for base64, so 1.6 gigapixels fit."""
DEEPEST: Final = 8
"""Levels of one row; what :mod:`omero.model` has makes five."""

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "Annotation": (
        "BooleanAnnotation",
        "CommentAnnotation",
        "DoubleAnnotation",
        "FileAnnotation",
        "ListAnnotation",
        "LongAnnotation",
        "MapAnnotation",
        "TagAnnotation",
        "TermAnnotation",
        "TimestampAnnotation",
        "XmlAnnotation",
    ),
    "CodomainMapContext": ("ContrastStretchingContext", "PlaneSlicingContext", "ReverseIntensityContext"),
    "Job": (
        "ImportJob",
        "IndexingJob",
        "IntegrityCheckJob",
        "MetadataImportJob",
        "ParseJob",
        "PixelDataJob",
        "ScriptJob",
        "ThumbnailGenerationJob",
        "UploadJob",
    ),
    "LightSource": ("Arc", "Filament", "GenericExcitationSource", "Laser", "LightEmittingDiode"),
    "Shape": ("Ellipse", "Label", "Line", "Mask", "Path", "Point", "Polygon", "Polyline", "Rectangle"),
}
"""The abstract classes of the OMERO model that are one table, and what is in it: no two have one id."""

_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z0-9]{0,63}):(0|[1-9][0-9]{0,18})", re.ASCII)
_LARGEST_ID: Final = 2**63 - 1
_OFFSET_BITS: Final = 10
_BLOCK_ROWS: Final = 1000
_BLOCK_BYTES: Final = 1 << 20
_BLOCKS_AT_HAND: Final = 12
_BYTES_AT_HAND: Final = 64 << 20  # one row can have 256 MiB and be small in its block

_ROW_BYTES: Final = 160
_TABLE_BYTES: Final = 512
"""Of memory, for a row and for a class, besides the text of rows; measured: 100 to 130, and 590 for both."""
_LOOK_EVERY_BYTES: Final = 16 << 20


def split_reference(reference: object) -> tuple[str, int]:
    """``Image:5`` as class and id.

    Raises:
        BadPacket: it is no reference.
    """
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None or int(match[2]) > _LARGEST_ID:
        raise BadPacket(
            f"{reference!r:.100} does not name an OMERO object: expected a class, a colon, an id."
        )
    return match[1], int(match[2])


def id_of(reference: str) -> int:
    """The id that a reference has."""
    return split_reference(reference)[1]


@dataclass(slots=True)
class _Table:
    """The rows of one class as lines of JSON: blocks of them compressed, the newest as they are."""

    blocks: list[bytes] = field(default_factory=list)
    newest: list[bytes] = field(default_factory=list)
    newest_bytes: int = 0
    places: dict[int, int] = field(default_factory=dict)

    def append(self, number: int, line: bytes) -> None:
        self.places[number] = len(self.blocks) << _OFFSET_BITS | len(self.newest)
        self.newest.append(line)
        self.newest_bytes += len(line)
        if len(self.newest) >= _BLOCK_ROWS or self.newest_bytes >= _BLOCK_BYTES:
            self.blocks.append(zlib.compress(b"\n".join(self.newest), 6))
            self.newest, self.newest_bytes = [], 0

    def texts(self) -> Iterator[bytes]:
        """All lines in the order in which they came, a block at a time."""
        yield from map(zlib.decompress, self.blocks)
        if self.newest:
            yield b"\n".join(self.newest)


class Graph:
    """Rows by class and by id, each object once.

    Rows stay in the order in which they were added. Not to be added to while it is iterated over; one thread
    at a time. 10,000 images with all that belongs to them take about 30 MB.
    """

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}
        self._at_hand: OrderedDict[tuple[str, int], list[bytes]] = OrderedDict()
        self._bytes_at_hand = 0

    def add(self, row: Row) -> None:
        """Take a row; nothing happens where it is here already.

        Raises:
            BadPacket: it has no name, cannot be JSON, or tells otherwise of an object that is here.
        """
        name, number = split_reference(row.get("@", ""))
        line = _encode(row)
        table = self._tables.setdefault(name, _Table())
        if number not in table.places:
            table.append(number, line)
        elif (here := self._line(name, number)) != line and json.loads(here) != json.loads(line):
            raise _told_twice(json.loads(here), json.loads(line))

    def classes(self) -> tuple[str, ...]:
        """The classes of which there are rows, sorted."""
        return tuple(sorted(self._tables))

    def rows(self, name: str) -> Iterator[Row]:
        """All rows of a class, or of all the classes that are a kind of it (:data:`FAMILIES`)."""
        for table in self._tables_of(name):
            for text in table.texts():
                yield from map(json.loads, text.split(b"\n"))

    def ids(self, name: str) -> Iterator[int]:
        """The ids of a class or family, as :meth:`rows` has them."""
        for table in self._tables_of(name):
            yield from table.places

    def count(self, name: str) -> int:
        """How many rows a class or family has."""
        return sum(len(table.places) for table in self._tables_of(name))

    def __len__(self) -> int:
        return sum(len(table.places) for table in self._tables.values())

    @property
    def held_bytes(self) -> int:
        """Of memory, roughly; takes a look at each block of rows."""
        texts = sum(one.newest_bytes + sum(map(len, one.blocks)) for one in self._tables.values())
        return texts + _ROW_BYTES * len(self) + _TABLE_BYTES * len(self._tables)

    def __contains__(self, reference: str) -> bool:
        return self._concrete(reference) is not None

    def one(self, reference: str | None) -> Row | None:
        """The row of ``Image:5``, or of ``Annotation:7`` whatever kind it is; none where there is none.

        Quick for rows that were added near each other.
        """
        found = None if reference is None else self._concrete(reference)
        return None if found is None else json.loads(self._line(*found))

    def _concrete(self, reference: str) -> tuple[str, int] | None:
        name, number = split_reference(reference)
        for one in (name, *FAMILIES.get(name, ())):
            if one in self._tables and number in self._tables[one].places:
                return one, number
        return None

    def _tables_of(self, name: str) -> Iterator[_Table]:
        return (self._tables[one] for one in (name, *FAMILIES.get(name, ())) if one in self._tables)

    def _line(self, name: str, number: int) -> bytes:
        table = self._tables[name]
        block, offset = divmod(table.places[number], 1 << _OFFSET_BITS)
        if block == len(table.blocks):
            return table.newest[offset]
        return self._lines(name, block)[offset]

    def _lines(self, name: str, block: int) -> list[bytes]:
        lines = self._at_hand.pop((name, block), None)
        if lines is None:
            lines = zlib.decompress(self._tables[name].blocks[block]).split(b"\n")
            self._make_room_at_hand(sum(map(len, lines)))
        self._at_hand[name, block] = lines
        return lines

    def _make_room_at_hand(self, size: int) -> None:
        hand = self._at_hand
        self._bytes_at_hand += size
        while hand and (self._bytes_at_hand > _BYTES_AT_HAND or len(hand) >= _BLOCKS_AT_HAND):
            self._bytes_at_hand -= sum(map(len, hand.popitem(last=False)[1]))

    def changed(self, changes: Mapping[str, Row | None]) -> Graph:
        """This graph with other rows of some objects, or without them (none).

        Classes that nothing is changed of are shared: do not add to either graph afterwards.
        """
        made = Graph()
        affected = {split_reference(key)[0] for key in changes}
        made._tables = {name: table for name, table in self._tables.items() if name not in affected}
        for name in affected & self._tables.keys():
            for row in self.rows(name):
                new = changes.get(row["@"], row)
                if new is not None:
                    made.add(new)
        return made

    def texts(self) -> Iterator[bytes]:
        """All rows as lines of JSON, class by class, in pieces of whole lines without the last line's end."""
        for name in self.classes():
            yield from self._tables[name].texts()


def _told_twice(here: Row, new: Row) -> BridgeError:
    fields = sorted(name for name in {*here, *new} if here.get(name) != new.get(name))
    return BadPacket(
        f"{here['@']} is told of twice, and differently: {', '.join(fields)}.",
        hint="If somebody worked with it at this moment, try again.",
    )


def _encode(row: Row) -> bytes:
    line = _as_line(row)
    if len(line) > LONGEST_LINE:
        raise BadPacket(
            f"{row['@']} has more than {LONGEST_LINE:,} bytes as JSON; so large rows are not read."
        )
    return line


def _as_line(row: Row) -> bytes:
    try:
        return _dumps(row, escape=False).encode()
    except UnicodeEncodeError:  # surrogates, which JSON can escape and UTF-8 cannot have; a pair becomes one
        return _dumps(row, escape=True).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadPacket(f"{row['@']} cannot be written as JSON: {error}.") from error


def _dumps(value: object, *, escape: bool) -> str:
    return json.dumps(value, ensure_ascii=escape, allow_nan=False, separators=(",", ":"))


# -- bridge/omero.jsonl


@dataclass(frozen=True, slots=True)
class GraphHeader:
    """The first line: where the rows come from, and which model they are of.

    ``server`` is the UUID of the database, ``omero`` the version of the server, ``omero_py`` that of the
    classes that the rows were made of.
    """

    server: str
    omero: str
    omero_py: str
    roots: tuple[ObjectRef, ...]
    version: int = VERSION

    def to_row(self) -> dict[str, Any]:
        return {
            "form": FORM,
            "version": self.version,
            "server": self.server,
            "omero": self.omero,
            "omero_py": self.omero_py,
            "roots": [str(root) for root in self.roots],
        }


def write_jsonl(graph: Graph, header: GraphHeader) -> Iterator[bytes]:
    """``bridge/omero.jsonl`` in pieces of about a megabyte; the same graph gives the same bytes."""
    yield _dumps(header.to_row(), escape=False).encode() + b"\n"
    for text in graph.texts():
        yield text + b"\n"


def read_jsonl(lines: Iterable[bytes], *, limits: Limits = DEFAULT_LIMITS) -> tuple[GraphHeader, Graph]:
    """The header and the graph that :func:`write_jsonl` wrote; whether classes exist is not looked at.

    ``lines`` come with or without their ends, as :func:`lines_of` or an open file gives them.

    Raises:
        BadPacket: this is something else, newer than this program, damaged, hostile, or too large.
    """
    graph, header = Graph(), None
    for number, line in enumerate(_while_there_is_room(lines, graph, limits), 1):
        row = _decode(line, number)
        if header is None:
            header = _header(row)
        else:
            graph.add(row)
    if header is None:
        raise BadPacket(f"{FORM} is empty.")
    return header, graph


def _while_there_is_room(lines: Iterable[bytes], graph: Graph, limits: Limits) -> Iterator[bytes]:
    """``lines``, from which ``graph`` is made; now and then it is looked how large that is."""
    passed = 0
    for line in lines:
        yield line
        passed += _ROW_BYTES + len(line)
        if passed >= _LOOK_EVERY_BYTES:
            passed = 0
            if graph.held_bytes > limits.graph_bytes:
                raise BadPacket(f"{FORM} takes more than {limits.graph_bytes:,} bytes of memory.")


def lines_of(pieces: Iterable[bytes], *, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Lines without their ends, of bytes that come in any pieces; an end of the last line may be missing.

    Raises:
        BadPacket: a line is longer than ``longest`` bytes; no more than that and a piece is ever held.
    """
    parts: list[bytes] = []
    held = 0
    for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for line in ended:
            _check_length(held + len(line), longest)
            yield b"".join((*parts, line))
            parts, held = [], 0
        parts.append(rest)
        held += len(rest)
        _check_length(held, longest)
    if held:
        yield b"".join(parts)


def _check_length(length: int, longest: int) -> None:
    if length > longest:
        raise BadPacket(f"{FORM} has a line of more than {longest:,} bytes.")


def _decode(line: bytes, number: int) -> Row:
    _check_length(len(line), LONGEST_LINE)
    try:
        row = json.loads(line.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadPacket(f"Line {number:,} of {FORM} is not JSON: {error}.") from error
    if not isinstance(row, dict) or _is_deeper(row, DEEPEST) or not isinstance(row.get("details", {}), dict):
        raise BadPacket(
            f"Line {number:,} of {FORM} is no row: expected an object of at most {DEEPEST} levels."
        )
    return row


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels < 1 or any(_is_deeper(one, levels - 1) for one in inner)


def _header(row: Row) -> GraphHeader:
    version = row.get("version")
    if row.get("form") != FORM or type(version) is not int:
        raise BadPacket(f"The first line is not the header of {FORM}.")
    if version > VERSION:
        raise BadPacket(
            f"{FORM} has version {version}; this program knows {VERSION}.",
            hint="Update omero-irods-bridge.",
        )
    texts, roots = [row.get(name) for name in ("server", "omero", "omero_py")], row.get("roots")
    if not isinstance(roots, list) or not all(isinstance(one, str) for one in (*texts, *roots)):
        raise BadPacket(f"The header of {FORM} is not complete.")
    server, omero, omero_py = map(str, texts)
    try:
        return GraphHeader(server, omero, omero_py, parse_objects(roots), version)
    except UsageError as error:
        raise BadPacket(f"The header of {FORM} names no objects: {error}") from error
