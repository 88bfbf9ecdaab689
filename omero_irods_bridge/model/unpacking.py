"""What is asked of unpack, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.ownership import OwnerMap

_TARGETS = (Kind.PROJECT, Kind.DATASET, Kind.SCREEN)


@dataclass(frozen=True, slots=True)
class UnpackRequest:
    """Load the packet ``packet`` (a path as a person writes it), or ``only`` some objects of it.

    ``into`` is a container that takes what stands highest in the packet: a Project takes datasets, a Dataset
    images, a Screen plates. With ``merge`` containers of this user with the same name are used instead of new
    ones. ``in_place`` lets OMERO link to the files where they are. With ``as_owner`` everything becomes whose
    it is in the packet, of users with equal names or those of ``owners``; with ``keep_group`` too nothing is
    loaded but in the group that the packet is of, by its name or as ``owners`` say. ``again`` makes a second
    copy of what was loaded before; it is a text that tells copies apart.
    """

    packet: str
    only: tuple[ObjectRef, ...] = ()
    into: ObjectRef | None = None
    merge: bool = False
    in_place: bool = False
    as_owner: bool = False
    again: str = ""
    owners: OwnerMap = field(default_factory=OwnerMap)
    keep_group: bool = False

    def __post_init__(self) -> None:
        if self.into is not None and self.into.kind not in _TARGETS:
            raise UsageError(
                f"Nothing can be loaded into {self.into}.", hint="Name a Project, a Dataset or a Screen."
            )
        if self.owners and not self.as_owner:
            raise UsageError(
                "Who is who (--owners) matters only where owners are kept.", hint="Add --as-owner."
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load that is complete: OMERO was read again, and has what the packet has.

    ``objects`` are keys of what the packet's roots have become. ``made`` counts by class all filesets and
    images, and what else this run has made; ``not_kept`` what of the packet was not kept, by class or field
    and why: OMERO or the user's rights did not allow it, or it would have changed what was there before.
    """

    load: str
    objects: Mapping[str, str]
    made: Mapping[str, int] = field(default_factory=dict)
    not_kept: Mapping[str, int] = field(default_factory=dict)
    was_complete: bool = False
