"""Errors of the zone, named as iRODS names them.

Codes and names come from ``rodsErrorTable.h`` of iRODS, read through
:mod:`irods.exception` of python-irodsclient where it knows them; the few that it
does not know are listed here (reference/irods-wire.md, Pitfalls 2).
"""

from __future__ import annotations

import irods.exception

_UNKNOWN_TO_PRC = {
    "CAT_HOSTNAME_INVALID": -855000,
    "CAT_INVALID_CHILD": -857000,
    "CAT_INVALID_RESOURCE_NAME": -859000,
    "CAT_PSEUDO_RESC_MODIFY_DISALLOWED": -854000,
    "CAT_TICKET_GROUP_EXCLUDED": -895000,
    "CAT_TICKET_HOST_EXCLUDED": -894000,
    "CAT_TICKET_USER_EXCLUDED": -893000,
    "CAT_TICKET_WRITE_BYTES_EXCEEDED": -897000,
    "CAT_TICKET_WRITE_USES_EXCEEDED": -896000,
    "CHILD_EXISTS": -1802000,
    "CHILD_HAS_PARENT": -1812000,
    "CHILD_NOT_FOUND": -1804000,
    "DEPRECATED_API": -3001000,
    "DIRECT_ARCHIVE_ACCESS": -1814000,
    "INTERMEDIATE_REPLICA_ACCESS": -405000,
    "INVALID_OPERATION": -1811000,
    "JSON_VALIDATION_ERROR": -172000,
    "PATH_REG_NOT_ALLOWED": -129000,
    "RE_PARSER_ERROR": -1201000,
    "RE_UNABLE_TO_FIND_RULE": -1089000,
    "SERVER_NEGOTIATION_ERROR": -1825000,
    "SYS_INTERNAL_ERR": -154000,
    "SYS_NO_GOOD_REPLICA": -166000,
    "SYS_USER_NO_PERMISSION": -121000,
    "UNIX_FILE_ERR": -510000,
    "USER_FILE_SIZE_MISMATCH": -401000,
    "USER_INCOMPATIBLE_OPEN_FLAGS": -404000,
    "USER_INVALID_RESC_INPUT": -361000,
    "USER_NOT_IN_GROUP": -1830000,
}


def code_of(name: str) -> int:
    """The number of the iRODS error ``name``.

    Raises:
        LookupError: neither python-irodsclient nor the table here knows the name.
    """
    if name in _UNKNOWN_TO_PRC:
        return _UNKNOWN_TO_PRC[name]
    code = getattr(getattr(irods.exception, name, None), "code", None)
    if not isinstance(code, int):
        raise LookupError(f"no iRODS error is called {name!r}")
    return code


class ZoneError(Exception):
    """An operation that fails as iRODS fails it.

    ``code`` travels to the client in the reply's ``intInfo``, ``message`` in its
    error part (RError_PI), ``payload`` in its message part: some operations
    answer with a body even when they fail (CHECK_VERIFICATION_RESULTS, atomic
    metadata, replica truncation).
    """

    def __init__(self, code: int | str, message: str = "", payload: bytes = b"") -> None:
        super().__init__(message or str(code))
        self.code = code if isinstance(code, int) else code_of(code)
        self.message = message
        self.payload = payload


def system_error(error: OSError, message: str = "", *, base: str = "UNIX_FILE_ERR") -> ZoneError:
    """An operating system error as iRODS reports it: errno rides in the last three digits.

    ``base`` names what failed. Source: UNIX_FILE_*_ERR of rodsErrorTable.h, e.g. -510002 for a
    file that is not there, -513028 for a write onto a full disk.
    """
    return ZoneError(code_of(base) - (error.errno or 0), message or str(error))
