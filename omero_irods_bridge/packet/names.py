"""Which member names are safe, and which of them can stand beside each other.

Two strengths. A name that is *unsafe* would leave the folder that it is unpacked into, or reads differently
to different programs: neither written nor read. A name that is only *unportable* is fine on POSIX and
impossible on Windows: never written, read with a note (docs/packet-format.md, Names).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from omero_irods_bridge.model.errors import BadName

COMPONENT_BYTES: Final = 255
"""NAME_MAX of Linux and of most file systems, in bytes of UTF-8."""
PATH_BYTES: Final = 1_000
"""Of a path that is written: iRODS' MAX_NAME_LEN (1088) has to hold the collection too."""
READ_PATH_BYTES: Final = 4_096
"""Of a path that is read: PATH_MAX of Linux."""

FOLDERS_BYTES: Final = 256 << 20
"""Of the paths of all folders that are known, at most: a name of 4,096 bytes has up to 2,047 of them."""

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*]')
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\..*)?", re.IGNORECASE
)
_REPLACED: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>:"|?*/\\]')
_ENDING_BYTES: Final = 40


def check_name(path: str, *, portable: bool = True) -> None:
    """Whether a member may have this name: for writing, or with ``portable`` off for reading.

    Raises:
        BadName: it may not.
    """
    problem = unsafe(path) or (portable and unportable(path))
    if problem:
        raise BadName(f"The name {quoted(path)} {problem}.", hint="Rename the file, or leave it out.")


def check_names(paths: Iterable[str], *, portable: bool = True) -> None:
    """Whether members of these names can be in one packet.

    Raises:
        BadName: one may not be, or two clash.
    """
    names = NameSet(portable=portable)
    for path in paths:
        names.add(path)


def unsafe(path: str) -> str | None:
    """What is wrong with a name wherever it is read, as the end of a sentence; none for nothing."""
    if not _is_utf8(path):
        return "is not valid Unicode"
    if len(path.encode()) > READ_PATH_BYTES:
        return f"is longer than {READ_PATH_BYTES:,} bytes"
    if path.startswith("/") or _DRIVE.match(path):
        return "is absolute"
    if (found := _UNSAFE.search(path)) is not None:
        return "has a backslash, a separator on Windows" if found[0] == "\\" else "has a control character"
    return _first(map(_unsafe_component, path.split("/")))


def unportable(path: str) -> str | None:
    """What is wrong with a name on Windows or in iRODS, as the end of a sentence; none for nothing."""
    if len(path.encode(errors="replace")) > PATH_BYTES:
        return f"is longer than {PATH_BYTES:,} bytes"
    return _first(map(_unportable_component, path.split("/")))


def quoted(path: str) -> str:
    """A name of unknown origin, fit for a message: one line, no control characters, not endless."""
    return repr(path) if _is_plain(path) else ascii(path if len(path) <= 200 else path[:200] + "...")


class NameSet:
    """Names that can be in one packet, added one at a time; one thread."""

    def __init__(self, *, portable: bool = True) -> None:
        self._portable = portable
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._folders_bytes = 0

    def add(self, path: str) -> None:
        """Add a file.

        Raises:
            BadName: its name is bad, or clashes with one that was added before.
        """
        check_name(path, portable=self._portable)
        key = _fold(path)
        if (other := self._files.get(key)) is not None:
            raise _clash(path, other, "are one name" if path == other else _TWINS)
        if (other := self._folders.get(key)) is not None:
            raise _clash(path, other, "are a file and a folder of one name")
        self._files[key] = path
        self._add_folders(path, key)

    def add_folder(self, path: str) -> None:
        """Add a folder, without a ``/`` at its end; it may be there already."""
        check_name(path, portable=self._portable)
        self._add_folders(path + "/", _fold(path) + "/")

    def _add_folders(self, path: str, key: str) -> None:
        """The folders that hold ``path``, innermost first: where one is known, those above it are too."""
        while True:
            path, key = path.rpartition("/")[0], key.rpartition("/")[0]
            if not path or self._folders.get(key) == path:
                return
            self._add_one_folder(path, key)

    def _add_one_folder(self, path: str, key: str) -> None:
        if (other := self._files.get(key)) is not None:
            raise _clash(path, other, "are a folder and a file of one name")
        other = self._folders.setdefault(key, path)
        self._folders_bytes += len(key) if other is path else 0
        if self._folders_bytes > FOLDERS_BYTES:
            raise BadName("The names have too many folders in folders.", hint="Pack fewer of them at once.")
        if other != path and self._portable:
            raise _clash(path, other, _TWINS)


def unportable_names(paths: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that cannot be on Windows or in iRODS."""
    return (f"The name {quoted(path)} {problem}." for path in paths if (problem := unportable(path)))


def safe_name(text: str) -> str:
    """One component that :func:`check_name` accepts, for a file that may be called anything.

    One text always gives the same name. What is safe already stays as it is; the ending is kept. Different
    texts can give one name: put them into different folders.
    """
    name = _REPLACED.sub("_", text).rstrip(". ") or "_"
    name = f"_{name}" if _RESERVED.fullmatch(name) else name
    return name if len(name.encode()) <= COMPONENT_BYTES else _shortened(name, text)


_TWINS: Final = "differ only by case or by Unicode form"


def _shortened(name: str, text: str) -> str:
    """A few digits of a hash keep apart what differs only in the part that is cut off."""
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > _ENDING_BYTES:
        stem, ending = name, ""
    mark = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    tail = f"-{mark}{dot if ending else ''}{ending}"
    return stem.encode()[: COMPONENT_BYTES - len(tail.encode())].decode(errors="ignore") + tail


def _unsafe_component(name: str) -> str | None:
    if not name:
        return "has an empty component"
    if name in {".", ".."}:
        return f"has the component {name!r}"
    if len(name.encode()) > COMPONENT_BYTES:
        return f"has a component longer than {COMPONENT_BYTES} bytes"
    return None


def _unportable_component(name: str) -> str | None:
    if _NOT_ON_WINDOWS.search(name):
        return 'has one of < > : " | ? *, which Windows refuses'
    if name.endswith((".", " ")):
        return "has a component that ends in a dot or a blank, which Windows drops"
    if _RESERVED.fullmatch(name):
        return f"has the component {name!r}, a device on Windows"
    return None


def _first(problems: Iterable[str | None]) -> str | None:
    return next((problem for problem in problems if problem), None)


def _fold(path: str) -> str:
    """Equal for paths that a file system may take for one (Unicode 3.13, D145: canonical caseless match)."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_plain(text: str) -> bool:
    return len(text) <= 200 and _is_utf8(text) and not _UNSAFE.search(text)


def _clash(path: str, other: str, how: str) -> BadName:
    return BadName(
        f"The names {quoted(path)} and {quoted(other)} {how}.",
        hint="Only one of them can be in a packet: rename one, or leave it out.",
    )
