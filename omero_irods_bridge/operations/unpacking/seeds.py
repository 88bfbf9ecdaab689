"""What is known for certain before two graphs are paired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.loads import CONTAINER_KINDS, MarkedObject, TagText
from omero_irods_bridge.operations.unpacking.additions import stand_in
from omero_irods_bridge.operations.unpacking.owners import NOBODY, Owners, group_names, owner_of, user_names
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import Row, Surroundings

MARKED_KINDS: Final = (*CONTAINER_KINDS, "Annotation")
"""What a load marks besides filesets: what nothing else of it leads to."""

REUSED_KIND: Final = "TagAnnotation"
"""What a load uses again when the user has it already."""


@dataclass(frozen=True, slots=True)
class Known:
    """``seeds`` are keys there and here; those here of ``untouched`` are used and never changed."""

    seeds: Mapping[str, str]
    untouched: frozenset[str]

    @property
    def reused(self) -> frozenset[str]:
        """Tags of the packet that are there already."""
        found = (there for there, here in self.seeds.items() if here in self.untouched)
        return frozenset(there for there in found if there.startswith(REUSED_KIND))

    def with_tags(self, reused: Collection[str]) -> Known:
        """The same with just these tags of OMERO: those that an earlier run of this load made are its own."""
        own = {here for here in self.untouched if here.startswith(REUSED_KIND) and here not in reused}
        seeds = {there: here for there, here in self.seeds.items() if here not in own}
        return Known(seeds, self.untouched - own)


def known_outside(plan: UnpackPlan, merged: Mapping[str, str], receiver: Receiver) -> Known:
    """What a load uses of what was in OMERO before it: people, tags, containers."""
    graph, into = plan.content.graph, plan.request.into
    tags = dict(_tags(graph, plan.owners, receiver.surroundings))
    containers = {**merged, **({stand_in(into): str(into)} if into else {})}
    people = dict(_people(plan, receiver.surroundings))
    return Known({**people, **tags, **containers}, frozenset({*tags.values(), *containers.values()}))


def _people(plan: UnpackPlan, surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    graph, names = plan.content.graph, plan.request.owners
    users = {key: names.user(name) for key, name in user_names(graph).items()}
    groups = {key: names.group(name) for key, name in group_names(graph).items()}
    user_ids = surroundings.find_users(list(users.values()))
    group_ids = surroundings.find_groups(list(groups.values()))
    yield from ((key, f"Experimenter:{user_ids[name]}") for key, name in users.items() if name in user_ids)
    yield from (
        (key, f"ExperimenterGroup:{group_ids[name]}") for key, name in groups.items() if name in group_ids
    )


def _tags(graph: Graph, owners: Owners | None, surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    """Tags that whoever gets those of the packet has already; of several alike the first one counts."""
    tags: dict[int | None, dict[TagText, str]] = defaultdict(dict)
    for row in graph.rows("TagAnnotation"):
        tags[owners.of(row) if owners else None].setdefault(tag_text(row), row["@"])
    for owner, his in tags.items():
        found = surroundings.find_tags([tag.text for tag in his], owner=owner)
        yield from ((source, found[tag]) for tag, source in his.items() if tag in found)


def tag_text(row: Row) -> TagText:
    """By what a tag is known again."""
    return TagText(row.get("textValue") or "", row.get("description") or "", row.get("ns") or "")


def containers_made(marked: list[MarkedObject]) -> dict[str, str]:
    """Containers that this load has made, by what they are of the packet."""
    return {one.mark.source: one.key for one in marked}


def rendering_settings(source: Graph, target: Graph, images: Mapping[str, str]) -> dict[str, str]:
    """The settings that the import has made of each image, as those of the image's owner in the packet.

    So they are changed and not added to: of several of one user the latest counts (omero-semantics, 9).
    """
    theirs, ours = _first_settings(source), _first_settings(target)
    pixels_here = {row["@"]: pixels[0] for row in target.rows("Image") if (pixels := row.get("pixels"))}
    seeds: dict[str, str] = {}
    for row in source.rows("Image"):
        pixels, here = row.get("pixels"), pixels_here.get(images.get(row["@"], ""))
        if pixels and here and pixels[0] in theirs and here in ours:
            seeds[theirs[pixels[0]]] = ours[here]
    return seeds


def _first_settings(graph: Graph) -> dict[str, str]:
    """Of each pixels its settings: the owner's, or the oldest."""
    owners = {row["@"]: owner_of(row) for row in graph.rows("Pixels")}
    found: dict[str, tuple[bool, int, str]] = {}
    for row in graph.rows("RenderingDef"):
        pixels = row.get("pixels")
        if pixels:
            is_foreign = owner_of(row) != owners.get(pixels, NOBODY)
            rank = (is_foreign, int(row["@"].partition(":")[2]), row["@"])
            found[pixels] = min(rank, found.get(pixels, rank))
    return {pixels: key for pixels, (_, _, key) in found.items()}
