"""What will be packed, and where it will be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Final

from omero_irods_bridge import __version__
from omero_irods_bridge.model.access import bytes_are_withheld
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BadName,
    BridgeError,
    NotFound,
    TargetExists,
    UsageError,
)
from omero_irods_bridge.model.events import CancelToken, Report, silent
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.packing import Existing, PackRequest
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.stored import Collection, DataObject, at_and_above, parent_of
from omero_irods_bridge.operations.incoming import PLAN_ID_LENGTH, incoming_of
from omero_irods_bridge.operations.targets import expand, is_expanded, next_version, template_values
from omero_irods_bridge.operations.zones import in_another_zone
from omero_irods_bridge.packet.file_list import FileList, source_files
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS, GRAPH, MANIFEST, TRANSFER_XML
from omero_irods_bridge.ports import Clock, ImageServer, ObjectStore, ServerIdentity

SOFTWARE: Final = f"omero-irods-bridge {__version__}"

_HOME_DEPTH: Final = 3
"""Slashes in the path of a home collection, which is no snapshot."""

LARGEST_PATH_BYTES: Final = 1_023
"""MAX_PATH_ALLOWED of ``rodsDef.h`` with the closing NUL."""

_COUNTED: Final = ("Project", "Dataset", "Screen", "Plate", "Well", "Image", "Roi", "Annotation")


@dataclass(frozen=True, slots=True)
class PackPlan:
    """What will be packed, and where it will be. Nothing was written yet.

    A plan with ``problems`` is not applied. ``wanted`` is where the first version would be. ``id`` is equal
    for the same files of the same objects: a run that is repeated finds by it what an earlier one left.
    """

    request: PackRequest
    identity: ServerIdentity
    graph: Graph
    listing: FileList
    wanted: str
    version: int
    id: str
    moment: datetime
    problems: tuple[BridgeError, ...]
    notices: tuple[str, ...]

    @property
    def files(self) -> tuple[SourceFile, ...]:
        return self.listing.files

    @property
    def target(self) -> str:
        """Where the snapshot will be, unless somebody is quicker."""
        return next_version(self.wanted, self.version)

    @property
    def name(self) -> str:
        """What OMERO calls the first object; a well has no name."""
        return name_in(self.graph, self.request.objects[0])

    @property
    def bytes_total(self) -> int:
        """Of all files whose size OMERO knows."""
        return sum(file.size or 0 for file in self.files)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many objects of each kind are packed, kinds without any left out."""
        found = {kind: self.graph.count(kind) for kind in _COUNTED}
        return {kind: number for kind, number in found.items() if number}


