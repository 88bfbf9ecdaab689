"""The strip of the last days: what was done above the line, what failed below it, what is overdue on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from fastapi import Request

from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http.site import schedules_of
from omero_irods_bridge.agent.pages.words import count
from omero_irods_bridge.agent.store.days import Day

DAYS: Final = 30
ABOVE: Final = 40
"""Units of the picture for the largest number of jobs done on a day."""

BELOW: Final = 20
"""For the largest number of jobs that failed."""

_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A day; ``up`` and ``down`` are the heights of its bars, ``overdue`` names schedules due that day."""

    day: Day
    up: int
    down: int
    overdue: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The day in words."""
        told = [f"{self.day.done:,} done", f"{self.day.failed:,} failed"]
        told += [f"{self.day.cancelled:,} cancelled"] if self.day.cancelled else []
        told += [f"{name} is overdue" for name in self.overdue]
        return f"{self.day.date:%d %b}: {', '.join(told)}"


@dataclass(frozen=True, slots=True)
class Strip:
    """All days, the earliest first."""

    cells: tuple[Cell, ...]

    @property
    def text(self) -> str:
        """The whole in words."""
        done, failed = (sum(getattr(one.day, end) for one in self.cells) for end in ("done", "failed"))
        overdue = sum(len(one.overdue) for one in self.cells)
        late = f", {count(overdue, 'schedule')} overdue" if overdue else ""
        return f"The last {len(self.cells)} days: {count(done, 'job')} done, {failed:,} failed{late}"


@dataclass(frozen=True, slots=True)
class Overdue:
    """A schedule that should have run, and when."""

    name: str
    due: date


def make_strip(days: Sequence[Day], overdue: Iterable[Overdue] = ()) -> Strip:
    """The heights of the bars; a single job is seen beside thousands."""
    most_done = max((one.done for one in days), default=0) or 1
    most_failed = max((one.failed for one in days), default=0) or 1
    late = [(max(one.due, days[0].date), one.name) for one in overdue]
    return Strip(
        tuple(
            Cell(
                day,
                _height(day.done, most_done, ABOVE),
                _height(day.failed, most_failed, BELOW),
                tuple(name for due, name in late if due == day.date),
            )
            for day in days
        )
    )


def _height(number: int, most: int, room: int) -> int:
    return max(_LEAST, number * room // most) if number else 0


def strip_of(request: Request, desk: Desk, asker: Requester) -> Strip:
    """What this user may see of the last days."""
    return make_strip(desk.days(asker, DAYS), overdue_of(request, asker))


def overdue_of(request: Request, asker: Requester) -> list[Overdue]:
    """The schedules that did not run when they should have."""
    return [
        Overdue(one["name"], _date(one["next_at"])) for one in schedules_of(request, asker) if one["overdue"]
    ]


def _date(at: str) -> date:
    return datetime.fromisoformat(at).astimezone(UTC).date()
