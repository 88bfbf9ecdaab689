"""The commands as a person meets them, in processes of their own, against both embedded servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.stored import Collection, DataObject
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.interop.omero_command import OmeroCommand
from tests.wire.cli.conftest import TIMEOUT_S, Finished, Person, set_up_irods
from tests.wire.omero_server.conftest import User

ROOT = Path(__file__).parents[3]
STEPS = ("Copying", "Writing what OMERO knows", "Comparing checksums with iRODS", "Sealing")


def test_a_packed_dataset_is_listed_found_shown_and_verified(
    person: Person, dataset: ObjectRef, place: str
) -> None:
    target = f"{place}/noise.zip"
    packed = person("pack", dataset, "--to", target, "--note", "for the paper")
    assert packed.out.startswith("Packed, compared with what was sent, and sealed:\nnoise\n")
    assert "for the paper" in packed.out
    told = [event["text"] for event in packed.events if event["event"] == "step"]
    assert told == [f"Reading what OMERO knows of {dataset}", *STEPS]
    assert person("verify", target, "--data", "--quiet").err == ""
    listed = person("list", "--below", place, "--source", dataset)
    assert listed.out.splitlines()[1].endswith(f"sealed  {_owner(packed)}  {target}")
    found = person("find", "ois", "--below", place, "--json").json
    assert [one["path"] for one in found["snapshots"]] == [target]
    assert found["more"] is False
    shown = person("show", target, "--files", "--tree")
    assert f"{dataset}  noise\n    Image:" in shown.out
    assert shown.out.count("noise-1.tif\n") == 2
    verified = person("verify", target, "--data")
    assert verified.out.startswith(f"{target}: good; all bytes were compared\n")
    assert person("list", "--below", place, "--json").json["snapshots"][0]["verified_at"]


def _owner(packed: Finished) -> str:
    (line,) = (line for line in packed.out.splitlines() if line.startswith("  owner"))
    return line.split()[1]


def test_the_page_shows_how_a_program_packs(person: Person, dataset: ObjectRef) -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    command = [sys.executable, "-c", program.replace("Dataset:51", str(dataset))]
    done = subprocess.run(
        command, env=person.variables(), cwd=person.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Step(text='Copying', bytes_total=" in done.stdout
    path, _, is_well = done.stdout.splitlines()[-1].rpartition(" ")
    assert is_well == "True"
    assert person("list", "--source", dataset, "--json").json["snapshots"][0]["path"] == path


def test_json_has_one_value_on_standard_output_and_a_line_an_event_on_standard_error(
    person: Person, dataset: ObjectRef, place: str
) -> None:
    packed = person("pack", dataset, "--to", f"{place}/folder", "--expanded", "--json")
    snapshot = packed.json["snapshot"]
    assert snapshot["path"] == f"{place}/folder"
    assert snapshot["sources"] == [str(dataset)]
    assert {"step", "progress"} == {event["event"] for event in packed.events}
    shown = person("show", f"{place}/folder", "--json").json
    assert sum(member["bytes"] for member in shown["members"]) == snapshot["bytes"]
    assert shown["roles"] == {"original": 3, "metadata": 2}


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore
) -> None:
    plan = person("pack", dataset, "--to", place, "--dry-run", "--json").json["plan"]
    assert plan["target"].startswith(f"{place}/noise-")
    assert plan["counts"] == {"Dataset": 1, "Image": 3}
    assert plan["problems"] == []
    shown = person("pack", dataset, "--to", f"{place}/a.zip", "--dry-run").out
    assert shown.startswith("Would be packed; nothing was written\n")
    assert f"{place}/a.zip (one zip)" in shown
    assert list(store.children(place)) == []


def test_a_target_that_is_there_is_refused_or_becomes_a_version(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore
) -> None:
    target = f"{place}/noise.zip"
    person("pack", dataset, "--to", target, "--quiet")
    refused = person.run("pack", dataset, "--to", target, "--existing", "refuse")
    assert refused.status == ExitStatus.FAILED
    assert refused.out == ""
    assert f"- {target} is there already.\n" in refused.err
    error = person.run("pack", dataset, "--to", target, "--existing", "refuse", "--json").json
    assert error["error"]["code"] == "target-exists"
    assert error["plan"]["problems"] == [error["error"]]
    assert f"{place}/noise-2.zip" in person("pack", dataset, "--to", target).out
    assert isinstance(store.find(f"{place}/noise-2.zip"), DataObject)


def test_a_second_expanded_snapshot_of_a_target_is_a_version_and_nothing_goes_into_the_first(
    person: Person, dataset: ObjectRef, place: str
) -> None:
    target = f"{place}/noise"
    for made in (target, f"{target}-2"):
        packed = person("pack", dataset, "--to", target, "--expanded", "--json")
        assert packed.json["snapshot"]["path"] == made
    refused = person.run("pack", dataset, "--to", target, "--expanded", "--existing", "refuse")
    assert refused.status == ExitStatus.FAILED
    for inside in (f"{target}/", f"{target}/new/{{name}}.zip", f"{target}/bridge/x.zip"):
        refused = person.run("pack", dataset, "--to", inside)
        assert refused.status == ExitStatus.FAILED
        assert f"{target} is a snapshot: nothing is packed into it" in refused.err
    assert person("verify", target, "--data").out.startswith(f"{target}: good")


def test_a_zip_needs_its_ending(person: Person, dataset: ObjectRef, place: str) -> None:
    refused = person.run("pack", dataset, "--to", f"{place}/new")
    assert refused.status == ExitStatus.USAGE
    assert f"Write {place}/new.zip for a zip of that name" in refused.err


def test_the_template_of_the_settings_makes_its_collections(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore
) -> None:
    there = person.with_variables(OMERO_IRODS_SNAPSHOTS__TARGET=f"{place}/{{kind}}/{{id}}/{{name}}.zip")
    there("pack", dataset)
    assert isinstance(store.find(f"{place}/Dataset/{dataset.id}/noise.zip"), DataObject)
    assert isinstance(store.find(f"{place}/Dataset"), Collection)


def test_damage_is_found_named_and_gives_its_own_status(
    person: Person, dataset: ObjectRef, place: str, zone: Zone
) -> None:
    target = f"{place}/noise.zip"
    person("pack", dataset, "--to", target)
    zone.faults.flip_byte(target, offset=100)
    damaged = person.run("verify", target, "--data")
    assert damaged.status == ExitStatus.CHECKSUM_MISMATCH
    assert "problem found" in damaged.out.splitlines()[0]
    assert "damaged: " in damaged.out
    assert ": Image:" in damaged.out
    found = person("list", "--below", place, "--state", "damaged", "--json").json
    assert [one["path"] for one in found["snapshots"]] == [target]


def test_a_packet_on_this_computer_is_shown_without_a_server(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore
) -> None:
    person("pack", dataset, "--to", f"{place}/noise.zip")
    with store.open_source(f"{place}/noise.zip") as source:
        (person.folder / "copy.zip").write_bytes(source.read_at(0, source.size))
    (person.folder / ".irods" / "irods_environment.json").unlink()
    assert "2 metadata, 3 original" in person("show", "copy.zip").out
    missing = person.run("show", "other.zip")
    assert missing.status == ExitStatus.NOT_FOUND


def test_gc_removes_what_is_old_enough_and_says_so(person: Person, place: str, store: IrodsStore) -> None:
    store.make_collection(f"{place}/.incoming")
    store.open_writer(f"{place}/.incoming/{'a' * 32}").close()
    assert "There is nothing to remove" in person("gc", place).out.splitlines()[0]
    would = person("gc", place, "--older-than", "0s", "--dry-run")
    assert "Would remove 1 leftover" in would.out
    assert store.find(f"{place}/.incoming/{'a' * 32}") is not None
    assert person("gc", place, "--older-than", "0s").out.startswith("Removed 1 leftover ")
    assert store.find(f"{place}/.incoming") is None


def test_an_unknown_object_is_not_found(person: Person) -> None:
    unknown = person.run("pack", "Dataset:99999")
    assert unknown.status == ExitStatus.NOT_FOUND
    assert "Dataset:99999" in unknown.err
    many = person.run("pack", "Dataset:99900-99999", "--quiet")
    assert "Dataset:99908, Dataset:99909 and 90 more that you may see." in many.err


def test_an_unknown_snapshot_is_not_found(person: Person, place: str) -> None:
    for command in ("show", "verify"):
        unknown = person.run(command, f"{place}/none.zip")
        assert unknown.status == ExitStatus.NOT_FOUND
        assert f"{place}/none.zip" in unknown.err


def test_an_omero_server_that_is_down_is_unreachable(person: Person, place: str) -> None:
    down = person.run("pack", "Dataset:1", "--to", place, "-s", "127.0.0.1:9", "--json")
    assert down.status == ExitStatus.UNREACHABLE
    assert down.json["error"]["retryable"] is True
    assert "127.0.0.1" in down.json["error"]["message"]


def test_an_irods_server_that_is_down_is_unreachable(person: Person, zone: Zone) -> None:
    environment = person.folder / ".irods" / "irods_environment.json"
    environment.write_text(environment.read_text().replace(str(zone.port), "9"))
    for command in (["list"], ["pack", "Dataset:1"], ["verify", "/tempZone/x"], ["gc"]):
        down = person.run(*command)
        assert down.status == ExitStatus.UNREACHABLE, down
        assert "iRODS" in down.err


def test_a_wrong_omero_password_is_refused_and_shown_nowhere(person: Person, user: User) -> None:
    refused = person.with_variables(OMERO_PASSWORD="hunter2").run("pack", "Dataset:1", "--json")
    assert refused.status == ExitStatus.ACCESS_DENIED
    assert user.name in refused.json["error"]["message"]
    assert "hunter2" not in refused.out + refused.err


def test_a_wrong_irods_password_is_refused(person: Person, zone: Zone) -> None:
    set_up_irods(person.folder, zone, "hunter2")
    refused = person.run("list")
    assert refused.status == ExitStatus.ACCESS_DENIED
    assert "hunter2" not in refused.err


def test_without_an_irods_environment_the_hint_is_iinit(person: Person) -> None:
    (person.folder / ".irods" / "irods_environment.json").unlink()
    refused = person.run("list")
    assert refused.status == ExitStatus.USAGE
    assert "irods_environment.json" in refused.err
    assert "iinit" in refused.err


def test_without_a_password_or_session_or_terminal_the_hint_is_omero_login(person: Person) -> None:
    refused = Person(person.folder).run("pack", "Dataset:1")
    assert refused.status == ExitStatus.ACCESS_DENIED
    assert "omero login" in refused.err


def test_a_password_file_is_used_unless_others_can_read_it(
    person: Person, user: User, dataset: ObjectRef, place: str
) -> None:
    file = person.folder / "password"
    file.write_text(user.password + "\n")
    file.chmod(0o600)
    with_file = Person(person.folder, {"OMERO_IRODS_OMERO__PASSWORD_FILE": str(file)})
    assert "chmod" not in with_file("pack", dataset, "--to", place, "--dry-run").err
    file.chmod(0o644)
    refused = with_file.run("pack", dataset, "--to", place, "--dry-run")
    assert refused.status == ExitStatus.ACCESS_DENIED
    assert f"chmod 600 {file}" in refused.err


def test_the_stored_session_of_the_omero_command_is_used_and_kept(
    person: Person, user: User, dataset: ObjectRef, place: str
) -> None:
    omero = OmeroCommand(person.folder)
    config = person.folder / "config" / "omero-irods-bridge" / "config.toml"
    host, port = _server(config)
    omero("login", "-s", host, "-p", port, "-u", user.name, OMERO_PASSWORD=user.password)
    config.unlink()
    joined = Person(person.folder)
    for _ in range(2):
        assert f"as {user.name}" in joined("pack", dataset, "--to", place, "--dry-run").out
    elsewhere = joined.run("pack", dataset, "--to", place, "--dry-run", "-g", "other")
    assert elsewhere.status == ExitStatus.USAGE
    assert "omero sessions group 'other'" in elsewhere.err
    omero("logout")


def _server(config: Path) -> tuple[str, int]:
    omero = tomllib.loads(config.read_text())["omero"]
    return omero["host"], omero["port"]


def test_settings_say_where_each_value_comes_from(person: Person) -> None:
    shown = person.with_variables(OMERO_IRODS_OMERO__GROUP="lab")("settings", "-s", "other:1", "--json").json
    found = {name: (one["value"], one["source"]) for name, one in shown["settings"].items()}
    assert found["omero.host"] == ("other", "flag")
    assert found["omero.port"] == (1, "flag")
    assert found["omero.group"] == ("lab", "environment")
    assert found["omero.user"][1] == shown["file"]
    assert found["omero.secure"] == (True, "default")


def test_a_reader_that_leaves_early_is_no_failure(person: Person) -> None:
    process = person.start("settings")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (ExitStatus.DONE, "")


@pytest.mark.parametrize("options", [("--json",), ()])
def test_who_watches_tells_of_a_zone_that_does_not_answer_as_of_all_else(
    person: Person, options: tuple[str, ...]
) -> None:
    away = person.folder / "away.json"
    environment = json.loads((person.folder / ".irods" / "irods_environment.json").read_text())
    away.write_text(json.dumps(environment | {"irods_port": 1}))
    watching = person.with_variables(IRODS_ENVIRONMENT_FILE=str(away))
    process = watching.start("ingest", "watch", "--every", "1w", *options)
    assert process.stderr is not None
    told = json.loads(process.stderr.readline())
    process.terminate()
    process.communicate(timeout=TIMEOUT_S)
    assert told["event"] == "notice"
    assert told["text"].endswith("Trying again in 604800 s.")
    assert process.returncode == ExitStatus.DONE
