"""unpack, loads, diff and undo as a person runs them."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.cli import interrupts
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.unit.packet_reading.archives import zipped
from tests.wire.bridge_import.sources import tiff
from tests.wire.bridge_unpack.test_bad_packets import transfer_xml
from tests.wire.cli.conftest import TIMEOUT_S, Finished, Person
from tests.wire.cli.test_terminal import CTRL_C, Terminal, wait_until


@pytest.fixture
def packet(snapshot: str, store: IrodsStore, tmp_path: Path) -> Path:
    """The same on this computer."""
    with store.open_source(snapshot) as source:
        path = tmp_path / "noise.zip"
        path.write_bytes(source.read_at(0, source.size))
    return path


def load_of(finished: Finished) -> str:
    found = re.search(r"^  load +([0-9a-f]{24})$", finished.out, re.MULTILINE)
    assert found is not None, finished
    return found[1]


def made_of(finished: Finished, dataset: ObjectRef) -> str:
    found = re.search(rf"{dataset} is now (Dataset:\d+)$", finished.out, re.MULTILINE)
    assert found is not None, finished
    return found[1]


def test_a_snapshot_is_loaded_listed_compared_and_taken_back(
    person: Person, dataset: ObjectRef, snapshot: str
) -> None:
    planned = person("unpack", snapshot, "--dry-run")
    assert planned.out.startswith("Would be loaded; nothing was changed\n")
    assert "1 Dataset, 3 Images" in planned.out
    assert "in 3 filesets" in planned.out
    loaded = person("unpack", snapshot)
    load, made = load_of(loaded), made_of(loaded, dataset)
    assert loaded.out.startswith("Loaded, and compared with the packet\n")
    assert "1 Dataset" in loaded.out
    assert f"omero-irods undo {load}" in loaded.out
    assert load == load_of(planned)
    listed = person("loads").out.splitlines()
    assert len(listed) == 2
    assert all(one in listed[1] for one in (load, snapshot, "done"))
    shown = person("loads", load).out
    assert re.search(rf"{dataset} +{made}$", shown, re.MULTILINE)
    assert person("diff", snapshot, made).out.startswith("Identical\n")
    assert person("unpack", snapshot).out.startswith("Is loaded already; nothing was done\n")
    assert "1 Dataset" in person("undo", load, "--dry-run").out
    assert person("undo", load).out.startswith("Removed, with all that belongs to it:\n")
    assert person("loads").err == "Nothing was loaded here that you may see.\n"
    assert person.run("diff", snapshot, made).status == ExitStatus.NOT_FOUND


def test_programs_get_json_on_standard_output_and_events_on_the_other(
    person: Person, dataset: ObjectRef, snapshot: str
) -> None:
    plan = person("unpack", snapshot, "--dry-run", "--json").json["plan"]
    assert plan["counts"] == {"Dataset": 1, "Image": 3}
    assert (plan["problems"], plan["done"], plan["filesets"]) == ([], False, 3)
    loaded = person("unpack", snapshot, "--json")
    made = loaded.json["loaded"]
    assert (made["load"], made["made"]["Image"]) == (plan["load"], 3)
    assert {"step", "progress"} <= {one["event"] for one in loaded.events}
    assert person("unpack", snapshot, "--json").json["loaded"]["was_complete"]
    (listed,) = person("loads", "--json").json["loads"]
    assert (listed["load"], listed["state"], listed["snapshot"]) == (made["load"], "done", snapshot)
    pairs = dict(person("loads", made["load"], "--json").json["objects"])
    assert pairs[str(dataset)] == made["objects"][str(dataset)]
    found = person("diff", snapshot, pairs[str(dataset)], "--json").json["diff"]
    assert (found["identical"], found["by"], found["changes"]) == (True, "load", [])
    undone = person("undo", made["load"], "--json").json["undo"]
    assert undone["counts"]["Dataset"] == 1
    assert person("loads", "--json").json == {"loads": []}


def test_what_differs_is_told_and_has_a_status_of_its_own(
    person: Person, dataset: ObjectRef, snapshot: str, place: str
) -> None:
    made = made_of(person("unpack", snapshot), dataset)
    person("pack", made, "--to", f"{place}/copy.zip")
    assert person("diff", snapshot).out.startswith("Identical\n")
    undone = person("loads", "--json").json["loads"][0]["load"]
    person("undo", undone)
    gone = person.run("diff", f"{place}/copy.zip", dataset)
    assert gone.status in {ExitStatus.DIFFERENT, ExitStatus.DONE}
    between = person.run("diff", snapshot, f"{place}/copy.zip", "--json")
    assert between.status == ExitStatus.DIFFERENT
    assert between.json["diff"]["identical"] is False
    assert between.json["diff"]["changes"]


def test_a_packet_on_this_computer_needs_no_irods(person: Person, dataset: ObjectRef, packet: Path) -> None:
    alone = person.with_variables(IRODS_ENVIRONMENT_FILE=str(packet.with_name("none")))
    made = made_of(alone("unpack", packet), dataset)
    assert alone("diff", packet, made).out.startswith("Identical\n")
    assert alone("verify", packet, "--data").out.startswith(f"{packet}: good; all bytes were compared\n")


def test_damage_of_a_packet_on_this_computer_has_its_status(person: Person, packet: Path) -> None:
    data = bytearray(packet.read_bytes())
    data[600] ^= 1
    packet.write_bytes(data)
    damaged = person.run("verify", packet, "--data")
    assert damaged.status == ExitStatus.CHECKSUM_MISMATCH
    assert "Image:" in damaged.out
    refused = person.run("unpack", packet)
    assert refused.status == ExitStatus.CHECKSUM_MISMATCH
    (begun,) = person("loads", "--json").json["loads"]
    assert begun["state"] == "running"
    assert f"omero-irods undo {begun['load']} takes back what it has made" in refused.err
    person("undo", begun["load"])
    assert person("loads", "--json").json == {"loads": []}


def test_what_omero_has_no_place_for_is_kept_as_xml_and_said_by_the_load_itself(
    person: Person, tmp_path: Path
) -> None:
    path = tmp_path / "odd.zip"
    path.write_bytes(zipped({"transfer.xml": with_unknown_things(), "root_0/a.tif": tiff()}))
    loaded = person("unpack", path, "--json")
    assert loaded.json["loaded"]["made"]["XmlAnnotation"] == 2
    notices = " ".join(one["text"] for one in loaded.events if one["event"] == "notice")
    assert "an annotation SoundAnnotation, which is kept as an XML annotation: <SoundAnnotation" in notices
    assert "a shape Spiral, which is kept as an XML annotation: <Spiral" in notices
    assert "a Experimenter" in notices
    assert person("unpack", path, "--json").json["loaded"]["was_complete"]
    assert person("diff", path).out.startswith("Identical\n")


def with_unknown_things() -> str:
    sound = '<SoundAnnotation ID="Annotation:9"><Value>beep</Value></SoundAnnotation>'
    region = '<ROI ID="ROI:2"><Union><Spiral ID="Shape:1" Turns="3"/></Union></ROI>'
    told = transfer_xml(1).replace("</StructuredAnnotations>", f"{sound}</StructuredAnnotations>")
    told = told.replace("</OME>", f'<Experimenter ID="Experimenter:1"/>{region}</OME>')
    own = '<AnnotationRef ID="Annotation:1"/>'
    return told.replace(own, f'{own}<AnnotationRef ID="Annotation:9"/><ROIRef ID="ROI:2"/>')


# -- refused in words


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("unpack", "missing.zip"), ExitStatus.NOT_FOUND, "There is no file missing.zip"),
        (("unpack", "/tempZone/home/none.zip"), ExitStatus.NOT_FOUND, "There is no /tempZone/home/none.zip"),
        (("undo", "0123456789abcdef01234567"), ExitStatus.NOT_FOUND, "There is no load 0123456789abcdef"),
        (("loads", "0123456789abcdef01234567"), ExitStatus.NOT_FOUND, "There is no load 0123456789abcdef"),
        (("diff", "missing.zip"), ExitStatus.NOT_FOUND, "There is no file missing.zip"),
    ],
)
def test_what_is_not_there_is_said(
    person: Person, arguments: tuple[str, ...], status: ExitStatus, said: str
) -> None:
    refused = person.run(*arguments)
    assert refused.status == status
    assert said in refused.err
    assert refused.out == ""
    assert len(refused.err.splitlines()) <= 2


def test_a_target_that_is_not_there_is_a_problem_of_the_plan(person: Person, snapshot: str) -> None:
    refused = person.run("unpack", snapshot, "--into", "Project:12345")
    assert refused.status == ExitStatus.NOT_FOUND
    assert "Cannot be loaded as it is" in refused.err
    assert "There is no Project:12345 that you may see." in refused.err
    asked = person.run("unpack", snapshot, "--into", "Project:12345", "--json", "--dry-run").json
    assert asked["error"]["code"] == "not-found"
    assert asked["plan"]["problems"] == [asked["error"]]


def test_one_container_and_one_object_at_a_time(person: Person, snapshot: str) -> None:
    for command in (("unpack", snapshot, "--into", "Project:1,2"), ("diff", snapshot, "Dataset:1-3")):
        refused = person.run(*command)
        assert refused.status == ExitStatus.USAGE
        assert "at a time" in refused.err


def test_in_place_is_refused_for_a_zip_and_for_a_local_packet(
    person: Person, snapshot: str, packet: Path
) -> None:
    for place in (snapshot, packet):
        refused = person.run("unpack", place, "--in-place")
        assert refused.status == ExitStatus.FAILED
        assert "Load it without --in-place" in refused.err


def test_in_place_works_by_the_settings(person: Person, dataset: ObjectRef, place: str, zone: Zone) -> None:
    person("pack", dataset, "--expanded", "--to", f"{place}/noise")
    vault = str(zone.vault.resolve())
    mapped = person.with_variables(OMERO_IRODS_PATHS=f'{{"demoResc:{vault}": "{vault}"}}')
    refused = person.run("unpack", f"{place}/noise", "--in-place")
    assert "No setting says where OMERO sees the files" in refused.err
    loaded = mapped("unpack", f"{place}/noise", "--in-place")
    assert "3 Images" in loaded.out


def test_an_omero_that_is_down_is_unreachable(person: Person, packet: Path) -> None:
    for command in (("unpack", packet), ("loads",), ("undo", "0" * 24), ("diff", packet)):
        down = person.run(*command, "-s", "127.0.0.1:9")
        assert down.status == ExitStatus.UNREACHABLE
        assert "127.0.0.1" in down.err


# -- stopped


@pytest.fixture
def slow(server: OmeroServer) -> None:
    """OMERO takes its time with each piece of a file."""
    server.faults.delay_calls("RawFileStore.write", 1)


def test_ctrl_c_stops_and_the_same_command_goes_on(
    person: Person, dataset: ObjectRef, snapshot: str, server: OmeroServer
) -> None:
    server.faults.delay_calls("RawFileStore.write", 1)
    terminal = Terminal(person, "unpack", snapshot)
    terminal.wait_for("Importing")
    terminal.type(CTRL_C)
    assert terminal.finish() == ExitStatus.INTERRUPTED
    assert "Run the same command again to go on." in " ".join(terminal.shown.split())
    server.faults.clear()
    loaded = person("unpack", snapshot)
    assert person("diff", snapshot, made_of(loaded, dataset)).out.startswith("Identical\n")
    assert person("loads").out.count("\n") == 2


@pytest.mark.usefixtures("slow")
def test_a_killed_unpack_goes_on(
    person: Person, dataset: ObjectRef, snapshot: str, server: OmeroServer
) -> None:
    asked = server.counters.calls("RawFileStore.write")
    process = person.start("unpack", snapshot)
    wait_until(lambda: server.counters.calls("RawFileStore.write") > asked, lambda: "a write")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=TIMEOUT_S)
    server.faults.clear()
    loaded = person("unpack", snapshot)
    assert person("diff", snapshot, made_of(loaded, dataset)).out.startswith("Identical\n")


def test_a_terminal_shows_how_far_a_load_is(person: Person, snapshot: str) -> None:
    terminal = Terminal(person, "unpack", snapshot)
    assert terminal.finish() == ExitStatus.DONE
    for step in ("Importing", "Reading what OMERO", "Making what OMERO"):  # the rest is cut off
        assert step in terminal.shown
    assert "Loaded, and compared with the packet" in terminal.shown.rpartition("\x1b[?25h")[2]
    assert interrupts.STOPPING not in terminal.shown
