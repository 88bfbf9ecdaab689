"""Where a snapshot goes: templates of paths, and the next free name. Pure but for :func:`choose`."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.model.errors import BadName, UsageError
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.stored import Collection, name_of
from omero_irods_bridge.packet.reading import MANIFEST
from omero_irods_bridge.ports import ObjectStore

DEFAULT_TEMPLATE: Final = "/{zone}/home/{irods_user}/omero/{server}/{kind}-{id}/{name}-{time}.zip"

FIELDS: Final = {
    "zone": "the iRODS zone",
    "irods_user": "the iRODS user who packs",
    "server": "the OMERO server's host",
    "kind": "the kind of the first object, such as Dataset",
    "id": "its id",
    "name": "its name, made safe for a path",
    "time": "when the packing was planned, UTC, such as 20260131T235959Z",
    "omero_user": "the OMERO user who packs",
    "group": "the OMERO group",
}
"""The fields that a template may have, and what each stands for."""

LARGEST_VALUE: Final = 120
"""Bytes of UTF-8 that one field may add to a path."""

LARGEST_COMPONENT: Final = 255
"""Bytes; what the file systems below iRODS vaults take (NAME_MAX)."""

LARGEST_PATH: Final = 1_000
"""Bytes; the wire takes 1,087 (irods: rodsDef.h, MAX_NAME_LEN), and versions need some room."""

_UNSAFE: Final = frozenset("/\\<>:\"|?*'`")
"""Separators, what Windows refuses, and the quotes on which queries of old iRODS servers break."""

_ZIP: Final = ".zip"


def template_values(  # noqa: PLR0913 -- one for each field of a template
    *,
    zone: str,
    irods_user: str,
    server: str,
    first: ObjectRef,
    name: str,
    moment: datetime,
    omero_user: str,
    group: str,
) -> dict[str, str]:
    """The values of all FIELDS; ``first`` is the first object that is packed, ``name`` its name in OMERO."""
    time = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return {
        "zone": zone,
        "irods_user": irods_user,
        "server": server,
        "kind": first.kind.value,
        "id": str(first.id),
        "name": name,
        "time": time,
        "omero_user": omero_user,
        "group": group,
    }


def check_template(template: str) -> None:
    """Refuse what cannot become a path, before anything is known that would fill it in.

    Raises:
        UsageError: it does not begin with ``/``, or has an unknown field, or braces that do not match.
    """
    for _literal, field in _parts(template):
        if field is not None and field not in FIELDS:
            raise UsageError(
                f"The target {template!r} has the unknown field {{{field}}}.",
                hint=f"Known are {', '.join(f'{{{name}}}' for name in FIELDS)}. Write {{{{ for a brace.",
            )
    if not template.startswith("/"):
        raise UsageError(
            f"The target {template!r} is not an absolute path in iRODS.",
            hint="Begin it with the zone, for example /{zone}/home/{irods_user}/{name}.zip",
        )


def expand(template: str, values: Mapping[str, str], form: Form = Form.ZIP) -> str:
    """The path that ``template`` stands for; an expanded snapshot is a collection and drops the ``.zip``.

    Each value becomes a part of one path component: what cannot be in a name becomes ``_``, and a long value
    is cut. ``values`` has all FIELDS that the template uses (see :func:`template_values`).

    Raises:
        UsageError: see :func:`check_template`.
        BadName: the path is too long or has a component such as ``..``.
    """
    check_template(template)
    pieces = (literal + (safe_value(values[field]) if field else "") for literal, field in _parts(template))
    path = "".join(pieces)
    if form is Form.EXPANDED:
        path = path.removesuffix(_ZIP)
    return _checked(path)


def next_version(path: str, number: int) -> str:
    """``path`` for the first version, then ``name-2.zip``, ``name-3.zip``.

    Raises:
        BadName: the name became too long.
    """
    if number < 2:
        return path
    stem = path.removesuffix(_ZIP)
    return _checked(f"{stem}-{number}{path[len(stem) :]}")


def choose(to: str | None, template: str, store: ObjectStore, form: Form = Form.ZIP) -> str:
    """The template that ``--to`` means: none is ``template``; a collection gets its last part for a name.

    A collection is one that is there and is no snapshot itself, or is written with ``/`` at the end. Anything
    else is an exact path, or a template itself.

    Raises:
        UsageError: a zip would get a name that does not end in ``.zip``, by which other tools know one.
    """
    if to is None:
        return template
    if to.endswith("/"):
        return f"{to.rstrip('/')}/{name_of(template)}"
    check_template(to)
    if "{" not in to and isinstance(store.find(to), Collection) and not is_expanded(store, to):
        return f"{to}/{name_of(template)}"
    if form is Form.ZIP and not to.endswith(_ZIP):
        raise UsageError(
            f"The target {to} does not end in .zip.",
            hint=f"Write {to}.zip for a zip of that name, {to}/ for one inside that collection, "
            "or add --expanded.",
        )
    return to


def is_expanded(store: ObjectStore, collection: str) -> bool:
    """Whether a collection is an expanded snapshot, whatever its AVUs say: nothing may be added to it."""
    return store.find(f"{collection}/{MANIFEST}") is not None


def safe_value(text: str) -> str:
    """``text`` as a part of a path component: never empty, never hidden, at most LARGEST_VALUE bytes."""
    shown = "".join(_safe_char(char) for char in unicodedata.normalize("NFC", text))
    line = " ".join(shown.split()).lstrip(". ")
    return _cut(line, LARGEST_VALUE).rstrip(". ") or "unnamed"


def _safe_char(char: str) -> str:
    if char.isspace():
        return " "
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}
    return "_" if hidden or char in _UNSAFE else char


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    try:
        for literal, field, form, conversion in string.Formatter().parse(template):
            yield literal, f"{field}:{form}" if form else f"{field}!{conversion}" if conversion else field
    except ValueError as error:
        raise UsageError(
            f"The braces of the target {template!r} do not match.", hint="Write {{ or }} for a brace itself."
        ) from error


def _checked(path: str) -> str:
    components = path.split("/")[1:]
    if not all(components) or set(components) & {".", "..", ".incoming"}:
        raise BadName(f"{path} cannot be a target: a part of it is empty, '.', '..' or '.incoming'.")
    if any(unicodedata.category(char) == "Cc" for char in path):
        raise BadName(f"{path!r} cannot be a target: it has control characters.")
    longest = max(len(part.encode()) for part in components)
    if longest > LARGEST_COMPONENT or len(path.encode()) > LARGEST_PATH:
        raise BadName(
            f"{path} cannot be a target: it is too long for iRODS "
            f"(at most {LARGEST_COMPONENT} bytes a name, {LARGEST_PATH:,} in all).",
            hint="Choose a shorter one with --to, or a shorter template in the settings.",
        )
    return path
