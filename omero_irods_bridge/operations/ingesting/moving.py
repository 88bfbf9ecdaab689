"""Images that a card placed follow it to another place; those that people moved stay where they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from omero_irods_bridge.model.ingest import Card, Existing
from omero_irods_bridge.operations.ingesting.attributes import was_ingested
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.operations.ingesting.planning import IngestPlan
from omero_irods_bridge.operations.ingesting.targets import Containers, expand
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.ports import ServerIdentity

_LINKS = {"Dataset": ("DatasetImageLink", "Image"), "Screen": ("ScreenPlateLink", "Plate")}


def places_of(card: Card, user: str, plan: IngestPlan, side: IngestSide) -> Mapping[str, list[str]]:
    """Where all that was imported below a card, as this user, belongs now: keys by container."""
    containers = Containers(side.receiver, plan.options)
    found: dict[str, list[str]] = defaultdict(list)
    for target, keys in _by_target(card, side.receiver.server.identity, user, plan).items():
        found[str(containers.place(target, Existing.APPEND))] += keys
    return found


def _by_target(card: Card, server: ServerIdentity, user: str, plan: IngestPlan) -> Mapping[str, list[str]]:
    """AVUs may be copied from another object, and of another server with the same ids."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, opt_in in plan.carded(card):
        known = plan.known(path)
        is_ours = was_ingested(known, plan.objects[path]) and known.server == server.uuid
        if is_ours and known.imported_as == user:
            template = opt_in.target or plan.options.target
            target = expand(template, path, opt_in, plan.objects[path].owner)
            found[target] += _keys(known.images, known.plates)
    return found


def _keys(images: Sequence[int], plates: Sequence[int]) -> Iterator[str]:
    yield from (f"Image:{one}" for one in images)
    yield from (f"Plate:{one}" for one in plates)


def move(keys: Sequence[str], old: str, new: str, receiver: Receiver) -> None:
    """Let what is in ``old`` of these be in ``new`` instead; containers of another kind take nothing."""
    kind = old.partition(":")[0]
    if old == new or kind != new.partition(":")[0]:
        return
    link, held = _LINKS[kind]
    mine = list(dict.fromkeys(key for key in keys if key.startswith(f"{held}:")))
    links = receiver.links.find([old], mine)
    there = {row["child"] for row in receiver.links.find([new], mine)}
    children = [child for child in dict.fromkeys(row["child"] for row in links) if child not in there]
    receiver.writer.save(
        [
            {"@": f"{link}:_{number}", "parent": new, "child": child}
            for number, child in enumerate(children, 1)
        ]
    )
    if links:
        receiver.writer.delete({link: [int(str(row["@"]).partition(":")[2]) for row in links]})
