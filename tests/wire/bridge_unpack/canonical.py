"""Two graphs compared by content and structure, without a word of the product's own pairing.

Each object gets a name that says what it is and what it is connected with, in both directions, however far
away (colour refinement); ids are no part of it. Two graphs are the same when they have the same names equally
often. What is left out, and why, is in the tables here; nothing else is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import FieldKind

Row = Mapping[str, Any]
Rows = Mapping[str, Row]

HISTORY: Final = {
    "Event": "when and by whom is told by the server that it happened on",
    "Session": "of a server",
    "FilesetJobLink": "how an import went, not what came of it",
    "JobOriginalFileLink": "the log of an import",
    "Job": "how an import went, not what came of it",
}
"""Classes of which nothing is compared."""

NAMESPACES: Final = {
    "omero-irods-bridge/load": "says on one server which load made the object",
    "openmicroscopy.org/cli/transfer": "says where an object was before, one more with every load",
}
"""Annotations of these."""

FIELDS: Final = {
    "Fileset.templatePrefix": "the place in one server's repository",
    "OriginalFile.path": "the place on one server",
    "OriginalFile.repo": "the repository of one server",
    "OriginalFile.mtime": "when the file was written on one server",
    "OriginalFile.ctime": "when the file was made on one server",
}
"""Fields; besides them ``version`` of every class, and of the details events and permissions."""

OF_PIXELS_ALONE: Final = {
    "Image.fileset": "pixels without files come with a file that was made for them",
    "Image.format": "and a reader reads it",
    "Image.series": "as its only image",
    "Pixels.significantBits": "which says what the reader sees",
}
"""Fields of images that had no original files on one of the servers, and of their pixels. OMERO also makes
rendering settings of what it imports, which they may have had none of."""

REMAPPED_FILES: Final = ("OMERO.tables", "application/json")
"""Types of files with ids inside: their sizes and hashes differ, their content has tests of its own."""

_EXPORT: Final = re.compile("[0-9]+[.]tiff")
"""What the file is called that a load made of an image without files."""

_FIGURE: Final = "omero.web.figure.json"
_DEEP: Final = 12
"""Rounds: no two objects are further apart."""


@dataclass(frozen=True)
class Canonical:
    """How often each object is there. ``samples`` are keys, for people who look for a difference."""

    names: Counter[str]
    samples: Mapping[str, str]
    plain: Mapping[str, str]
    """By key the object's own values, as text."""

    def only_here(self, other: Canonical) -> list[str]:
        """What the other graph does not have, or not as often, in words."""
        return sorted(
            f"{self.samples[name]} {self.plain[self.samples[name]]}" for name in (self.names - other.names)
        )


def assert_same(one: Canonical, other: Canonical) -> None:
    """Both have the same objects, the same values, and the same connections."""
    assert one.names.total() > 0
    missing, added = one.only_here(other), other.only_here(one)
    assert (missing, added) == ([], []), explained(one, other)


def explained(one: Canonical, other: Canonical) -> str:
    """First what differs in itself, then what hangs together differently."""
    mine, theirs = Counter(one.plain.values()), Counter(other.plain.values())
    told = [f"- {text}" for text in (mine - theirs)] + [f"+ {text}" for text in (theirs - mine)]
    if not told:
        told = [f"- {text}" for text in one.only_here(other)] + [f"+ {text}" for text in other.only_here(one)]
    return "\n".join(told[:60])


def canonical(
    rows: Iterable[Row], *, owners: bool = False, all_settings: bool = False, pixels_alone: bool = True
) -> Canonical:
    """The graph of ``rows``. With ``owners`` it also says whose each object is, by name.

    Without ``all_settings`` rendering settings count only as the image's owner has them, as a load by one
    person keeps them. ``pixels_alone`` leaves out the files of images that had none.
    """
    return _Reading({row["@"]: row for row in rows}, owners, all_settings, pixels_alone).canonical()