def plan(
    request: PackRequest,
    server: ImageServer,
    store: ObjectStore,
    *,
    clock: Clock,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> PackPlan:
    """Read all that OMERO knows of the objects, and find out what is in the way. Changes nothing.

    Raises:
        NotFound: an object is not there, or this user may not see it.
    """
    graph = Graph()
    server.read_graph(request.objects, graph.add, figures=request.figures, report=report, cancel=cancel)
    listing = source_files(graph, figures=request.figures)
    moment = datetime.fromtimestamp(clock.now(), UTC).replace(microsecond=0)
    identity = server.identity
    values = template_values(
        zone=store.zone,
        irods_user=store.user,
        server=identity.host,
        first=request.objects[0],
        name=name_in(graph, request.objects[0]),
        moment=moment,
        omero_user=identity.user,
        group=identity.group,
    )
    wanted = expand(request.target, values, request.form)
    version, in_the_way = _free_version(store, wanted, request)
    return PackPlan(
        request,
        identity,
        graph,
        listing,
        wanted,
        version,
        _plan_id(request, identity, listing.files),
        moment,
        problems=(
            *_nothing_to_pack(graph, request),
            *_withheld(graph, server),
            *_too_many(listing),
            *_too_large(graph),
            *_too_long(listing, wanted, request),
            *listing.problems,
            *in_the_way,
            *_within_another(store, wanted),
        ),
        notices=(*(notice.text for notice in listing.notices), *_lack_of_rights(store, wanted)),
    )


def _in_words(objects: tuple[ObjectRef, ...]) -> str:
    shown = ", ".join(map(str, objects[:3]))
    return shown if len(objects) <= 3 else f"{shown} and {len(objects) - 3:,} more"


def name_in(graph: Graph, ref: ObjectRef) -> str:
    """What OMERO calls the object; a well has no name."""
    return (graph.one(str(ref)) or {}).get("name") or f"{ref.kind}-{ref.id}"


def _free_version(
    store: ObjectStore, wanted: str, request: PackRequest
) -> tuple[int, tuple[BridgeError, ...]]:
    """Which version of ``wanted`` the snapshot becomes, and what is in the way of it."""
    if (elsewhere := in_another_zone(store, wanted)) is not None:
        return 1, (elsewhere,)
    if "{" not in request.target and (problem := _no_place(store, parent_of(wanted))) is not None:
        return 1, (problem,)
    if request.existing is Existing.REFUSE:
        return 1, () if store.find(wanted) is None else (target_exists(wanted),)
    return next(version for version in count(1) if store.find(next_version(wanted, version)) is None), ()


def _no_place(store: ObjectStore, collection: str) -> BridgeError | None:
    """What is wrong with a collection that a target was written out for."""
    found = store.find(collection)
    if isinstance(found, DataObject):
        return TargetExists(
            f"{collection} is a data object: nothing can be in it.", hint="Choose another target with --to."
        )
    if found is None:
        return NotFound(
            f"The collection {collection} is not there, or you may not see it.",
            hint=f"Make it first: imkdir -p '{collection}'",
        )
    return None


def _within_another(store: ObjectStore, wanted: str) -> tuple[BridgeError, ...]:
    """An expanded snapshot to which something is added is no longer what was packed."""
    for collection in at_and_above(parent_of(wanted)):
        if collection.count("/") > _HOME_DEPTH and is_expanded(store, collection):
            problem = TargetExists(
                f"{collection} is a snapshot: nothing is packed into it.",
                hint="Choose another target with --to, outside of it.",
            )
            return (problem,)
    return ()


def _lack_of_rights(store: ObjectStore, wanted: str) -> tuple[str, ...]:
    """What access lists tell is a notice and no problem: policies of the zone may decide otherwise."""
    above = at_and_above(parent_of(wanted))
    collection = next((one for one in above if isinstance(store.find(one), Collection)), "")
    if not collection or store.may_add_to(collection):
        return ()
    ask = f"Ask its owner: ichmod write {store.user} '{collection}'"
    return (f"{store.user} may not write into {collection}, by its access list. {ask}",)


def target_exists(path: str) -> TargetExists:
    """The error for a target that is taken."""
    return TargetExists(
        f"{path} is there already.", hint="Choose another target with --to, or allow --existing version."
    )


def _nothing_to_pack(graph: Graph, request: PackRequest) -> tuple[BridgeError, ...]:
    if graph.count("Image"):
        return ()
    return (
        NotFound(
            f"There is nothing to pack: {_in_words(request.objects)} has no images.",
            hint="Choose objects that hold images.",
        ),
    )


def _too_many(listing: FileList) -> tuple[BridgeError, ...]:
    count = len(listing.files) + len((TRANSFER_XML, GRAPH, MANIFEST))
    if count <= DEFAULT_LIMITS.members:
        return ()
    return (
        UsageError(
            f"The packet would have {count:,} members; more than {DEFAULT_LIMITS.members:,} are never read.",
            hint="Pack fewer objects at once.",
        ),
    )


def _too_large(graph: Graph) -> tuple[BridgeError, ...]:
    size, most = graph.held_bytes, DEFAULT_LIMITS.graph_bytes
    if size <= most:
        return ()
    return (
        UsageError(
            f"What OMERO knows of this takes {size:,} bytes of memory; more than {most:,} are never read.",
            hint="Pack fewer objects at once.",
        ),
    )


def _too_long(listing: FileList, wanted: str, request: PackRequest) -> tuple[BridgeError, ...]:
    """In a collection each member has a path of its own, at first one below ``.incoming``."""
    members = (file.member for file in listing.files) if request.form is Form.EXPANDED else ()
    longest = max(members, key=lambda member: len(member.encode(errors="replace")), default="")
    above = max(wanted, incoming_of(wanted, "0" * PLAN_ID_LENGTH).path, key=len)
    if not longest or len(f"{above}/{longest}".encode(errors="replace")) <= LARGEST_PATH_BYTES:
        return ()
    return (
        BadName(
            f"{longest} would have a path of more than {LARGEST_PATH_BYTES:,} bytes: iRODS takes none.",
            hint="Choose a shorter target with --to, or pack a zip.",
        ),
    )


def _withheld(graph: Graph, server: ImageServer) -> tuple[BridgeError, ...]:
    """One problem for all images whose bytes this user may not have."""
    images = [row["@"] for row in graph.rows("Image") if bytes_are_withheld(row)]
    if not images or server.is_mounted:
        return ()
    shown = ", ".join(images[:3]) + (f" and {len(images) - 3:,} more" if len(images) > 3 else "")
    return (
        AccessDenied(
            f"OMERO does not give you the files of {shown}: its policy allows no download of them.",
            hint="Ask OMERO's administrator about omero.policy.binary_access, or pack where its "
            "ManagedRepository is mounted (setting omero.managed_repository).",
        ),
    )


def _plan_id(request: PackRequest, identity: ServerIdentity, files: tuple[SourceFile, ...]) -> str:
    """A name that the same objects with the same files, in the same form, always get."""
    digest = hashlib.sha256()
    head = [identity.uuid, request.form, [str(ref) for ref in request.objects]]
    digest.update(json.dumps(head).encode())
    for file in files:
        said = file.hash and [file.hash.hasher, file.hash.value]
        digest.update(json.dumps([file.member, file.id, file.size, said]).encode())
    return digest.hexdigest()[:PLAN_ID_LENGTH]
