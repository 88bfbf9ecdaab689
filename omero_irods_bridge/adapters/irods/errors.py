"""What python-irodsclient raises, in the bridge's own errors.

Codes and names: ``rodsErrorTable.h`` of iRODS 5. PRC has no class for some of them and raises a bare
``KeyError(code)`` then (reference/irods-wire.md, pitfall 2). The last three digits of a code are an errno.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Final
from xml.etree.ElementTree import ParseError

from irods.auth import ClientAuthError
from irods.auth.pam import PamLoginException
from irods.exception import (
    NetworkException,
    get_exception_class_by_code,
    iRODSException,
    rounded_code,
)
from irods.message import iRODSMessage

from omero_irods_bridge.model.errors import (
    AccessDenied,
    BridgeError,
    Busy,
    ChecksumMismatch,
    InArchive,
    NoSpace,
    NotFound,
    TargetExists,
    Unreachable,
)

CAT_COLLECTION_NOT_EMPTY: Final = -821000
CAT_NO_CHECKSUM_FOR_REPLICA: Final = -862000
CAT_SUCCESS_BUT_WITH_NO_INFO: Final = -819000
CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME: Final = -809000
HIERARCHY_ERROR: Final = -1803000
INTERMEDIATE_REPLICA_ACCESS: Final = -405000
LOCKED_DATA_OBJECT_ACCESS: Final = -406000
OBJ_PATH_DOES_NOT_EXIST: Final = -358000
SYS_INTERNAL_ERR: Final = -154000

_NAMES_PRC_LACKS: Final = {
    -129000: "PATH_REG_NOT_ALLOWED",
    -154000: "SYS_INTERNAL_ERR",
    -181000: "SHUTDOWN_SEQUENCE_INITIATED",
    -361000: "USER_INVALID_RESC_INPUT",
    -400000: "USER_INSUFFICIENT_FREE_INODES",
    -401000: "USER_FILE_SIZE_MISMATCH",
    -405000: "INTERMEDIATE_REPLICA_ACCESS",
    -721000: "REPLICA_IS_BEING_STAGED",
    -722000: "REPLICA_STAGING_FAILED",
    -893000: "CAT_TICKET_USER_EXCLUDED",
    -894000: "CAT_TICKET_HOST_EXCLUDED",
    -895000: "CAT_TICKET_GROUP_EXCLUDED",
    -896000: "CAT_TICKET_WRITE_USES_EXCEEDED",
    -897000: "CAT_TICKET_WRITE_BYTES_EXCEEDED",
    -1811000: "INVALID_OPERATION",
    -1814000: "DIRECT_ARCHIVE_ACCESS",
    -1825000: "SERVER_NEGOTIATION_ERROR",
}

_LOGIN_HINT: Final = "Check user and password: run iinit, and then ils to try them."
_PERMISSION_HINT: Final = "Ask the owner or a rodsadmin for access: ichmod write <user> <path>."
_BUSY_HINT: Final = "Try again when the other writer is done."
_NO_REPLICA_HINT: Final = "Try again later: somebody writes it, or the resource that it is on is down."
_STAGING_HINT: Final = "Try again later: iRODS is fetching it from an archive."
_SPACE_HINT: Final = "Ask the iRODS administrator for space, or choose another resource or target."
_UNKNOWN_HINT: Final = "Look into the log of the iRODS server, or run: omero-irods doctor"
_DOWN_HINT: Final = "Try again later, or run: omero-irods doctor"
_DAMAGED_HINT: Final = (
    "The bytes in iRODS are not what its catalog says: get a good copy, or tell the administrator."
)
_LOST_FILE_HINT: Final = (
    "The file of the replica may be lost: use another replica, and tell the iRODS administrator."
)
_TLS_HINT: Final = (
    "Let client and server agree on TLS: irods_client_server_policy and"
    " irods_client_server_negotiation in irods_environment.json."
)

_SCHEME_HINT: Final = (
    "Correct irods_authentication_scheme in irods_environment.json (native; or pam_password, which needs TLS)"
    " and run iinit."
)

_Kind = tuple[type[BridgeError], str]

_KINDS: Final[dict[int, _Kind]] = {
    **dict.fromkeys(
        (-826000, -827000, -840000, -850000, -991000, -992000, -993000, -994000, -1000000),
        (AccessDenied, _LOGIN_HINT),
    ),
    **dict.fromkeys((-13000, -169000, -129000, -818000, -830000), (AccessDenied, _PERMISSION_HINT)),
    **dict.fromkeys(range(-897000, -889000, 1000), (AccessDenied, "Ask for a ticket that is still valid.")),
    -39000: (AccessDenied, "Only a rodsadmin may act for another user (client_user)."),
    **dict.fromkeys((-163000, -405000, -406000), (Busy, _BUSY_HINT)),
    **dict.fromkeys((-168000, -1803000), (Busy, _NO_REPLICA_HINT)),
    -721000: (Busy, _STAGING_HINT),
    **dict.fromkeys((-312000, -809000, -833000, -834000), (TargetExists, "")),
    **dict.fromkeys((-110000, -311000, -400000), (NoSpace, _SPACE_HINT)),
    **dict.fromkeys(
        (-78000, -164000, -310000, -358000, -808000, -814000, -816000, -817000, -836000), (NotFound, "")
    ),
    **dict.fromkeys((-314000, -401000, -407000), (ChecksumMismatch, _DAMAGED_HINT)),
    **dict.fromkeys(
        (*range(-5000, 0, 1000), -38000, -105000, -115000, -116000, -118000, -161000, -162000, -181000),
        (Unreachable, _DOWN_HINT),
    ),
    -1814000: (InArchive, "Let iRODS choose the replica: it fetches it from the archive."),
    -1825000: (BridgeError, _TLS_HINT),
}

_NO_SPACE_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNIX_FILE_ERRORS: Final = range(-529999, -509999)
"""UNIX_FILE_OPEN_ERR and the other codes of the unixfilesystem resource."""

_BROKEN_ANSWERS: Final = (ParseError, struct.error, iRODSMessage.ResponseNotParseable, UnicodeDecodeError)
_LOST: Final = (NetworkException, OSError)
_REFUSED_HERE: Final = (PamLoginException, ImportError, RuntimeError)
"""What PRC raises for a scheme of authentication that it does not have, or not over such a connection."""


def code_of(error: BaseException | None) -> int | None:
    """The iRODS code that PRC raised ``error`` for, errno included; none for another error."""
    if isinstance(error, iRODSException):
        code = getattr(error, "code", None)
        return code if isinstance(code, int) else None
    if isinstance(error, KeyError) and error.args and type(error.args[0]) is int:
        return int(error.args[0])
    return None


def is_answer(error: BaseException) -> bool:
    """Whether a server answered with ``error``: the connection goes on as before."""
    return code_of(error) is not None


def is_file_error(code: int) -> bool:
    """Whether the server could not do with the file in its vault what it had to."""
    return code in _UNIX_FILE_ERRORS


def from_code(code: int, what: str, told: object = None) -> BridgeError:
    """The error for an iRODS code. ``what`` was tried, in words; ``told`` is the server's own text."""
    nominal = rounded_code(code)
    kind, hint = _KINDS.get(nominal, (BridgeError, _UNKNOWN_HINT))
    if is_file_error(code) and -code % 1000 in _NO_SPACE_ERRNOS:
        kind, hint = NoSpace, _SPACE_HINT
    return kind(f"{what}: {_reason(code, nominal, told)}", hint=hint)


