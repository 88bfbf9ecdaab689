"""``[ingest]``: settings of what makes data in iRODS appear in OMERO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from omero_irods_bridge.model.ingest import (
    DEFAULT_IGNORE,
    DEFAULT_TARGET,
    QUIET_S,
    Existing,
    IngestOptions,
    SetRule,
)
from omero_irods_bridge.operations.ingesting.series import Series
from omero_irods_bridge.operations.ingesting.targets import check_template
from omero_irods_bridge.setting_types import understood_by

WEEK_S = 7 * 24 * 3600.0
Pattern = Annotated[str, Field(min_length=1, max_length=255)]


class SetSettings(BaseModel):
    """``[[ingest.sets]]``: files that belong together; see ``SetRule``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open: Pattern | None = None
    members: Pattern = "*"
    below: bool = False
    series: Annotated[Pattern, understood_by(Series)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.open is None) == (self.series is None):
            raise ValueError("a set has either open or series")
        return self

    @property
    def rule(self) -> SetRule:
        return SetRule(self.open or "", self.members, self.below, self.series or "")


class IngestSettings(BaseModel):
    """When files count as complete, where they go, what belongs together, and what is no image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quiet_s: Annotated[float, Field(ge=0, le=WEEK_S)] = QUIET_S
    target: Annotated[str, understood_by(check_template)] = DEFAULT_TARGET
    existing: Existing = Existing.APPEND
    replicas: Annotated[int, Field(ge=1, le=20)] = 1
    ignore: list[Pattern] = list(DEFAULT_IGNORE)
    sets: list[SetSettings] = []
    every_s: Annotated[float, Field(ge=1, le=WEEK_S)] = 60.0

    def options(self, prefix: str, paths: Mapping[str, PurePath]) -> IngestOptions:
        """What the operations take; ``prefix`` and ``paths`` are of other sections."""
        return IngestOptions(
            prefix=prefix,
            quiet_s=self.quiet_s,
            target=self.target,
            existing=self.existing,
            replicas=self.replicas,
            ignore=tuple(self.ignore),
            sets=tuple(one.rule for one in self.sets),
            paths=dict(paths),
        )
