"""Child options: a client's say about what is used by several (ChildOptionI, ChildOptionsPolicy)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from omero_irods_sandbox.omero_server.model.catalog import MODEL, UnknownEntity
from omero_irods_sandbox.omero_server.requests.graph_objects import Node
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed

DEFAULT_EXCLUDED: Final = frozenset(
    {"openmicroscopy.org/omero/import/companionFile", "openmicroscopy.org/omero/measurement"}
)
"""Namespaces that options leave alone unless they name some themselves."""


@dataclass(frozen=True, slots=True)
class ChildOption:
    """Types to treat as used by nobody else, types to leave alone, and which annotations it is about."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    only_ns: frozenset[str]
    not_ns: frozenset[str]

    def verdict(self, node: Node, namespace: str | None) -> bool | None:
        """True: it goes; False: it stays; None: this option does not say."""
        if node.is_a("Annotation") and not self._is_about(namespace):
            return None
        if node.is_a(*self.include):
            return True
        return False if node.is_a(*self.exclude) else None

    def _is_about(self, namespace: str | None) -> bool:
        if self.only_ns:
            return namespace in self.only_ns
        return namespace not in self.not_ns


def child_options(options: Sequence[Any] | None) -> list[ChildOption]:
    """The options of a request.

    Raises:
        CommandFailed: one names no type, an unknown one, or namespaces both ways.
    """
    return [_option(one) for one in options or ()]


def _option(option: Any) -> ChildOption:
    include, exclude = classes(option.includeType), classes(option.excludeType)
    if not include and not exclude:
        raise CommandFailed("graph-fail", "child option must include or exclude some type")
    only_ns, not_ns = frozenset(option.includeNs or ()), frozenset(option.excludeNs or ())
    if only_ns and not_ns:
        raise CommandFailed("graph-fail", "child option may not both include and exclude namespace")
    return ChildOption(include, exclude, only_ns, not_ns or (frozenset() if only_ns else DEFAULT_EXCLUDED))


def classes(names: Collection[str] | None) -> tuple[str, ...]:
    """Names of classes as the model has them; of ``IAnnotationLink`` all classes of that kind.

    Raises:
        CommandFailed: ``bad-class``.
    """
    found: list[str] = []
    for name in names or ():
        short = name.rpartition(".")[2]
        if short in INTERFACES:
            found += INTERFACES[short]
            continue
        try:
            found.append(MODEL.entity(short).name)
        except UnknownEntity as error:
            raise CommandFailed("bad-class", str(error)) from error
    return tuple(found)


INTERFACES: Final = {
    # Java's interfaces over several classes that requests may name.
    "IAnnotationLink": tuple(
        e.name for e in MODEL.entities if e.is_link and e.name.endswith("AnnotationLink")
    ),
    "ILink": tuple(e.name for e in MODEL.entities if e.is_link),
}
