"""Options that several commands have, in groups: a command takes such a dataclass as one parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer

from omero_irods_bridge.cli import parsing
from omero_irods_bridge.model.errors import Interrupted, UsageError
from omero_irods_bridge.model.jobs import check_priority
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.snapshot import State
from omero_irods_bridge.operations.find import Criteria


@dataclass(frozen=True)
class Config:
    """Which settings."""

    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings.  [default: see omero-irods settings --help]"),
    ] = None


@dataclass(frozen=True)
class OmeroLogin:
    """Which OMERO server and as whom; what is not given is as in the settings or the stored session."""

    server: Annotated[
        str | None, typer.Option("--server", "-s", metavar="HOST[:PORT]", help="OMERO server.")
    ] = None
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="NAME", help="OMERO user.")] = None
    group: Annotated[str | None, typer.Option("--group", "-g", metavar="NAME", help="OMERO group.")] = None

    def settings(self) -> dict[str, Any]:
        """As flags over the settings (settings.py, load)."""
        host, port = parsing.host_and_port(self.server) if self.server else (None, None)
        return {"omero": {"host": host, "port": port, "user": self.user, "group": self.group}}


@dataclass(frozen=True)
class ByAgent:
    """Whether the agent does the work."""

    agent: Annotated[
        str | None, typer.Option(metavar="[=URL]", help="Let the agent do it (=no: do it here).")
    ] = None
    wait: Annotated[bool, typer.Option("--wait", help="With --agent: follow it to its end.")] = False
    priority: Annotated[
        int | None, typer.Option(metavar="0-9", help="With --agent: 0 is first, 9 last.  [default: 5]")
    ] = None

    def __post_init__(self) -> None:
        if self.priority is not None:
            check_priority(self.priority)


@dataclass(frozen=True)
class Asked:
    """Who is asked for jobs."""

    agent: Annotated[
        str | None, typer.Option(metavar="[=URL]", help="Ask the agent over HTTP (=no: its database).")
    ] = None


@dataclass(frozen=True)
class Shown:
    """How results are shown."""

    as_json: Annotated[bool, typer.Option("--json", help="Results and errors as JSON.")] = False


@dataclass(frozen=True)
class Told(Shown):
    """How results are shown, and whether progress is."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")] = False


@dataclass(frozen=True)
class Filters:
    """Which snapshots are wanted."""

    below: Annotated[str | None, typer.Option(metavar="PATH", help="Below this collection.")] = None
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="OMERO owner of what was packed.")] = None
    group: Annotated[str | None, typer.Option(metavar="NAME", help="OMERO group of what was packed.")] = None
    source: Annotated[str | None, typer.Option(metavar="OBJECT", help="Packed as, e.g. Dataset:51.")] = None
    image: Annotated[int | None, typer.Option(metavar="ID", help="With this OMERO image.")] = None
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Packed then or later, UTC.")] = None
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Packed then or earlier, UTC.")] = None
    state: Annotated[State | None, typer.Option(metavar="STATE", help="sealed or damaged.")] = None
    min_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="At least so large, e.g. 500MB, 2GiB.")
    ] = None
    max_size: Annotated[str | None, typer.Option(metavar="SIZE", help="At most so large, e.g. 2GiB.")] = None

    def criteria(self, name: str | None) -> Criteria:
        """Raises UsageError for what is no date, size or object."""
        return Criteria(
            owner=self.owner,
            group=self.group,
            source=parsing.one_object(parse_objects([self.source])) if self.source else None,
            image=self.image,
            name=name,
            since=parsing.moment(self.since) if self.since else None,
            until=parsing.moment(self.until, end_of_day=True) if self.until else None,
            state=self.state,
            min_size=parsing.size(self.min_size) if self.min_size else None,
            max_size=parsing.size(self.max_size) if self.max_size else None,
            below=self.below.rstrip("/") or "/" if self.below else None,
        )


_FURTHEST: Final = 2**31 - 1
"""Where an answer may begin (``partialStartIndex`` of GenQuery1 is an int)."""


@dataclass(frozen=True)
class Page:
    """Which part of a long list."""

    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Snapshots a page.")] = 50
    page: Annotated[int, typer.Option(metavar="N", min=1, help="Which page.")] = 1

    def __post_init__(self) -> None:
        if self.skip > _FURTHEST:
            raise UsageError(
                f"Nothing is on page {self.page}: iRODS counts up to {_FURTHEST:,}.",
                hint="Name an earlier one.",
            )

    @property
    def skip(self) -> int:
        return (self.page - 1) * self.limit


def with_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the fields of its dataclass parameters as options, in their place.

    An interruption of it is an error like others.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)}

    @wraps(command)
    def flat(**given: Any) -> Any:
        made = {name: group(**_taken(group, given)) for name, group in groups.items()}
        try:
            return command(**given, **made)
        except KeyboardInterrupt as error:
            raise Interrupted("Interrupted.") from error

    parameters = [
        one for name, hint in hints.items() if name != "return" for one in _parameters(command, name, hint)
    ]
    signature = inspect.Signature(parameters, return_annotation=Any)
    flat.__signature__ = signature  # type: ignore[attr-defined] # what inspect.signature reads
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


def _taken(group: type, given: dict[str, Any]) -> dict[str, Any]:
    return {one.name: given.pop(one.name) for one in fields(group)}


def _parameters(command: Callable[..., Any], name: str, hint: Any) -> Iterator[inspect.Parameter]:
    if not is_dataclass(hint):
        default = inspect.signature(command).parameters[name].default
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        return
    hints = get_type_hints(hint, include_extras=True)
    for one in fields(hint):
        yield _parameter(one, hints[one.name])


def _parameter(one: Field[Any], hint: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if one.default is MISSING else one.default
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
