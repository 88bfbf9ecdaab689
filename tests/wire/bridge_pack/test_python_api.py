"""Row S4: the use cases are functions; whoever calls them hears how far they are and can stop them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import omero_irods_bridge.cli.pack
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import Interrupted
from omero_irods_bridge.model.events import CancelToken, Event, Progress, Step
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.model.packing import PackRequest, TransferOptions
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.operations import gc, pack, verify
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.show import show
from omero_irods_bridge.wiring import SystemClock
from tests.wire.bridge_pack.packets import asked
from tests.wire.bridge_pack.test_pack import SMALL_PIECES


def test_pack_list_show_verify_and_gc_are_functions(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    clock = SystemClock()
    request = PackRequest(parse_objects([str(dataset)]), f"{place}/{{name}}.zip", note="by a program")
    snapshot = pack.apply(pack.plan(request, omero, store, clock=clock), omero, store)
    assert find(store, Criteria(below=place)) == [snapshot]
    with open_snapshot(store, snapshot.path) as packet:
        assert len(show(packet).members) == snapshot.description.files + 3
    checked = verify.apply(verify.plan(store, snapshot.path, scope=Scope.DATA), store, clock=clock)
    assert checked.complete
    assert checked.findings == ()
    assert gc.apply(gc.plan(store, place, clock=clock, older_than_s=0), store).removed == ()


def test_steps_come_in_order_each_once_and_progress_ends_with_all_bytes(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    events: list[Event] = []
    plan = pack.plan(asked([dataset], place), omero, store, clock=SystemClock(), report=events.append)
    pack.apply(plan, omero, store, options=SMALL_PIECES, report=events.append)
    assert [event.text for event in events if isinstance(event, Step)] == [
        f"Reading what OMERO knows of {dataset}",
        "Copying",
        "Writing what OMERO knows",
        "Comparing checksums with iRODS",
        "Sealing",
    ]
    copying = next(event for event in events if isinstance(event, Step) and event.text == "Copying")
    assert (copying.bytes_total, copying.items_total) == (plan.bytes_total, 3)
    told = [event for event in events[events.index(copying) :] if isinstance(event, Progress)]
    assert (told[-1].bytes_done, told[-1].items_done) == (plan.bytes_total, 3)
    assert [event.bytes_done for event in told] == sorted(event.bytes_done for event in told)


def test_a_token_stops_planning_too(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Interrupted):
        pack.plan(asked([dataset], place), omero, store, clock=SystemClock(), cancel=cancel)


def test_one_plan_can_be_carried_out_again_and_again(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    plan = pack.plan(asked([dataset], place), omero, store, clock=SystemClock())
    paths = [pack.apply(plan, omero, store, options=SMALL_PIECES).path for _ in range(3)]
    assert paths == [f"{place}/packet.zip", f"{place}/packet-2.zip", f"{place}/packet-3.zip"]


@pytest.mark.parametrize(
    "options",
    [
        TransferOptions(readers=1, streams=1, piece_bytes=1000, memory_bytes=4000),
        TransferOptions(readers=8, streams=8, piece_bytes=16 << 20, memory_bytes=64 << 20),
    ],
    ids=["least", "most"],
)
def test_bytes_arrive_whatever_the_options_are(
    options: TransferOptions, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    plan = pack.plan(asked([dataset], place), omero, store, clock=SystemClock())
    snapshot = pack.apply(plan, omero, store, options=options)
    checked = verify.plan(store, snapshot.path, scope=Scope.DATA)
    assert verify.apply(checked, store, clock=SystemClock()).findings == ()


def test_the_clock_decides_what_time_it_is(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    class Standing:
        def now(self) -> float:
            return 1_790_000_000.7

    request = PackRequest((dataset,), f"{place}/{{time}}.zip")
    snapshot = pack.apply(pack.plan(request, omero, store, clock=Standing()), omero, store)
    assert snapshot.path == f"{place}/20260921T141320Z.zip"
    assert snapshot.description.packed_at.timestamp() == 1_790_000_000


def test_the_command_does_nothing_that_a_program_could_not() -> None:
    """It imports the use cases, and no adapter, packet format or client library."""
    source = Path(omero_irods_bridge.cli.pack.__file__).read_text()
    modules = {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    forbidden = ("omero_irods_bridge.adapters", "omero_irods_bridge.packet", "irods", "omero.", "Ice")
    assert not {name for name in modules if name.startswith(forbidden)}