def from_reading(code: int, what: str, told: object = None) -> BridgeError:
    """Like :func:`from_code` where stored bytes were read: a file that the server cannot read is damage."""
    error = from_code(code, what, told)
    return ChecksumMismatch(error.message, hint=_LOST_FILE_HINT) if is_file_error(code) else error


def _reason(code: int, nominal: int, told: object) -> str:
    name = _NAMES_PRC_LACKS.get(nominal) or get_exception_class_by_code(code, name_only=True)
    system = errno.errorcode.get(-code % 1000, "") if is_file_error(code) else ""
    reason = " ".join(part for part in (f"iRODS answered {name}", system, f"({code})") if part)
    text = str(told).strip() if told else ""
    return f"{reason}: {text}" if text else f"{reason}."


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Like :func:`translated` around what reads stored bytes.

    Raises:
        ChecksumMismatch: the server cannot read the file of the replica.
    """
    with translated(what):
        try:
            yield
        except Exception as error:
            code = code_of(error)
            if code is None or not is_file_error(code):
                raise
            raise from_reading(code, what) from error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise a BridgeError for what PRC or the network raises inside; ``what`` is being tried, in words."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:
        known = _known(error, what)
        if known is None:
            raise
        raise known from error


def _known(error: Exception, what: str) -> BridgeError | None:
    code = code_of(error)
    if code is not None:
        return from_code(
            code, what, error.args[0] if isinstance(error, iRODSException) and error.args else None
        )
    if (refused := _of_login(error, what)) is not None:
        return refused
    if isinstance(error, _BROKEN_ANSWERS):
        return BridgeError(f"{what}: iRODS sent an answer that cannot be read ({type(error).__name__}).")
    if isinstance(error, _LOST):
        return Unreachable(f"{what}: the connection to iRODS failed ({error}).", hint=_DOWN_HINT)
    return None


def _of_login(error: Exception, what: str) -> BridgeError | None:
    if isinstance(error, ClientAuthError):
        return AccessDenied(f"{what}: the login did not succeed.", hint=_LOGIN_HINT)
    if isinstance(error, _REFUSED_HERE) and _is_in_login(error):
        return AccessDenied(f"{what}: {error}", hint=_SCHEME_HINT)
    if isinstance(error, NetworkException) and "negotiation failure" in str(error):  # its own words
        return BridgeError(f"{what}: {error}.", hint=_TLS_HINT)
    return None


def _is_in_login(error: Exception) -> bool:
    places = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(place.startswith("irods.auth") for place in places)
