"""Where in OMERO a set of files goes: ``Project:name:HeLa/Dataset:name:{collection}``, ``Dataset:51``.

Pure but for :class:`Containers`, which finds and makes what the text names.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.model.errors import NotFound, TargetExists, UsageError
from omero_irods_bridge.model.ingest import Existing, IngestOptions, OptIn
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.stored import name_of, parent_of
from omero_irods_bridge.operations.unpacking.receiver import Receiver

FIELDS: Final = {
    "root": "the name of the collection that opted in, the topmost one",
    "collection": "the name of the collection that the file is in",
    "path": "its path below the one that opted in; the name of that one for a file right in it",
    "zone": "the iRODS zone",
    "owner": "who owns the file in iRODS",
}
"""The fields of a template, and what each stands for."""

_SLASH: Final = "slash"
_PLACEHOLDER: Final = "\N{FRACTION SLASH}"
"""Stands for a slash within a name, until the parts are split."""

LARGEST_NAME: Final = 255
_ABOVE: Final = {Kind.DATASET: Kind.PROJECT}
_LEAVES: Final = (Kind.DATASET, Kind.SCREEN)


@dataclass(frozen=True, slots=True)
class Part:
    """A container: by its id, or by its name."""

    kind: Kind
    id: int | None = None
    name: str = ""


def check_template(template: str) -> None:
    """Refuse a template before anything fills it in.

    Raises:
        UsageError: it has an unknown field, or names nothing that images or plates go into.
    """
    parse(_filled(template, dict.fromkeys((*FIELDS, _SLASH), "x")))


def expand(template: str, path: str, opt_in: OptIn, owner: str) -> str:
    """The target of the data object at ``path``.

    Raises:
        UsageError: see :func:`check_template`.
    """
    collection = parent_of(path)
    inside = collection[len(opt_in.root) :].strip("/")
    values = {
        "root": name_of(opt_in.root),
        "collection": name_of(collection),
        "path": inside or name_of(opt_in.root),
        "zone": path.split("/")[1],
        "owner": owner.partition("#")[0],
        _SLASH: "/",
    }
    target = _filled(template, {key: value.replace("/", _PLACEHOLDER) for key, value in values.items()})
    parse(target)
    return target


def _filled(template: str, values: Mapping[str, str]) -> str:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"The braces of the target {template!r} do not match.") from error
    text = ""
    for literal, name, form, conversion in parts:
        text += literal
        if name is None:
            continue
        if name not in values or form or conversion:
            known = ", ".join(f"{{{one}}}" for one in FIELDS)
            raise UsageError(
                f"The target {template!r} has the unknown field {{{name}}}.", hint=f"Known: {known}."
            )
        text += values[name]
    return text


def parse(target: str) -> tuple[Part, ...]:
    """One container, or a project and the dataset in it.

    Raises:
        UsageError: it is not of this form.
    """
    parts = tuple(_part(text) for text in target.split("/"))
    kinds = tuple(one.kind for one in parts)
    if kinds not in {(Kind.PROJECT, Kind.DATASET), (Kind.DATASET,), (Kind.SCREEN,)}:
        raise UsageError(
            f"The target {target!r} is no place for images.",
            hint="Write Project:name:X/Dataset:name:Y, Dataset:51, or Screen:name:Z for plates.",
        )
    return parts


def _part(text: str) -> Part:
    kind, _, rest = text.partition(":")
    if rest.startswith("name:"):
        name = rest.removeprefix("name:").replace(_PLACEHOLDER, "/").strip()
        known = next((one for one in Kind if one.lower() == kind.strip().lower()), None)
        if known is None or not 0 < len(name) <= LARGEST_NAME:
            raise UsageError(f"{text!r} names no container.", hint="Write for example Dataset:name:HeLa.")
        return Part(known, name=name)
    if {",", "-"} & set(rest):
        raise UsageError(f"{text!r} names several objects; a target is one.")
    (found,) = parse_objects([text])
    return Part(found.kind, found.id)


@dataclass(slots=True)
class Containers:
    """Containers of one user in one group; each is looked for or made once a scan."""

    receiver: Receiver
    options: IngestOptions
    found: dict[tuple[str, Existing], str] = field(default_factory=dict)

    def place(self, target: str, existing: Existing) -> ObjectRef:
        """The Dataset or Screen of a target, made when it is not there.

        Raises:
            NotFound: one that was named by id is not there.
            TargetExists: one of this name is there, and ``existing`` refuses that.
        """
        key = self.found.get((target, existing)) or self._placed(target, existing)
        self.found[target, existing] = key
        (ref,) = parse_objects([key])
        return ref

    def _placed(self, target: str, existing: Existing) -> str:
        within: str | None = None
        for part in parse(target):
            within = self._container(part, within, existing)
        assert within is not None
        return within

    def _container(self, part: Part, within: str | None, existing: Existing) -> str:
        if part.id is not None:
            return self._by_id(ObjectRef(part.kind, part.id))
        is_leaf = part.kind in _LEAVES
        there = self.receiver.links.by_name(part.kind, [part.name], within=within).get(part.name)
        if there is None or (is_leaf and existing is Existing.NEW):
            return self._make(part, within)
        if is_leaf and existing is Existing.FAIL:
            raise TargetExists(
                f"There is a {part.kind} {part.name} already ({there}).",
                hint=f"Name another one, or set {self.options.name('ingest_existing')} to append.",
            )
        return there

    def _by_id(self, ref: ObjectRef) -> str:
        found = self.receiver.surroundings.find_target(ref)
        if found is None:
            raise NotFound(f"OMERO has no {ref}, or not for {self.receiver.server.identity.user}.")
        return found.key

    def _make(self, part: Part, within: str | None) -> str:
        key = f"{part.kind}:_1"
        drafts: list[dict[str, object]] = [{"@": key, "name": part.name}]
        if within is not None:
            link = f"{_ABOVE[part.kind]}{part.kind}Link:_2"
            drafts.append({"@": link, "parent": within, "child": key})
        return self.receiver.writer.save(drafts)[key]
