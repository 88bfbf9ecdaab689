"""Receivers of events: a bar for a person at a terminal, JSON lines for who reads later, and for programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from omero_irods_bridge.cli import output
from omero_irods_bridge.model import events
from omero_irods_bridge.model.events import Event, Notice, Report, Step, silent

JSON_INTERVAL_S: Final = 1.0
"""How often programs are told how far a step is."""


@contextmanager
def receiver(
    *, as_json: bool = False, quiet: bool = False, console: Console | None = None
) -> Iterator[Report]:
    """The receiver that suits who reads standard error; what it drew is done when the block ends.

    Where nobody looks on, JSON lines are told as they are with ``as_json``: a bar would fill a file with ways
    of the cursor. With ``quiet`` nothing is. ``console`` is a terminal, standard error if none is given.
    """
    if quiet:
        yield silent
    elif as_json or not (console or output.is_looked_at()):
        lines = JsonLines()
        yield lines
        lines.flush()
    else:
        with Bar(console or Console(stderr=True, highlight=False, emoji=False)) as bar:
            yield bar


class JsonLines:
    """Tells each event as a JSON object; of progress one each JSON_INTERVAL_S, and the last of each step."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = -JSON_INTERVAL_S
        self._held_back: Event | None = None

    def __call__(self, event: Event) -> None:
        if not isinstance(event, events.Progress):
            self.flush()
            _tell(event)
        elif self._clock() - self._told_at < JSON_INTERVAL_S:
            self._held_back = event
        else:
            self._told_at, self._held_back = self._clock(), None
            _tell(event)

    def flush(self) -> None:
        """Tell what was held back."""
        if self._held_back is not None:
            _tell(self._held_back)
        self._held_back = None


def _tell(event: Event) -> None:
    fields = {key: value for key, value in asdict(event).items() if value is not None}
    output.json_line({"event": type(event).__name__.lower(), **fields})


class Bar:
    """One line a step: a bar with bytes, rate and time left where the size is known. A context manager."""

    def __init__(self, console: Console) -> None:
        text = Column(ratio=1, overflow="ellipsis", no_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=text),
            BarColumn(bar_width=20),
            _Amount(),
            console=console,
            expand=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, error: object, *_more: object) -> None:
        if error is None:
            self._end_step()
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            self._begin(event)
        elif isinstance(event, events.Progress):
            self._advance(event)
        elif isinstance(event, Notice):
            self._progress.console.print(f"Note: {output.visible(event.text)}", markup=False)

    def _begin(self, step: Step) -> None:
        self._end_step()
        in_bytes = step.bytes_total is not None
        total = step.bytes_total if in_bytes else step.items_total
        self._task = self._progress.add_task(output.visible(step.text), total=total, in_bytes=in_bytes)

    def _advance(self, event: events.Progress) -> None:
        if self._task is not None:
            in_bytes = self._present().fields["in_bytes"]
            self._progress.update(self._task, completed=event.bytes_done if in_bytes else event.items_done)

    def _present(self) -> Task:
        return next(task for task in self._progress.tasks if task.id == self._task)

    def _end_step(self) -> None:
        """A step is over when the next one begins; one of unknown size had what it came to."""
        if self._task is not None:
            present = self._present()
            total = present.completed if present.total is None else present.total
            self._progress.update(self._task, total=total, completed=total)


class _Amount(ProgressColumn):
    """How far a step is, in bytes or items, how fast, and the time left; in the end the time that it took."""

    max_refresh = 0.2

    def render(self, task: Task) -> Text:
        parts = [_done(task), _speed(task), _time(task)]
        return Text("  ".join(part for part in parts if part), no_wrap=True)


def _done(task: Task) -> str:
    show = decimal if task.fields["in_bytes"] else "{:,}".format
    if task.total is None:
        return show(int(task.completed)) if task.completed else ""
    if task.finished:
        return show(int(task.total)) if task.total else ""
    return f"{show(int(task.completed))} of {show(int(task.total))}"


def _speed(task: Task) -> str:
    speed = task.finished_speed or task.speed
    return f"{decimal(int(speed))}/s" if speed and task.fields["in_bytes"] else ""


def _time(task: Task) -> str:
    if task.finished or task.time_remaining is None:
        return clock_time(task.finished_time if task.finished else task.elapsed)
    return f"{clock_time(task.time_remaining)} left"


def clock_time(seconds: float | None) -> str:
    """``0:05``, ``12:34``, ``1:02:03``; empty for none."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
