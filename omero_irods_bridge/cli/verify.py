"""``omero-irods verify``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from omero_irods_bridge.cli import by_agent, output, parsing, views, working
from omero_irods_bridge.cli.options import ByAgent, Config, Told
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import VerifyWork
from omero_irods_bridge.model.verification import Finding, Scope, Verification

if TYPE_CHECKING:
    from omero_irods_bridge.model.events import CancelToken, Report
    from omero_irods_bridge.settings import Settings

_Place = Annotated[str, typer.Argument(metavar="SNAPSHOT", hidden=True)]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar="[=SHARE]", help="Also the bytes of one good replica; --data=5% of them, drawn by lot."
    ),
]
_Replicas = Annotated[bool, typer.Option("--replicas", help="Also the bytes of every replica.")]
_Wanted: TypeAlias = tuple[Scope, float | None]
_Watching: TypeAlias = "tuple[Report, CancelToken]"
_IMAGES_SHOWN: Final = 20
ALL_DATA: Final = "100%"
"""What ``--data`` alone stands for (main.py)."""


def verify(
    snapshot: _Place,
    *,
    data: _Data = None,
    replicas: _Replicas = False,
    by: ByAgent,
    told: Told,
    config: Config,
) -> int:
    """Check that SNAPSHOT is what was packed: AVUs, catalog, manifest, and bytes if asked for.

    It is in iRODS, where result and time become AVUs, or a packet on this computer.

    Example:  omero-irods verify /tempZone/home/alice/hela.zip --data
    """
    from omero_irods_bridge.operations.opening import IRODS, is_in_irods
    from omero_irods_bridge.wiring import zone_of

    wanted, settings = _scope(data, replicas=replicas), working.settings_of(config)
    agent = by_agent.agent_for(by, settings, not_because=by_agent.here_only(snapshot, zone_of(settings)))
    if agent is not None:
        work = VerifyWork(snapshot.removeprefix(IRODS), *wanted)
        return by_agent.hand_over(agent, work, by, told, settings)
    verified = _in_irods if is_in_irods(snapshot, zone_of(settings)) else _on_this_computer
    with working.at_work(told) as watching:
        done = verified(snapshot, wanted, settings, watching)
    if told.as_json:
        output.json_result({"verification": _fields(done)})
    else:
        output.result("\n".join(_lines(done)))
    return done.exit_status


def _in_irods(place: str, wanted: _Wanted, settings: Settings, watching: _Watching) -> Verification:
    from omero_irods_bridge.operations import verify as operation
    from omero_irods_bridge.operations.opening import IRODS
    from omero_irods_bridge.wiring import SystemClock, open_object_store

    (scope, sample), (report, cancel) = wanted, watching
    path, prefix = place.removeprefix(IRODS), settings.snapshots.prefix
    with open_object_store(settings) as store:
        plan = operation.plan(store, path, scope=scope, sample=sample, prefix=prefix)
        return operation.apply(plan, store, clock=SystemClock(), report=report, cancel=cancel)


def _on_this_computer(place: str, wanted: _Wanted, _settings: Settings, watching: _Watching) -> Verification:
    from omero_irods_bridge.operations.opening import LOCAL, open_packet
    from omero_irods_bridge.operations.verifying.packets import verify_packet
    from omero_irods_bridge.wiring import open_local

    (scope, sample), (report, cancel) = wanted, watching
    with open_packet(None, place, open_local=open_local) as packet:
        return verify_packet(
            packet, place.removeprefix(LOCAL), scope=scope, sample=sample, report=report, cancel=cancel
        )


def _scope(data: str | None, *, replicas: bool) -> tuple[Scope, float | None]:
    share = parsing.share(data) if data is not None else None
    if replicas and share not in {None, 1.0}:
        raise UsageError("--replicas reads all data.", hint="Leave out the share of --data.")
    if replicas:
        return Scope.REPLICAS, None
    return (Scope.METADATA, None) if share is None else (Scope.DATA, None if share == 1 else share)


def _fields(done: Verification) -> dict[str, Any]:
    return {"ok": done.ok, **views.plain(done)}


def _lines(done: Verification) -> Iterator[str]:
    yield f"{done.path}: {_verdict(done)}"
    yield from views.aligned(_facts(done))
    for finding in done.findings:
        yield f"- {_subject(finding)}{finding.text}"
        if finding.remedy:
            yield f"  {finding.remedy}"


def _verdict(done: Verification) -> str:
    if not done.ok:
        return f"{views.count(len(done.findings), 'problem')} found"
    if done.complete:
        return "good; all bytes were compared"
    if done.members_checked:
        return "good, as far as bytes were compared"
    return "good, as far as can be told without its bytes (--data compares them)"


def _facts(done: Verification) -> Iterator[tuple[str, str]]:
    yield "members", f"{done.members:,}, the bytes of {done.members_checked:,} compared"
    if done.bytes_checked:
        yield "in iRODS", f"{views.exact_size(done.bytes_checked)} read by the server"
    if done.bytes_read:
        yield "read here", views.exact_size(done.bytes_read)
    if done.state is not None:
        yield "state", done.state.value


def _subject(finding: Finding) -> str:
    """What is wrong, and with which images; the text names member and replica."""
    images = f"{_images(finding.images)}: " if finding.images else ""
    return f"{finding.problem}: {images}"


def _images(ids: tuple[int, ...]) -> str:
    """``Image:1,2,3``, as it can be packed again; of very many the first ones (--json has all)."""
    shown = f"Image:{','.join(map(str, ids[:_IMAGES_SHOWN]))}"
    return shown if len(ids) <= _IMAGES_SHOWN else f"{shown} and {len(ids) - _IMAGES_SHOWN:,} more"
