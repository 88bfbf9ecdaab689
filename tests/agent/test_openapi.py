"""The description of the API and what the agent does: schemathesis, and comparisons."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from pydantic import BaseModel

from omero_irods_bridge.agent.http import answers
from omero_irods_bridge.agent.http.app import description
from omero_irods_bridge.agent.http.job_bodies import EXAMPLES, job_schema
from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.agent.snapshots import snapshot_fields
from omero_irods_bridge.cli.main import main
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import JobKind, JobSpec
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.snapshot import Snapshot
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.model.work import LARGEST_AGE_S, PackWork
from tests.agent.answers import by, key_of, session_of
from tests.agent.conftest import ROOT
from tests.agent.pages.world import World, described, world_in

SEED = 7
MOST_EXAMPLES = 10
CONFIG = '[generation]\ncodec = "latin-1"\nallow-x00 = false\n'
WHO = {"requested_by": "ada", "request_id": "r"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    shared = Path("/dev/shm")
    folder = shared / f"openapi-{os.getpid()}" if shared.is_dir() else tmp_path_factory.mktemp("openapi")
    folder.mkdir(exist_ok=True)
    with world_in(folder) as world:
        world.snapshot("ada", "one")
        yield world
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def schema() -> dict[str, Any]:
    made, parts = job_schema("#/$defs/{model}")
    return {**made, "$defs": parts}


FORMATS = FormatChecker(formats=())
VALID = Draft202012Validator(schema(), format_checker=FORMATS)


@FORMATS.checks("omero-objects", raises=UsageError)  # type: ignore[untyped-decorator]
def _names_objects(text: Any) -> bool:
    return not isinstance(text, str) or bool(PackWork(parse_objects([text])))


@FORMATS.checks("omero-container", raises=UsageError)  # type: ignore[untyped-decorator]
def _names_a_container(text: Any) -> bool:
    if not isinstance(text, str) or not text:
        return True
    found = parse_objects([text])
    return len(found) == 1 and bool(UnpackRequest("/a", into=found[0]))


def test_schemathesis_finds_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml", "run"),
        *(f"{world.address}/openapi.json", "--header", f"X-OMERO-Session: {key_of('ada')}"),
        *("--checks", "all", "--max-examples", str(MOST_EXAMPLES), "--seed", str(SEED), "--no-color"),
        "--continue-on-failure",
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.agent.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **hooks},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"([0-9]+) generated, ([0-9]+) passed", done.stdout)
    assert told is not None, done.stdout
    assert int(told[1]) == int(told[2]) > 500


def accepted(body: Any) -> bool:
    try:
        JobSpec.from_fields({**WHO, **body} if isinstance(body, dict) else body)
    except UsageError:
        return False
    return True


PATHS = (
    "",
    "/",
    "/a/b",
    "/a/../b",
    "/a/.",
    "/...",
    "a/b",
    "/a//b",
    "/a\nb",
    "/a\x85b",
    "/" + "é" * 1023,
    "/" * 1025,
)
TEXTS = ("", "x", " ", "a b", "a\0b", "\xad", "ü" * 100, "é" * 101, "a" * 2000, "a" * 2001, "r/1:2", "*")
NAMED = (
    "Image:7",
    "image: 7,9",
    "Image:9-7",
    "Image:1-20000",
    "Dataset:1",
    "Project:-1",
    "Well:1,,2",
    "Roi:1",
    "7",
)
WORDS = ("data", "metadata", "replicas", "zip", "expanded", "version", "refuse", "tar")
NUMBERS = st.integers(-1, 10) | st.sampled_from([0.5, 1.5, -0.5, 1e300, 10**400])
VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.sampled_from([*PATHS, *TEXTS, *NAMED, *WORDS])
    | st.lists(st.sampled_from([*NAMED, 7]), max_size=3)
    | st.just({})
)
USUAL = {
    **dict.fromkeys(("path", "target", "collection"), st.just("/a/b") | st.sampled_from(PATHS)),
    **dict.fromkeys(("objects", "only"), st.just(["Image:7"]) | st.lists(st.sampled_from(NAMED), max_size=3)),
    "into": st.sampled_from(["", *NAMED]),
    "scope": st.just("data") | st.sampled_from(WORDS),
    "form": st.sampled_from(WORDS),
    "existing": st.sampled_from(WORDS),
    "sample": st.sampled_from([0, 1, 0.5]) | NUMBERS | st.none(),
    "older_than_s": NUMBERS | st.none(),
    "priority": st.integers(-1, 10),
}
NEEDED = {"pack": {"objects"}, "unpack": {"path"}, "verify": {"path"}, "gc": set(), "ingest": set()}


def value_of(name: str) -> st.SearchStrategy[Any]:
    likely = USUAL.get(name, st.booleans() | st.sampled_from(TEXTS))
    return st.integers(0, 9).flatmap(lambda dice: VALUES if dice == 0 else likely)


def works_of(kind: str) -> st.SearchStrategy[Any]:
    names = job_schema()[1][f"{kind.capitalize()}Fields"]["properties"]
    needed = {name: value_of(name) for name in NEEDED[kind]}
    rest = {name: value_of(name) for name in (*names, "more") if name not in needed}
    return st.fixed_dictionaries(needed, optional=rest)


def bodies_of(kind: str) -> st.SearchStrategy[Any]:
    more = {name: value_of(name) for name in ("priority", "batch", "requested_by", "request_id", "unknown")}
    return st.fixed_dictionaries({"kind": st.just(kind), "work": works_of(kind)}, optional=more)


@pytest.mark.parametrize("kind", JobKind)
def test_the_description_allows_just_what_is_taken(kind: JobKind) -> None:
    agreed = {True: 0, False: 0}

    @settings(max_examples=200, deadline=None, database=None)
    @given(bodies_of(kind))
    def agree(body: Any) -> None:
        taken = accepted(body)
        assert VALID.is_valid(body) == taken, (body, *VALID.iter_errors(body))
        agreed[taken] += 1

    agree()
    assert min(agreed.values()) > 5


def verify(**work: Any) -> dict[str, Any]:
    return {"kind": "verify", "work": {"path": "/a/b", **work}}


def gc(**more: Any) -> dict[str, Any]:
    return {"kind": "gc", **more}


EDGES = [
    *(verify(scope="data", sample=sample) for sample in (0, 1e-9, 1, 1.0001, None)),
    *(verify(scope="metadata", sample=sample) for sample in (0.5, None)),
    *(verify(path="/" + "a" * length) for length in (0, 1023, 1024)),
    *(gc(work={"older_than_s": age}) for age in (-1e-9, 0, LARGEST_AGE_S, LARGEST_AGE_S + 1)),
    *(gc(priority=priority) for priority in (-1, 0, 9, 10)),
    *(
        gc(**{name: "a" * length})
        for name in ("batch", "request_id", "requested_by")
        for length in (0, 1, 100, 101)
    ),
    *({"kind": "pack", "work": {"objects": ["Image:1"], "note": "a" * length}} for length in (2000, 2001)),
    *(
        {"kind": "unpack", "work": {"path": "/a", "into": into}}
        for into in ("", "Screen:1", "Plate:1", "Dataset:1,2")
    ),
]


@pytest.mark.parametrize("body", EDGES, ids=range(len(EDGES)))
def test_the_description_has_the_limits_of_jobs(body: dict[str, Any]) -> None:
    assert VALID.is_valid(body) == accepted(body), body


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_jobs(name: str) -> None:
    VALID.validate(EXAMPLES[name]["value"])
    assert accepted(EXAMPLES[name]["value"])


def test_a_job_that_was_kept_is_as_described(world: World) -> None:
    with httpx.Client(base_url=world.address) as api:
        job = api.post("/api/v1/jobs", json={"kind": "gc"}, headers=session_of("ada")).json()
        log = api.get(f"/api/v1/jobs/{job['id']}/events", headers=by("read")).json()["events"]
        asked = {
            name: job[name] for name in ("kind", "work", "requested_by", "request_id", "priority", "batch")
        }
    VALID.validate(asked)
    kept = world.jobs.get(job["id"])
    assert {**job_fields(kept), "url": job["url"]} == job
    assert [log_fields(one) for one in world.jobs.events(kept.id)] == log


def test_no_answer_has_a_field_that_is_not_described(world: World) -> None:
    """The models let more pass, so that a field is never lost; here each has its description."""
    with httpx.Client(base_url=world.address, headers=session_of("ada")) as api:
        api.post("/api/v1/jobs", json={"kind": "gc"})
        world.schedules.append(
            {
                "name": "nightly",
                "kind": "gc",
                "cron": "0 2 * * *",
                "user": "ada",
                "last_at": None,
                "next_at": None,
                "overdue": False,
            }
        )
        pairs: dict[str, type[BaseModel]] = {
            "/api/v1/jobs": answers.JobsAnswer,
            "/api/v1/snapshots": answers.SnapshotsAnswer,
            "/api/v1/queues": answers.QueuesAnswer,
            "/api/v1/days": answers.DaysAnswer,
            "/api/v1/schedules": answers.SchedulesAnswer,
            "/api/v1/health": answers.HealthAnswer,
            "/api/v1/session": answers.SessionAnswer,
            "/healthz": answers.AliveAnswer,
            "/api/v1/none": answers.Problem,
        }
        for path, model in pairs.items():
            found = model.model_validate(api.get(path).json())
            assert unknown(found) == set(), path
    described_one = answers.SnapshotAnswer.model_validate(
        snapshot_fields(Snapshot("/a/b", described("a", "ada")))
    )
    assert unknown(described_one) == set()


def unknown(one: BaseModel) -> set[str]:
    found = set(one.model_extra or {}) - {"event", "text", "state"}
    for name in type(one).model_fields:
        value = getattr(one, name)
        for each in value if isinstance(value, list) else [value]:
            found |= unknown(each) if isinstance(each, BaseModel) else set()
    return found


def test_every_route_of_the_api_is_described_and_documented() -> None:
    documented = (ROOT / "docs" / "agent.md").read_text()
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) >= 20
    for name, operation in operations:
        assert f"`{name}`" in documented, name
        assert operation.get("summary"), name
        assert {"500", "503"} <= set(operation["responses"]), name
        good = [found for status, found in operation["responses"].items() if status in {"200", "202"}]
        assert all(one["content"]["application/json"]["schema"] for one in good if "/metrics" not in name), (
            name
        )
        assert good or "204" in operation["responses"], name


def test_the_description_is_printed_without_an_agent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "openapi"]) == 0
    assert json.loads(capsys.readouterr().out) == description()


def test_states_and_kinds_in_the_description_are_those_of_jobs() -> None:
    kinds = {get_args(one.model_fields["kind"].annotation)[0] for one in job_models()}
    assert kinds == set(JobKind)


def job_models() -> list[type[BaseModel]]:
    from omero_irods_bridge.agent.http import job_bodies

    found = job_bodies
    return [found.PackJob, found.UnpackJob, found.VerifyJob, found.GcJob, found.IngestJob]
