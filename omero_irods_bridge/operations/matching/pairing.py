"""Pair the objects of a packet with those of a server."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from omero_irods_bridge.operations.matching.anchors import Anchors
from omero_irods_bridge.operations.matching.content import join_by_content
from omero_irods_bridge.operations.matching.links import join_linked
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import Side
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import ObjectModel


def pair(
    source: Graph,
    target: Graph,
    seeds: Mapping[str, str],
    model: ObjectModel,
    *,
    untouched: Collection[str] = (),
    by_owner: bool = False,
    me: str = "",
) -> Pairs:
    """Find out which object of ``target``, a server, is which of ``source``, a packet.

    ``seeds`` are known for certain, by key: images, filesets, containers, tags to be used again, people.
    Objects of the server in ``untouched`` are used and never changed; so are those of seeds that ``target``
    has no row of. With ``by_owner`` links and annotations are compared with their owners; ``me`` is the
    key of whose all becomes that is nobody's who is known here.

    However far a load had come that made objects by ``batches``: each object that it made has its partner.

    Raises:
        BadPacket: a row is not of the form.
    """
    pairs = Pairs(Side(source, model), Side(target, model), by_owner=by_owner, me=me)
    pairs.seed(seeds, untouched)
    join_by_content(pairs)
    join_linked(pairs, Anchors(pairs))
    return pairs


def same_ids(source: Graph, target: Graph) -> dict[str, str]:
    """Seeds for two graphs of one server: what has one key in both is the same object."""
    keys = (f"{name}:{id_}" for name in source.classes() for id_ in source.ids(name))
    return {key: key for key in keys if key in target}
