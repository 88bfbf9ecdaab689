"""Names that other clients made and the protocol cannot carry: control characters, bytes that are no text."""

from __future__ import annotations

from omero_irods_bridge.model.errors import BadName
from omero_irods_bridge.model.stored import is_sendable


def unsayable(path: str) -> BadName | None:
    """What is wrong with a path that cannot be asked for, its name escaped, and what to do; else none."""
    if is_sendable(path):
        return None
    return BadName(
        f"{path!a} cannot come into OMERO: its path has control characters, or bytes that are no text,"
        " and clients such as this one cannot name it.",
        hint="Rename it with icommands, whose form of the protocol can name it:"
        f" imv {_in_shell(path)} NEW_PATH",
    )


def _in_shell(path: str) -> str:
    """As bash takes any bytes."""
    plain = (chr(one) if 0x20 <= one < 0x7F else f"\\x{one:02x}" for one in _bytes(path))
    return f"$'{''.join(plain)}'"


def _bytes(path: str) -> bytes:
    return path.replace("\\", r"\\").replace("'", r"\'").encode(errors="surrogateescape")
