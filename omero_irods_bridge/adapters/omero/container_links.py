"""The port ContainerLinks over omero-py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import omero
import omero.clients
import omero.model
import omero.sys
from omero.rtypes import rlist, rlong, rstring

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.model.objects import Kind
from omero_irods_bridge.ports import Row

_T = TypeVar("_T")

_AT_ONCE: Final = 500
_LINKS: Final = {
    ("Project", "Dataset"): "ProjectDatasetLink",
    ("Dataset", "Image"): "DatasetImageLink",
    ("Screen", "Plate"): "ScreenPlateLink",
}
_USES: Final = "select l.child.id from {} l where l.child.id in (:ids)"
_ANNOTATIONS: Final = "select a.id from Annotation a where a.id in (:ids)"
_ANNOTATION_LINKS: Final = tuple(
    sorted(name.removesuffix("I") for name in vars(omero.model) if name.endswith("AnnotationLinkI"))
)
"""All that an annotation can hang on, tag sets included."""

_ABOVE: Final = {Kind.DATASET: "projectLinks", Kind.PLATE: "screenLinks"}


class OmeroContainerLinks:
    """``ContainerLinks`` on a connection, which the caller closes."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._connection = connection
        with omero_errors("preparing to look for links"):
            self._query = connection.session.getQueryService()

    def find(self, parents: Sequence[str], children: Sequence[str]) -> list[Row]:
        above, below = _by_class(parents), _by_class(children)
        found: list[Row] = []
        with omero_errors("looking for what is in containers"):
            for (parent, child), link in _LINKS.items():
                for some in _parts(below[child] if above[parent] else []):
                    found += self._links(link, above[parent], some)
        return found

    def by_name(self, kind: Kind, names: Sequence[str], *, within: str | None = None) -> Mapping[str, str]:
        found: dict[str, str] = {}
        above = f" join o.{_ABOVE[kind]} l" if within else ""
        place = " and l.parent.id = :within" if within else ""
        named = "o.name in (:names) and o.details.owner.id = :me"
        text = f"select o.id, o.name from {kind} o{above} where {named}"
        with omero_errors(f"looking for a {kind} by name"):
            for some in _parts(list(dict.fromkeys(names))):
                parameters = omero.sys.ParametersI().addLong("me", self._connection.identity.user_id)
                parameters.add("names", rlist([rstring(name) for name in some]))
                if within:
                    parameters.addLong("within", int(within.partition(":")[2]))
                for id_, name in self._rows(f"{text}{place} order by o.id", parameters):
                    found.setdefault(name.val, f"{kind}:{id_.val}")
        return found

    def unused(self, annotations: Sequence[str]) -> list[str]:
        found: list[str] = []
        with omero_errors("looking for annotations that hang on nothing"):
            for some in _parts(annotations):
                keys = {int(key.partition(":")[2]): key for key in some}
                parameters = omero.sys.ParametersI().addIds(list(keys))
                there = {row[0].val for row in self._rows(_ANNOTATIONS, parameters)}
                for link in _ANNOTATION_LINKS:
                    there -= {row[0].val for row in self._rows(_USES.format(link), parameters)}
                found += [keys[number] for number in sorted(there)]
        return found

    def _links(self, link: str, parents: Sequence[int], children: Sequence[int]) -> list[Row]:
        text = (
            f"select l.id, l.parent.id, l.child.id, l.details.owner.id from {link} l"
            " where l.parent.id in (:parents) and l.child.id in (:children)"
        )
        parameters = omero.sys.ParametersI()
        parameters.add("parents", rlist([rlong(one) for one in parents]))
        parameters.add("children", rlist([rlong(one) for one in children]))
        parent, child = _ends(link)
        return [
            {
                "@": f"{link}:{row[0].val}",
                "parent": f"{parent}:{row[1].val}",
                "child": f"{child}:{row[2].val}",
                "details": {"owner": f"Experimenter:{row[3].val}"},
            }
            for row in self._rows(text, parameters)
        ]

    def _rows(self, text: str, parameters: Any) -> list[list[Any]]:
        context = self._connection.client.getContext(group=self._connection.identity.group_id)
        found: list[list[Any]] = self._query.projection(text, parameters, context)
        return found


def _ends(link: str) -> tuple[str, str]:
    return next(ends for ends, name in _LINKS.items() if name == link)


def _by_class(keys: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        name, _, number = key.partition(":")
        found[name].append(int(number))
    return found


def _parts(some: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (some[start : start + _AT_ONCE] for start in range(0, len(some), _AT_ONCE))
