"""Building the structures that the server sends. Names: ``rodsPackInstruct.h`` and ``packStruct.h``.

The real server ends every element with a newline; so does this one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from omero_irods_sandbox.irods_zone.wire.xml import encoded, escaped

Field = tuple[str, "str | int"]


class Builder:
    """Writes elements one after the other."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def open(self, tag: str) -> Builder:
        self._parts.append(f"<{tag}>\n")
        return self

    def close(self, tag: str) -> Builder:
        self._parts.append(f"</{tag}>\n")
        return self

    def add(self, tag: str, value: str | int) -> Builder:
        text = str(value) if isinstance(value, int) else escaped(value)
        self._parts.append(f"<{tag}>{text}</{tag}>\n")
        return self

    def bytes(self) -> bytes:
        return encoded("".join(self._parts))


def struct(name: str, *fields: Field) -> bytes:
    """A flat structure."""
    builder = Builder().open(name)
    for tag, value in fields:
        builder.add(tag, value)
    return builder.close(name).bytes()


def string(text: str) -> bytes:
    """STR_PI."""
    return struct("STR_PI", ("myStr", text))


def json_string(value: object) -> bytes:
    """STR_PI holding JSON."""
    return string(json.dumps(value))


def json_buffer(value: object) -> bytes:
    """BinBytesBuf_PI holding JSON that ends in a NUL, as the real server sends it."""
    payload = json.dumps(value).encode() + b"\0"
    return struct(
        "BinBytesBuf_PI", ("buflen", len(payload)), ("buf", base64.b64encode(payload).decode("ascii"))
    )


def key_values(pairs: dict[str, str], builder: Builder) -> Builder:
    """KeyValPair_PI."""
    builder.open("KeyValPair_PI").add("ssLen", len(pairs))
    for key in pairs:
        builder.add("keyWord", key)
    for value in pairs.values():
        builder.add("svalue", value)
    return builder.close("KeyValPair_PI")


def error_stack(messages: Iterable[tuple[int, str]]) -> bytes:
    """RError_PI: what the client shows beside the code."""
    entries = list(messages)
    builder = Builder().open("RError_PI").add("count", len(entries))
    for status, message in entries:
        builder.open("RErrMsg_PI").add("status", status).add("msg", message).close("RErrMsg_PI")
    return builder.close("RError_PI").bytes()
