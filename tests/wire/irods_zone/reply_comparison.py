"""Compares a reply with the recorded one: status, structure and all values that can be the same.

Ids, times, tokens, challenges and physical paths are different on every server. They must be of
the same kind, and the same recorded id must always be the same id here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omero_irods_sandbox.irods_zone.wire.xml import Element, parse

if TYPE_CHECKING:
    from tests.wire.irods_zone.recording import Frame
    from tests.wire.irods_zone.wire_client import WireReply

_RECORDED_VAULT: Final = "/var/lib/irods/Vault"

_KIND_OF_COLUMN: Final = {
    **dict.fromkeys((201, 401, 402, 423, 500, 603, 613, 713, 714), "id"),
    **dict.fromkeys((208, 209, 419, 420, 424, 508, 509), "time"),
    **dict.fromkeys((307, 410), "path"),
}
"""GenQuery columns that differ from server to server. Source: ``rodsGenQuery.h``."""

_KIND_OF_KEY: Final = {
    **dict.fromkeys(("collection_id", "data_id", "resource_id"), "id"),
    **dict.fromkeys(("data_create", "data_modify"), "time"),
    "digest": "random",
    "file_path": "path",
    "replica_token": "token",
    "request_result": "random",
}
"""JSON keys likewise. Source: the recording."""

_TIME: Final = re.compile(r"\d{11}")


@dataclass(frozen=True, slots=True)
class Difference:
    """``where`` is the path of elements, JSON keys and columns within the reply to ``frame``."""

    frame: int
    where: str
    recorded: str
    ours: str


class KnownValues:
    """Which value here stands for which recorded one."""

    def __init__(self, vault: Path) -> None:
        self._vault = str(vault)
        self._ours: dict[tuple[str, str], str] = {}

    def is_same(self, kind: str, recorded: str, ours: str) -> bool:
        """Whether ``ours`` can stand for ``recorded``; from then on it has to."""
        if kind == "time":
            return _is_time(recorded) == _is_time(ours)
        if kind == "random":
            return bool(recorded) == bool(ours)
        if kind == "path":
            return recorded.replace(_RECORDED_VAULT, self._vault) == ours
        if bool(recorded) != bool(ours):
            return False
        return self._ours.setdefault((kind, recorded), ours) == ours

    def translate(self, message: str) -> str:
        """A recorded request with the ids and tokens of this server."""
        for (kind, recorded), ours in self._ours.items():
            if kind == "token" and recorded:
                message = message.replace(recorded, ours)
        return re.sub(r"'(\d+)'", self._translated_id, message)

    def _translated_id(self, match: re.Match[str]) -> str:
        return f"'{self._ours.get(('id', match.group(1)), match.group(1))}'"


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def differences(recorded: Frame, reply: WireReply, known: KnownValues) -> Iterator[Difference]:
    """What is not the same in the reply to one request."""
    found = _Comparison(recorded.number, known)
    found.values("type", recorded.type, reply.type)
    found.values("intInfo", recorded.int_info, reply.int_info)
    found.values("bsLen", recorded.stream_bytes, len(reply.stream))
    found.messages("message", recorded.message.encode("utf-8", "surrogateescape"), reply.message)
    found.messages("error", recorded.error.encode("utf-8", "surrogateescape"), reply.error)
    return iter(found.differences)


class _Comparison:
    def __init__(self, frame: int, known: KnownValues) -> None:
        self._frame = frame
        self._known = known
        self.differences: list[Difference] = []

    def values(self, where: str, recorded: object, ours: object) -> None:
        if recorded != ours:
            self.differences.append(Difference(self._frame, where, repr(recorded), repr(ours)))

    def messages(self, where: str, recorded: bytes, ours: bytes) -> None:
        if not recorded or not ours:
            self.values(where, recorded, ours)
            return
        self._elements(where, parse(recorded), parse(ours))

    def _elements(self, where: str, recorded: Element, ours: Element) -> None:
        where = f"{where}/{recorded.tag}"
        if recorded.tag != ours.tag:
            self.values(where, recorded.tag, ours.tag)
        elif recorded.tag == "GenQueryOut_PI":
            self._tables(where, recorded, ours)
        elif recorded.tag == "BinBytesBuf_PI":
            self._json(f"{where}/buf", _buffer(recorded), _buffer(ours))
        elif recorded.tag == "STR_PI" and recorded.string("myStr").startswith("["):
            self._rows(where, json.loads(recorded.string("myStr")), json.loads(ours.string("myStr")))
        else:
            self._children(where, recorded, ours)

    def _children(self, where: str, recorded: Element, ours: Element) -> None:
        tags = [child.tag for child in recorded.children]
        self.values(f"{where}/*", tags, [child.tag for child in ours.children])
        if not tags:
            self.values(where, recorded.text or "", ours.text or "")
            return
        for one, other in zip(recorded.children, ours.children, strict=False):
            self._elements(where, one, other)

    def _tables(self, where: str, recorded: Element, ours: Element) -> None:
        """Results of GenQuery. Rows come in no order unless one is asked for, and none was."""
        self.values(f"{where}/*", _tags(recorded), _tags(ours))
        for count in ("rowCnt", "attriCnt", "continueInx", "totalRowCount"):
            self.values(f"{where}/{count}", recorded.integer(count), ours.integer(count))
        columns = _columns(recorded)
        self.values(f"{where}/columns", columns, _columns(ours))
        kinds = [_KIND_OF_COLUMN.get(column) for column in columns]
        self._tables_of_kinds(where, kinds, _table(recorded), _table(ours))

    def _tables_of_kinds(
        self, where: str, kinds: Sequence[str | None], recorded: list[list[str]], ours: list[list[str]]
    ) -> None:
        if len(recorded) != len(ours):
            self.values(f"{where}/rows", recorded, ours)
            return

        def same_everywhere(row: list[str]) -> list[str]:
            return [value for value, kind in zip(row, kinds, strict=True) if kind is None]

        pairs = zip(sorted(recorded, key=same_everywhere), sorted(ours, key=same_everywhere), strict=True)
        for one, other in pairs:
            for kind, value, here in zip(kinds, one, other, strict=True):
                self._value(f"{where}/value", kind, value, here)

    def _rows(self, where: str, recorded: list[list[str]], ours: list[list[str]]) -> None:
        """Results of GenQuery 2."""
        self.values(f"{where}/rows", sorted(recorded), sorted(ours))

    def _value(self, where: str, kind: str | None, recorded: str, ours: str) -> None:
        if kind is None or not self._known.is_same(kind, recorded, ours):
            self.values(where, recorded, ours)

    def _json(self, where: str, recorded: Any, ours: Any) -> None:
        if isinstance(recorded, dict) and isinstance(ours, dict):
            self.values(f"{where}/keys", sorted(recorded), sorted(ours))
            for key in recorded.keys() & ours.keys():
                self._json_member(f"{where}/{key}", key, recorded[key], ours[key])
        elif isinstance(recorded, list) and isinstance(ours, list):
            self.values(f"{where}/length", len(recorded), len(ours))
            for one, other in zip(recorded, ours, strict=False):
                self._json(where, one, other)
        else:
            self.values(where, recorded, ours)

    def _json_member(self, where: str, key: str, recorded: Any, ours: Any) -> None:
        kind = _KIND_OF_KEY.get(key)
        if kind is None:
            self._json(where, recorded, ours)
        elif type(recorded) is not type(ours):
            self.values(where, recorded, ours)
        else:
            self._value(where, kind, str(recorded), str(ours))


def _buffer(element: Element) -> Any:
    return json.loads(base64.b64decode(element.string("buf")).rstrip(b"\0"))


def _tags(result: Element) -> list[str]:
    """The fields of a GenQueryOut_PI; see test_recording about the empty columns at its end."""
    fields = [child for child in result.children if child.integer("attriInx") or child.tag != "SqlResult_PI"]
    return [child.tag for child in fields]


def _columns(result: Element) -> list[int]:
    return [column for entry in result.all("SqlResult_PI") if (column := entry.integer("attriInx"))]


def _table(result: Element) -> list[list[str]]:
    columns = [entry.strings("value") for entry in result.all("SqlResult_PI") if entry.integer("attriInx")]
    return [list(row) for row in zip(*columns, strict=True)]