def class_of(key: str) -> str:
    return key.partition(":")[0]


class _Reading:
    def __init__(self, rows: Rows, owners: bool, all_settings: bool, pixels_alone: bool) -> None:
        self._all, self._owners = rows, owners
        alone = set(_images_alone(rows)) if pixels_alone else set()
        pixels = {key for key, row in rows.items() if class_of(key) == "Pixels" and row.get("image") in alone}
        self._without_files = alone | pixels
        dropped = {key for key, row in rows.items() if _is_dropped(key, row)}
        dropped |= set(_files_of(rows, _filesets_made(rows)) if pixels_alone else ())
        dropped |= set(_settings(rows, lambda row: row.get("pixels") in pixels))
        dropped |= set() if all_settings else set(_settings(rows, lambda row: _is_foreign(rows, row)))
        dropped |= set(_dangling(rows, dropped))
        dropped |= set() if owners else set(_second_links(rows, dropped))
        self._rows = {key: row for key, row in rows.items() if key not in dropped}

    def canonical(self) -> Canonical:
        plain = {key: self._plain(key, row) for key, row in self._rows.items()}
        forward = {key: list(self._references(key, row)) for key, row in self._rows.items()}
        back: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for key, references in forward.items():
            for field, target in references:
                back[target].append((field, key))
        names = {key: _hash(text) for key, text in plain.items()}
        for _ in range(_DEEP):
            names = {
                key: _hash(
                    [
                        names[key],
                        [[field, names[target]] for field, target in forward[key]],
                        sorted([field, names[source]] for field, source in back[key]),
                    ]
                )
                for key in names
            }
        return Canonical(Counter(names.values()), {name: key for key, name in names.items()}, plain)

    # -- an object by itself

    def _plain(self, key: str, row: Row) -> str:
        values = {name: value for name, value in row.items() if self._is_compared(key, name)}
        told = {
            name: self._value(key, name, value) for name, value in values.items() if not _is_list(key, name)
        }
        if class_of(key) == "OriginalFile" and row.get("mimetype") in REMAPPED_FILES:
            told = {name: told[name] for name in told if name not in ("size", "hash", "hasher")}
        if row.get("ns") == _FIGURE and row.get("description"):
            told["description"] = _without_image(row["description"])
        if self._owners:
            told["owner"] = self._owner(row)
        kept = {name: value for name, value in told.items() if value not in (None, [])}
        return f"{class_of(key)} {json.dumps(kept, sort_keys=True, ensure_ascii=False)}"

    def _is_compared(self, key: str, name: str) -> bool:
        if name in ("@", "@sets", "version", "details") or f"{class_of(key)}.{name}" in FIELDS:
            return False
        return key not in self._without_files or f"{class_of(key)}.{name}" not in OF_PIXELS_ALONE

    def _value(self, key: str, name: str, value: Any) -> Any:
        if _refers(key, name) and value in self._all:
            return None if not _is_enumeration(value) else self._all[value]["value"]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def _owner(self, row: Row) -> str | None:
        """Whose it is; nobody's for what all of a server share."""
        owner = _owner_of(row)
        return str(self._all[owner]["omeName"]) if owner in self._all else None

    # -- what it refers to

    def _references(self, key: str, row: Row) -> Iterator[tuple[str, str]]:
        for name, value in row.items():
            if self._is_compared(key, name) and _refers(key, name):
                some = value if isinstance(value, list) and _is_list(key, name) else [value]
                for place, one in enumerate(some):
                    if isinstance(one, str) and one in self._rows and not _is_enumeration(one):
                        yield f"{name}[{place}]" if len(some) > 1 else name, one
        external = (row.get("details") or {}).get("externalInfo")
        if external in self._rows:
            yield "externalInfo", external
        if row.get("ns") == _FIGURE and row.get("description"):
            shown = f"Image:{json.loads(row['description']).get('imageId')}"
            if shown in self._rows:
                yield "shows", shown


