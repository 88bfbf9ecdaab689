"""A job as it is handed in, as it is described to programs.

It is read by ``JobSpec.from_fields``, which says best what is wrong; a test sees to it that both agree.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from omero_irods_bridge.model.jobs import LOWEST_PRIORITY, JobKind
from omero_irods_bridge.model.json_fields import LARGEST_PATH
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.model.work import LARGEST_AGE_S, LARGEST_NAME, LARGEST_NOTE, LARGEST_OBJECTS, GcWork

OBJECTS_FORMAT: Final = "omero-objects"
"""A kind, a colon, and ids or ranges of ids; no pattern says that a range must not end before it begins."""

CONTAINER_FORMAT: Final = "omero-container"

ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
"""A pattern of what an address may look for: PostgreSQL takes no NUL in a text."""

_CHAR: Final = r"[^\u0000-\u001f\u007f-\u00a0\u00ad\u2028\u2029]"
"""Printable, as far as a pattern can say it in a line: no control character, no blank but the usual one."""

_COMPONENT: Final = _CHAR.replace("[^", "[^/")
_PATH: Final = rf"(/(?!\.{{1,2}}(/|$)){_COMPONENT}*)+"

Name = Annotated[str, Field(max_length=LARGEST_NAME, pattern=rf"^{_CHAR}*$")]
FilledName = Annotated[str, Field(min_length=1, max_length=LARGEST_NAME, pattern=rf"^{_CHAR}+$")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]
Place = Annotated[
    str,
    Field(
        max_length=LARGEST_PATH,
        json_schema_extra={"pattern": rf"^({_PATH})?$"},
        description="An absolute path in the zone of the agent; empty for the usual place.",
    ),
]
Packet = Annotated[
    str,
    Field(
        max_length=LARGEST_PATH,
        json_schema_extra={"pattern": rf"^{_PATH}$"},
        description="The path of a snapshot.",
    ),
]
Objects = Annotated[
    str,
    Field(json_schema_extra={"format": OBJECTS_FORMAT}, examples=["Dataset:51", "Image:1,3,7-9"]),
]


class Body(BaseModel):
    """Nothing is taken that is not known."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PackFields(Body):
    """Pack objects of OMERO to a snapshot in iRODS."""

    objects: Annotated[list[Objects], Field(min_length=1, max_length=LARGEST_OBJECTS)]
    target: Place = ""
    group: Annotated[Name, Field(description="The OMERO group to work in; empty for the default one.")] = ""
    form: Form = Form.ZIP
    existing: Annotated[Existing, Field(description="What to do where there is a snapshot.")] = (
        Existing.VERSION
    )
    note: Annotated[str, Field(max_length=LARGEST_NOTE)] = ""
    figures: bool = False


class OwnersField(Body):
    """Names of users and groups in a packet, and what they are called in OMERO here."""

    users: dict[FilledName, FilledName] = {}
    groups: dict[FilledName, FilledName] = {}


class UnpackFields(Body):
    """Load a packet of iRODS into OMERO."""

    path: Packet
    only: Annotated[list[Objects], Field(max_length=LARGEST_OBJECTS)] = []
    into: Annotated[
        str,
        Field(
            json_schema_extra={"format": CONTAINER_FORMAT},
            description="A Project, Dataset or Screen that takes what is loaded; empty for none.",
            examples=["Project:7"],
        ),
    ] = ""
    merge: bool = False
    in_place: bool = False
    as_owner: bool = False
    again: Annotated[Name, Field(description="Tells a second copy from the first.")] = ""
    group: Name = ""
    owners: Annotated[OwnersField, Field(description="With as_owner: who of the packet is who here.")] = (
        OwnersField()
    )


class VerifyFields(Body):
    """Verify a snapshot; all of its data, or a part of it, with the scope ``data``."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"sample": {"type": "number"}}, "required": ["sample"]},
            "then": {"properties": {"scope": {"const": Scope.DATA}}, "required": ["scope"]},
        }
    )

    path: Packet
    scope: Scope = Scope.METADATA
    sample: Annotated[float, Field(gt=0, le=1)] | None = None


class GcFields(Body):
    """Remove what was left under way, at and below a collection."""

    collection: Place = ""
    older_than_s: Annotated[float, Field(ge=0, le=LARGEST_AGE_S)] | None = GcWork().older_than_s


class IngestFields(Body):
    """Import what is complete in collections that opted in, at and below a collection."""

    collection: Place = ""
    hinted: Annotated[bool, Field(description="Only where objects say that they wait: quick.")] = False


class _Job(Body):
    requested_by: Annotated[
        Name,
        Field(
            default_factory=str,
            min_length=1,
            description="The OMERO user whose job it is. A user may leave it out, a service may not.",
        ),
    ]
    request_id: Annotated[
        Id,
        Field(
            default_factory=str,
            description="The same of the same user is the same job. A user may leave it out for a fresh one.",
        ),
    ]
    priority: Annotated[int, Field(ge=0, le=LOWEST_PRIORITY, description="0 is first.")] = 5
    batch: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._:/-]{0,100}$",
            description="The same for jobs that were asked for together: there is one mail for all.",
        ),
    ] = ""


class PackJob(_Job):
    """A job that packs."""

    kind: Literal[JobKind.PACK]
    work: PackFields


class UnpackJob(_Job):
    """A job that unpacks."""

    kind: Literal[JobKind.UNPACK]
    work: UnpackFields


class VerifyJob(_Job):
    """A job that verifies."""

    kind: Literal[JobKind.VERIFY]
    work: VerifyFields


class GcJob(_Job):
    """A job that removes leftovers."""

    kind: Literal[JobKind.GC]
    work: GcFields = GcFields()


class IngestJob(_Job):
    """A job that imports what lies in iRODS."""

    kind: Literal[JobKind.INGEST]
    work: IngestFields = IngestFields()


AnyJob = Annotated[PackJob | UnpackJob | VerifyJob | GcJob | IngestJob, Field(discriminator="kind")]

EXAMPLES: Final[dict[str, Any]] = {
    "pack": {
        "summary": "Pack a dataset, as a rule or a program asks for a user",
        "value": {
            "kind": "pack",
            "requested_by": "alice",
            "request_id": "2026-11-28/7",
            "work": {"objects": ["Dataset:51"], "note": "for the paper"},
        },
    },
    "verify": {
        "summary": "Verify a twentieth of the data of a snapshot, as a user asks for himself",
        "value": {
            "kind": "verify",
            "work": {"path": "/tempZone/home/alice/omero/a.zip", "scope": "data", "sample": 0.05},
        },
    },
    "unpack": {
        "summary": "Load a snapshot into a project",
        "value": {
            "kind": "unpack",
            "work": {"path": "/tempZone/home/alice/omero/a.zip", "into": "Project:7"},
        },
    },
    "gc": {"summary": "Remove leftovers from one's home", "value": {"kind": "gc"}},
    "ingest": {
        "summary": "Import what is complete in a collection that opted in",
        "value": {"kind": "ingest", "work": {"collection": "/tempZone/home/alice/microscope"}},
    },
}


def job_schema(template: str = "#/components/schemas/{model}") -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a body, and those that it refers to by ``template``."""
    schema = TypeAdapter[Any](AnyJob).json_schema(ref_template=template)
    return schema, schema.pop("$defs")
