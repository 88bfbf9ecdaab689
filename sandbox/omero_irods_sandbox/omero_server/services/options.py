"""What the ``options`` of a call ask for: an owner, a group, a period, a page, how deep to load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.model.types import Parameters

_ANYBODY = -1
"""Clients send it for "no matter whose" (BlitzGateway.timelineListImages)."""


@dataclass(frozen=True, slots=True)
class Options:
    """An omero.sys.Parameters as plain values; None and False stand for what it does not say."""

    owner_id: int | None = None
    group_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int | None = None
    offset: int | None = None
    leaves: bool = False
    orphan: bool = False
    acquisition_data: bool = False


def options_of(parameters: Parameters) -> Options:
    """Read ``theFilter`` and ``theOptions``."""
    page = None if parameters is None else parameters.theFilter
    depth = None if parameters is None else parameters.theOptions
    return Options(
        owner_id=_id(page, "ownerId"),
        group_id=_id(page, "groupId"),
        start_ms=_value(page, "startTime"),
        end_ms=_value(page, "endTime"),
        limit=_value(page, "limit"),
        offset=_value(page, "offset"),
        leaves=bool(_value(depth, "leaves")),
        orphan=bool(_value(depth, "orphan")),
        acquisition_data=bool(_value(depth, "acquisitionData")),
    )


def _value(holder: Any, name: str) -> Any:
    return None if holder is None else unwrap(getattr(holder, name))


def _id(holder: Any, name: str) -> int | None:
    value = _value(holder, name)
    return None if value in (None, _ANYBODY) else int(value)


@dataclass(slots=True)
class Conditions:
    """The WHERE clause of a query while it grows, with the values it names."""

    tests: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, test: str, **values: Any) -> None:
        """One more test; all must hold."""
        self.tests.append(test)
        self.values |= values

    def owned(self, alias: str, options: Options) -> None:
        """Only what belongs to the owner and the group that the options name."""
        if options.owner_id is not None:
            self.add(f"{alias}.details.owner.id = :owner", owner=options.owner_id)
        if options.group_id is not None:
            self.add(f"{alias}.details.group.id = :group", group=options.group_id)

    def __str__(self) -> str:
        return f" where {' and '.join(self.tests)}" if self.tests else ""
