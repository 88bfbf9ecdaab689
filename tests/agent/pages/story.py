"""A past for the page that looks like that of a laboratory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

from omero_irods_bridge.model.errors import AccessDenied, ChecksumMismatch, Unreachable
from omero_irods_bridge.model.events import Notice, Step
from omero_irods_bridge.model.jobs import JobSpec, PackWork, Phase, UnpackWork, VerifyWork, Work
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.snapshot import State
from omero_irods_bridge.model.verification import Scope
from tests.agent.pages.world import World, ago, schedule

GB = 1_000_000_000


def pack(objects: str, note: str = "") -> PackWork:
    return PackWork(parse_objects(objects.split()), note=note)


def tell(world: World) -> None:
    """Fill an agent that is empty."""
    specs = _specs()
    chance = random.Random(11)
    for day in range(29, 0, -1):
        for _ in range(chance.choice([0, 1, 2, 3, 4, 5, 8]) if day % 7 not in {1, 2} else 0):
            world.past(next(specs), ago(day), took=chance.randint(20, 3000), result=_result("old", 2))
        if day in {23, 12, 11}:
            world.past(next(specs), ago(day), error=AccessDenied("You may not write there."))
    _today(world, specs)
    _snapshots(world)
    world.schedules = [schedule("nightly-verify", overdue=True), schedule("weekly-clean-up")]


def _today(world: World, specs: Iterator[JobSpec]) -> None:
    world.past(
        _spec(pack("Dataset:118", "Figure 3, raw data"), "d1"),
        ago(0.2),
        took=1260,
        result=_result("fig3", 38),
    )
    world.past(
        _spec(VerifyWork("/lab/home/ada/spindles.zip", Scope.DATA), "d2"),
        ago(0.15),
        took=312,
        error=ChecksumMismatch(
            "/lab/home/ada/spindles.zip is not as it was packed: the bytes of spindle_07.tif are damaged.",
            hint="Load the other images, and pack spindle_07.tif again from OMERO.",
        ),
    )
    world.past(
        _spec(pack("Plate:9", "siRNA screen, plate 9"), "d3"),
        ago(0.01),
        took=30,
        error=Unreachable("irods.example.org:1247 did not answer.", hint="Nothing is to be done."),
    )
    world.past(_spec(UnpackWork("/lab/home/ada/fig3.zip"), "d4"), ago(0.1), took=640, result=_loaded())
    running(world)
    for number, objects in enumerate(("Project:7", "Image:1,3,7-9")):
        world.jobs.submit(_spec(pack(objects, "before the move"), f"q{number}"))


def running(world: World) -> int:
    """The id of a job that is under way."""
    events = (
        Step("Reading what OMERO knows of Dataset:51"),
        Notice("Image:1207 has no original files; its pixels are exported as OME-TIFF."),
        Step("Moving 412 files", 96 * GB, 412),
    )
    phase = Phase("Moving 412 files", 61 * GB, 255, 96 * GB, 412)
    spec = _spec(pack("Dataset:51 Dataset:52 Project:3", "Spindle orientation, for the paper"), "run")
    return world.past(spec, ago(0) - 900, took=880, events=events, phase=phase, ends=False).id


def _snapshots(world: World) -> None:
    world.snapshot(
        "ada", "fig3", note="Figure 3, raw data", sources=("Dataset:118",), size=38 * GB, images=96
    )
    world.snapshot(
        "ada", "spindles", sources=("Dataset:51", "Dataset:52"), state=State.DAMAGED, size=96 * GB, images=412
    )
    when = datetime(2026, 10, 2, 7, 15, tzinfo=UTC)
    world.snapshot(
        "ada",
        "siRNA screen",
        sources=("Screen:4",),
        verified_at=when,
        packed_at=when,
        size=310 * GB,
        images=9216,
    )


def _specs() -> Iterator[JobSpec]:
    number = 0
    while True:
        number += 1
        work = pack(f"Dataset:{60 + number}") if number % 3 else VerifyWork(f"/lab/home/ada/set-{number}.zip")
        yield _spec(work, f"old-{number}")


def _spec(work: Work, request_id: str) -> JobSpec:
    return JobSpec(work, "ada", request_id)


def _result(name: str, size: int) -> dict[str, object]:
    return {"path": f"/lab/home/ada/{name}.zip", "bytes": size * GB, "images": 96, "files": 98}


def _loaded() -> dict[str, object]:
    return {"objects": {"Dataset:118": "Dataset:501"}, "made": {"Dataset": 1, "Image": 96}, "not_kept": {}}
