"""Which client paths OMERO keeps as they are meant: checked before anything is sent.

Sources: FsFile, ManagedRepositoryI.trimPaths, FilePathRestrictionInstance and MakePathComponentSafe of
omero-blitz (reference/omero-semantics.md, 1). The rules are the server's default,
``omero.fs.repo.path_rules`` may say otherwise; then the server refuses what slips through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from omero_irods_bridge.model.errors import BadName, UsageError

LARGEST_COMPONENT: Final = 255
"""Bytes that file systems allow for a name."""

KEPT_PARENTS: Final = 3
"""Parent folders that the server keeps of the shortest path when no reader says how many it needs."""

_DEVICES: Final = frozenset(
    ["AUX", "CLOCK$", "CON", "NUL", "PRN", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))]
)
_REPLACED: Final = str.maketrans(
    {
        '"': "'",
        "*": "x",
        "/": "!",
        ":": ";",
        "<": "[",
        ">": "]",
        "?": "%",
        "\\": "!",
        "|": "!",
        **{chr(point): "_" for point in (*range(0x20), *range(0x7F, 0xA0))},
    }
)


def check_client_paths(paths: Sequence[str], reader: str | None = None) -> None:
    """Let through what the server takes, each file at a place of its own.

    Raises:
        UsageError: there is no path.
        BadName: one cannot be kept, two become one, or the folders have too little in common.
    """
    if not paths:
        raise UsageError("There is no file to import.")
    for path in paths:
        _check_path(path)
    _check_distinct(paths)
    if reader is None:
        _check_common_folder(paths)


def _check_path(path: str) -> None:
    for component in path.split("/"):
        fault = _fault(component)
        if fault:
            raise BadName(
                f"OMERO cannot keep the path {path!r}: it {fault}.", hint="Give the file another client path."
            )


def _fault(component: str) -> str | None:
    if component in ("", ".", ".."):
        return "has an empty part, '.' or '..'"
    try:
        size = len(safe_component(component).encode())
    except UnicodeEncodeError:
        return "is no Unicode text"
    return "has a name of more than 255 bytes" if size > LARGEST_COMPONENT else None


def _check_distinct(paths: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for path in paths:
        safe = safe_path(path)
        if safe in seen:
            raise BadName(
                f"OMERO would keep {seen[safe]!r} and {path!r} under one name, {safe!r}.",
                hint="Rename one of them.",
            )
        seen[safe] = path


def _check_common_folder(paths: Sequence[str]) -> None:
    """The server drops leading folders, and fails where the paths do not share them."""
    split = [path.split("/") for path in paths]
    surplus = min(map(len, split)) - KEPT_PARENTS - 1
    if surplus > len(common_folder(split)):
        raise BadName(
            f"OMERO cannot lay out {paths[0]!r} and the other files: their folders share too little.",
            hint="Give the files client paths that begin alike, or say which reader they need.",
        )


def common_folder(paths: Sequence[Sequence[str]]) -> list[str]:
    """The components of the folder that all paths are in."""
    levels = zip(*(path[:-1] for path in paths), strict=False)
    return [level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels)]


def safe_path(path: str) -> str:
    """As the server writes a path."""
    return "/".join(map(safe_component, path.split("/")))


def safe_component(name: str) -> str:
    """As the server writes one component: what Windows or UNIX do not take is rewritten, never refused."""
    upper = name.upper()
    if upper in _DEVICES:
        name += "_"
    stem, dot, _rest = upper.partition(".")
    if upper.startswith("$") or (dot and stem in _DEVICES):
        name = "_" + name
    return name.translate(_REPLACED)
