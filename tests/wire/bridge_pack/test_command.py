"""How ``omero-irods pack`` ends when something is wrong: its status, what it says, and what it leaves."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.stored import DataObject
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.packets import binary_access, imported
from tests.wire.bridge_pack.test_bad_input import change_file
from tests.wire.cli.conftest import TIMEOUT_S, Person, person  # noqa: F401
from tests.wire.omero_server import content
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any

READ = "RawFileStore.read"
WRITE, CHECKSUM = 676, 629


@dataclass(frozen=True)
class Stage:
    """Both servers, a dataset of three images with files, and where it shall go."""

    server: OmeroServer
    zone: Zone
    gateway: Gateway
    dataset: ObjectRef
    place: str

    @property
    def target(self) -> str:
        return f"{self.place}/noise.zip"

    @property
    def file(self) -> int:
        """The OriginalFile of one of the images."""
        image = next(iter(self.gateway.getObject("Dataset", self.dataset.id).listChildren()))
        return int(next(iter(image.getFileset().listFiles())).getId())


@pytest.fixture
def stage(server: OmeroServer, zone: Zone, gateway: Gateway, dataset: ObjectRef, place: str) -> Stage:
    return Stage(server, zone, gateway, dataset, place)


@dataclass(frozen=True)
class Case:
    """What is wrong, and how the command has to end: status, code, a part of the message."""

    prepare: Callable[[Stage], object]
    status: ExitStatus
    code: str
    says: str


def empty(stage: Stage) -> None:
    content.delete(stage.gateway, {"Image": images(stage)})


def images(stage: Stage) -> list[int]:
    return [one.getId() for one in stage.gateway.getObject("Dataset", stage.dataset.id).listChildren()]


def lose_a_file(stage: Stage) -> None:
    Path(stage.server.storage.path_by_id(stage.file)).unlink()


CASES = {
    "empty dataset": Case(empty, ExitStatus.NOT_FOUND, "not-found", "has no images"),
    "file lost on OMERO's disk": Case(lose_a_file, ExitStatus.NOT_FOUND, "not-found", "noise-"),
    "wrong hash in OMERO": Case(
        lambda stage: change_file(stage.server, stage.file, hash="0" * 40),
        ExitStatus.CHECKSUM_MISMATCH,
        "checksum-mismatch",
        "SHA1-160 differs",
    ),
    "byte flipped on OMERO's disk": Case(
        lambda stage: stage.server.faults.flip_byte(stage.file, 100),
        ExitStatus.CHECKSUM_MISMATCH,
        "checksum-mismatch",
        "is not what OMERO recorded",
    ),
    "bad name": Case(
        lambda stage: change_file(stage.server, stage.file, name="a\x1b[2J\n.tif"),
        ExitStatus.FAILED,
        "bad-name",
        "control character",
    ),
    "quota": Case(
        lambda stage: stage.zone.faults.fail_call(WRITE, "SYS_RESC_QUOTA_EXCEEDED"),
        ExitStatus.FAILED,
        "no-space",
        "SYS_RESC_QUOTA_EXCEEDED",
    ),
    "disk full": Case(
        lambda stage: stage.zone.faults.limit_disk(50_000), ExitStatus.FAILED, "no-space", "ENOSPC"
    ),
    "a failure of iRODS that nobody knows": Case(
        lambda stage: stage.zone.faults.fail_call(CHECKSUM, "SYS_INTERNAL_ERR"),
        ExitStatus.FAILED,
        "failed",
        "SYS_INTERNAL_ERR",
    ),
    "connection to iRODS cut": Case(
        lambda stage: stage.zone.faults.cut_call(WRITE), ExitStatus.UNREACHABLE, "unreachable", "iRODS"
    ),
    "connection to OMERO cut": Case(
        lambda stage: stage.server.faults.cut_file_after(1000),
        ExitStatus.UNREACHABLE,
        "unreachable",
        "OMERO did not answer",
    ),
    "logins refused by iRODS": Case(
        lambda stage: stage.zone.faults.refuse_logins(), ExitStatus.ACCESS_DENIED, "access-denied", "iRODS"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_status_says_what_went_wrong_and_the_text_what_to_do(
    case: str,
    person: Person,  # noqa: F811
    stage: Stage,
    store: IrodsStore,
) -> None:
    expected = CASES[case]
    assert stage.file  # the gateway has loaded what it needs before anything breaks
    expected.prepare(stage)
    ended = person.run("pack", stage.dataset, "--to", stage.target, "--json")
    stage.zone.faults.clear()
    error = ended.json["error"]
    assert (ended.status, error["code"]) == (expected.status, expected.code), error
    assert error["exit_status"] == ended.status
    assert expected.says in error["message"]
    assert error["hint"]
    assert "\x1b" not in ended.out
    assert {event["event"] for event in ended.events} <= {"step", "progress", "notice"}
    assert store.find(stage.target) is None


def test_what_may_not_be_downloaded_is_access_denied(
    person: Person,  # noqa: F811
    stage: Stage,
) -> None:
    with binary_access(stage.server, "-read,-write,-image,-plate"):
        ended = person.run("pack", stage.dataset, "--to", stage.target)
    assert ended.status == ExitStatus.ACCESS_DENIED
    assert "omero.policy.binary_access" in ended.err
    assert stage.place not in ended.out


def test_with_the_repository_mounted_no_file_is_read_through_omero(
    person: Person,  # noqa: F811
    stage: Stage,
) -> None:
    mounted = person.with_variables(OMERO_IRODS_OMERO__MANAGED_REPOSITORY=str(stage.server.storage.managed))
    before = stage.server.counters.calls(READ)
    with binary_access(stage.server, "-read,-write,-image,-plate"):
        mounted("pack", stage.dataset, "--to", stage.target)
    assert stage.server.counters.calls(READ) == before
    person("verify", stage.target, "--data")


def test_a_missing_target_collection_is_told_with_the_command_that_makes_it(
    person: Person,  # noqa: F811
    stage: Stage,
) -> None:
    ended = person.run("pack", stage.dataset, "--to", f"{stage.place}/new/a.zip")
    assert ended.status == ExitStatus.NOT_FOUND
    assert f"imkdir -p '{stage.place}/new'" in ended.err


def test_a_place_in_another_zone_is_told_with_what_to_do(
    person: Person,  # noqa: F811
    stage: Stage,
    store: IrodsStore,
) -> None:
    with stage.zone.catalog.database.transaction():
        stage.zone.catalog.database.insert(
            "R_ZONE_MAIN", zone_id=9001, zone_name="farZone", zone_type_name="remote"
        )
    try:
        known = person.run("pack", stage.dataset, "--to", "/farZone/home/x/a.zip")
        assert known.status == ExitStatus.USAGE
        assert f"is in the zone farZone, and {store.user} is logged in to {store.zone}." in known.err
        assert "IRODS_ENVIRONMENT_FILE" in known.err
        assert "access list" not in known.err
    finally:
        with stage.zone.catalog.database.transaction():
            stage.zone.catalog.database.execute("delete from R_ZONE_MAIN where zone_name = 'farZone'")
    for command in (
        ("pack", stage.dataset, "--to", "/otherZone/{name}.zip"),
        ("pack", stage.dataset, "--to", "/"),
        ("verify", "irods:/otherZone/a.zip"),
        ("gc", "/otherZone/home"),
        ("list", "--below", "/otherZone"),
        ("find", "text", "--below", "/otherZone/home/"),
        ("ingest", "scan", "/otherZone/home"),
    ):
        unknown = person.run(*command)
        assert unknown.status == ExitStatus.USAGE, command
        assert f"{store.zone} knows no zone " in unknown.err
        assert f"Name a path that begins with /{store.zone}/" in unknown.err


@pytest.mark.parametrize("option", ["--note", "--user"])
def test_an_argument_that_is_no_unicode_is_refused_in_words(
    option: str,
    person: Person,  # noqa: F811
    stage: Stage,
) -> None:
    ended = person.run("pack", stage.dataset, option, "\udcff")  # the byte FF
    assert ended.status == ExitStatus.USAGE
    assert "'\\udcff' is not valid Unicode" in ended.err


# -- two at once


def copying(process: subprocess.Popen[str]) -> None:
    """Wait until a command that tells JSON lines copies."""
    assert process.stderr is not None
    while '"Copying"' not in process.stderr.readline():
        assert process.poll() is None


def finish(process: subprocess.Popen[str]) -> tuple[int, Any]:
    out, _err = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, json.loads(out)


@pytest.mark.parametrize("options", [(), ("--existing", "refuse"), ("--expanded",)], ids=" ".join)
def test_of_two_that_pack_the_same_at_once_one_is_told_that_the_other_is_at_work(
    options: tuple[str, ...],
    person: Person,  # noqa: F811
    stage: Stage,
    store: IrodsStore,
) -> None:
    target = stage.target.removesuffix(".zip") if "--expanded" in options else stage.target
    stage.server.faults.delay_calls(READ, 6)
    arguments = ("pack", stage.dataset, "--to", target, *options, "--json")
    first = person.start(*arguments)
    copying(first)
    second = person.run(*arguments)
    assert second.status == ExitStatus.BUSY
    assert second.json["error"]["retryable"]
    assert "omero-irods gc" in second.json["error"]["hint"]
    status, result = finish(first)
    assert (status, result["snapshot"]["path"]) == (ExitStatus.DONE, target)
    assert [one.path for one in store.children(stage.place)] == [target]


@pytest.mark.parametrize(
    ("existing", "status"), [("version", ExitStatus.DONE), ("refuse", ExitStatus.FAILED)]
)
def test_of_two_that_pack_different_objects_to_one_target_the_later_becomes_a_version_or_is_refused(
    existing: str,
    status: ExitStatus,
    person: Person,  # noqa: F811
    stage: Stage,
    store: IrodsStore,
    tmp_path: Path,
) -> None:
    other = ObjectRef(Kind.IMAGE, imported(stage.gateway, tmp_path, "other.fake", b"fake")[0])
    options = ("--to", stage.target, "--existing", existing, "--json")
    stage.server.faults.delay_calls(READ, 1)
    slow = person.start("pack", stage.dataset, *options)
    copying(slow)
    slow.send_signal(signal.SIGSTOP)
    quick = person("pack", other, *options).json["snapshot"]
    slow.send_signal(signal.SIGCONT)
    ended, result = finish(slow)
    assert ended == status
    assert quick["path"] == stage.target
    assert quick["sources"] == [str(other)]
    if status is ExitStatus.DONE:
        assert result["snapshot"]["path"] == f"{stage.place}/noise-2.zip"
    else:
        assert result["error"]["code"] == "target-exists"
    sealed = [one for one in store.children(stage.place) if isinstance(one, DataObject)]
    assert len(sealed) == (2 if status is ExitStatus.DONE else 1)
    for one in sealed:
        person("verify", one.path, "--data")


# -- P2: nothing on the local disk, bounded memory


_MIB = 1 << 20


def measured(person: Person, *arguments: object) -> int:  # noqa: F811
    """Run the command, which may write no file of more than a MiB anywhere; its peak memory in bytes.

    Not by what wait4 tells: that counts what the tests had at the moment of the fork.
    """
    no_large_file = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (_MIB, _MIB))}
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = person.start(*arguments, **nowhere, **no_large_file)
    most, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        told = dict(line.split(":", 1) for line in status.read_text().splitlines())
        most = int(told.get("VmHWM", f"{most} kB").split()[0])
        time.sleep(0.02)
    assert process.returncode == ExitStatus.DONE
    return most * 1024


@pytest.mark.parametrize("options", [(), ("--expanded",)], ids=["zip", "expanded"])
def test_memory_stays_with_its_limit_and_nothing_lies_on_the_local_disk(
    options: tuple[str, ...],
    person: Person,  # noqa: F811
    stage: Stage,
    tmp_path: Path,
) -> None:
    large = tmp_path / "large.fake"
    with large.open("wb") as file:
        file.truncate(200 * _MIB)
    (image,) = image_ids(import_files(stage.gateway.c, [large]))
    large.unlink()
    config = person.folder / "config" / "omero-irods-bridge" / "config.toml"
    config.write_text(config.read_text().replace('piece = "64 KiB"', 'piece = "4 MiB"\nmemory = "16 MiB"'))
    before = measured(person, "pack", stage.dataset, "--to", f"{stage.place}/", *options)
    present = {path for path in person.folder.rglob("*") if path.is_file()}
    stage.zone.faults.delay_calls(WRITE, 0.3)  # so that reading could run ahead
    after = measured(person, "pack", f"Image:{image}", "--to", f"{stage.place}/", *options)
    assert after < 400 * _MIB
    # Besides the 16 MiB under way, Ice and PRC copy each piece for each of their connections.
    assert after - before < 150 * _MIB
    new = {path for path in person.folder.rglob("*") if path.is_file()} - present
    assert sum(path.stat().st_size for path in new) < _MIB
