"""The table of API operations: number, name, handler, and what the rules see of a request."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire.channel import ByteStream
from omero_irods_sandbox.irods_zone.wire.xml import Element


@dataclass(frozen=True, slots=True)
class Request:
    """One API request. ``body`` is an empty element when the message was empty."""

    number: int
    body: Element
    stream: ByteStream

    def json(self) -> dict[str, Any]:
        """The JSON object inside a BinBytesBuf_PI.

        Raises:
            ZoneError: SYS_INTERNAL_ERR when it holds none (what rs_* functions answer to unparsable JSON).
        """
        try:
            value = json.loads(self.buffer().rstrip(b"\0"))
        except (ValueError, RecursionError) as error:
            raise ZoneError("SYS_INTERNAL_ERR", "The input is not JSON.") from error
        if not isinstance(value, dict):
            raise ZoneError("SYS_INTERNAL_ERR", "The input is not a JSON object.")
        return value

    def buffer(self) -> bytes:
        """The bytes inside a BinBytesBuf_PI. Raises ZoneError SYS_INTERNAL_ERR when they are not base64."""
        try:
            return base64.b64decode(self.body.string("buf"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ZoneError("SYS_INTERNAL_ERR", "The input is not base64.") from error


@dataclass(frozen=True, slots=True)
class FileRange:
    """Part of an open file that a reply sends as its byte stream."""

    descriptor: int
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Reply:
    """``int_info`` is the status: negative for an error, else 0 or what the operation counts or opens.

    The byte stream is a part of a ``file``, or ``data``.
    """

    message: bytes = b""
    int_info: int = 0
    error: bytes = b""
    file: FileRange | None = None
    data: bytes = b""


Handler = Callable[[Session, Request], Reply]
PolicyArguments = Callable[[Request], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Operation:
    """``policy_arguments`` builds what a rule finds after instance and context; None: no hooks."""

    number: int
    name: str
    handler: Handler
    policy_arguments: PolicyArguments | None = None
    needs_login: bool = field(default=True)


OPERATIONS: Final[dict[int, Operation]] = {}


def operation(
    number: int, name: str, *, rules: PolicyArguments | None = None, needs_login: bool = True
) -> Callable[[Handler], Handler]:
    """Register a handler under its API number; ``name`` is the one policy hooks are named after.

    Source of numbers and names: ``apiNumberData.h`` and ``apiTable.hpp``.
    """

    def register(handler: Handler) -> Handler:
        if number in OPERATIONS:
            raise ValueError(f"API {number} has two handlers")
        OPERATIONS[number] = Operation(number, name, handler, rules, needs_login)
        return handler

    return register
