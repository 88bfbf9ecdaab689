"""What somebody looks for among snapshots, as the parameters of a request."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from omero_irods_bridge.agent.snapshots import with_text
from omero_irods_bridge.model.objects import Kind, parse_objects
from omero_irods_bridge.model.snapshot import State
from omero_irods_bridge.operations.find import Criteria

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LARGEST: Final = 10**18 - 1


def _date(text: object) -> object:
    """Of all the ways to write a date just this one, which the description names."""
    if isinstance(text, str) and not _DATE.fullmatch(text):
        raise ValueError("a date is YYYY-MM-DD")
    return text


def _collection(path: str) -> str:
    return path.rstrip("/") or "/"


Text = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Day = Annotated[date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Bytes = Annotated[int, Field(ge=0, le=_LARGEST)]
Object = Annotated[str, Field(pattern=rf"^({'|'.join(Kind)}):[0-9]{{1,18}}$", examples=["Dataset:51"])]
Path = Annotated[str, Field(max_length=1_000, pattern=r"^/[^\x00-\x1f\x7f]*$"), AfterValidator(_collection)]


class SnapshotQuery(BaseModel):
    """Snapshots that fulfil everything that is given, in the order of their paths.

    ``q`` is what a person types: an object as it was packed (``Dataset:51``), an image (``Image:7``), or a
    part of the name. Days are in UTC and include both ends, sizes are in bytes.
    """

    model_config = ConfigDict(extra="forbid")

    q: Text | None = None
    owner: Text | None = None
    group: Text | None = None
    name: Text | None = None
    note: Text | None = None
    source: Object | None = None
    image: Bytes | None = None
    state: State | None = None
    since: Day | None = None
    until: Day | None = None
    min_size: Bytes | None = None
    max_size: Bytes | None = None
    below: Path | None = None
    user: Text | None = Field(None, description="For a service or an administrator: as whom to look.")
    skip: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50

    def criteria(self) -> Criteria:
        """Raises UsageError for a range that holds nothing."""
        wanted = Criteria(
            owner=self.owner,
            group=self.group,
            source=parse_objects([self.source])[0] if self.source else None,
            image=self.image,
            name=self.name,
            note=self.note,
            since=None if self.since is None else datetime.combine(self.since, time(), UTC),
            until=None if self.until is None else datetime.combine(self.until, time(23, 59, 59), UTC),
            state=self.state,
            min_size=self.min_size,
            max_size=self.max_size,
            below=self.below,
        )
        return wanted if self.q is None else with_text(wanted, self.q)