def _hash(value: object) -> str:
    return hashlib.sha1(json.dumps(value).encode(), usedforsecurity=False).hexdigest()[:20]


def _is_list(key: str, name: str) -> bool:
    field = MODEL.entity(class_of(key)).fields.get(name)
    return field is not None and field.kind is FieldKind.COLLECTION


def _refers(key: str, name: str) -> bool:
    """Whether a value leads to objects: a description may say ``Image:5`` as well."""
    field = MODEL.entity(class_of(key)).fields.get(name)
    return field is not None and field.kind in (FieldKind.REFERENCE, FieldKind.COLLECTION)


def _is_enumeration(key: str) -> bool:
    return bool(MODEL.entity(class_of(key)).is_enumeration)


def _without_image(description: str) -> str:
    told = json.loads(description)
    told.pop("imageId", None)
    return json.dumps(told, sort_keys=True)


# -- what is left out


def _is_dropped(key: str, row: Row) -> bool:
    kind = class_of(key)
    if kind in HISTORY or kind.endswith("Job") or kind in ("Experimenter", "ExperimenterGroup"):
        return True
    return _is_enumeration(key) or (kind.endswith("Annotation") and row.get("ns") in NAMESPACES)


def _dangling(rows: Rows, dropped: set[str]) -> Iterator[str]:
    """Links of what is left out, and the logs of imports."""
    for key, row in rows.items():
        if "parent" in row and "child" in row and {row["parent"], row["child"]} & dropped:
            yield key
    logs = {row["child"] for row in rows.values() if class_of(row["@"]) == "JobOriginalFileLink"}
    yield from logs - _files_in_filesets(rows)


def _files_in_filesets(rows: Rows) -> set[str]:
    return {row["originalFile"] for row in rows.values() if class_of(row["@"]) == "FilesetEntry"}


def _filesets_made(rows: Rows) -> set[str]:
    """Those that a load made of an exported image, also of one that was carried on from there."""
    entries = [row for row in rows.values() if class_of(row["@"]) == "FilesetEntry"]
    return {row["fileset"] for row in entries if _EXPORT.fullmatch(row["clientPath"])}


def _files_of(rows: Rows, filesets: set[str]) -> Iterator[str]:
    for key, row in rows.items():
        if key in filesets:
            yield key
        if class_of(key) == "FilesetEntry" and row["fileset"] in filesets:
            yield key
            yield row["originalFile"]


def _images_alone(rows: Rows) -> Iterator[str]:
    made = _filesets_made(rows)
    for key, row in rows.items():
        if class_of(key) == "Image" and (row.get("fileset") in made or not row.get("fileset")):
            yield key


def _second_links(rows: Rows, dropped: set[str]) -> Iterator[str]:
    """One owner has one link between two objects: of several people's one person keeps one."""
    seen: set[tuple[str, str, str]] = set()
    for key, row in rows.items():
        if "parent" in row and "child" in row and key not in dropped:
            ends = class_of(key), row["parent"], row["child"]
            if ends in seen:
                yield key
            seen.add(ends)


def _settings(rows: Rows, is_meant: Callable[[Row], bool]) -> Iterator[str]:
    """Rendering settings with their parts."""
    for key, row in rows.items():
        if class_of(key) == "RenderingDef" and is_meant(row):
            yield from (key, row.get("quantization") or key)
            for binding in row.get("waveRendering") or []:
                yield binding
                yield from rows[binding].get("spatialDomainEnhancement") or []
            yield from row.get("spatialDomainEnhancement") or []
            yield from row.get("projections") or []


def _is_foreign(rows: Rows, settings: Row) -> bool:
    """Whether they are not of whom the image is."""
    return bool(_owner_of(settings) != _owner_of(rows.get(settings.get("pixels") or "", {})))


def _owner_of(row: Row) -> Any:
    return (row.get("details") or {}).get("owner")
