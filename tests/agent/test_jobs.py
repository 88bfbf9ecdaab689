"""Jobs as JSON, and who may ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Busy, NotFound, UsageError
from omero_irods_bridge.model.jobs import (
    LARGEST_OBJECTS,
    LARGEST_SPEC,
    GcWork,
    JobError,
    JobSpec,
    PackWork,
    UnpackWork,
    VerifyWork,
)
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.verification import Scope
from tests.agent.conftest import counting

_lines = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=50)
_paths = _lines.map(lambda text: "/zone/x" + text.replace("/.", "/x"))
_refs = st.builds(ObjectRef, st.sampled_from(Kind), st.integers(0, 10**17))
_packs = st.builds(
    PackWork,
    st.lists(_refs, min_size=1, max_size=20, unique=True).map(tuple),
    _paths | st.just(""),
    _lines,
    st.sampled_from(Form),
    st.sampled_from(Existing),
    st.text(st.characters(codec="utf-8"), max_size=200),
    st.booleans(),
)
_verifies = st.builds(VerifyWork, _paths, st.sampled_from(Scope)) | st.builds(
    VerifyWork, _paths, st.just(Scope.DATA), st.floats(0, 1, exclude_min=True)
)
_loads = st.builds(
    UnpackWork,
    _paths,
    st.lists(_refs, max_size=20, unique=True).map(tuple),
    st.none() | st.builds(ObjectRef, st.sampled_from((Kind.PROJECT, Kind.DATASET)), st.integers(0, 10**17)),
    *[st.booleans()] * 3,
    _lines,
    _lines,
)
_gcs = st.builds(GcWork, _paths, st.floats(0, 1e9))
_specs = st.builds(
    JobSpec,
    _packs | _loads | _verifies | _gcs,
    _lines.filter(bool),
    st.from_regex(r"\A[A-Za-z0-9._:/-]{1,100}\Z"),
    st.integers(0, 9),
    st.from_regex(r"\A[A-Za-z0-9._:/-]{0,100}\Z"),
)


@given(_specs)
def test_a_job_reads_back_as_it_was_written(spec: JobSpec) -> None:
    assert JobSpec.from_json(spec.to_json()) == spec


PACK: dict[str, Any] = {
    "kind": "pack",
    "work": {"objects": ["Dataset:1"]},
    "requested_by": "ada",
    "request_id": "r",
}


def changed(**fields: Any) -> str:
    return json.dumps({**PACK, **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        "NaN",
        changed(kind="delete"),
        changed(kind=["pack"]),
        changed(kind={}),
        changed(password="secret"),
        changed(requested_by=""),
        changed(requested_by="ada\n"),
        changed(requested_by="a" * 101),
        changed(requested_by=None),
        changed(requested_by="\ud800"),
        changed(request_id=""),
        changed(request_id="r r"),
        changed(request_id="r\n"),
        changed(priority=10),
        changed(priority=-1),
        changed(priority=True),
        changed(priority="1"),
        changed(work=[]),
        changed(work={}),
        changed(work={"objects": []}),
        changed(work={"objects": "Dataset:1"}),
        changed(work={"objects": [1]}),
        changed(work={"objects": ["Dataset:1"], "owner": "eve"}),
        changed(work={"objects": ["Image:1-999999999"]}),
        changed(work={"objects": ["Image:" + ",".join(["1-1000000"] * 1000)]}),
        changed(work={"objects": [f"Image:{number}" for number in range(LARGEST_OBJECTS + 1)]}),
        changed(work={"objects": ["Dataset:1"], "target": "relative"}),
        changed(work={"objects": ["Dataset:1"], "target": "/zone/../home"}),
        changed(work={"objects": ["Dataset:1"], "target": "/zone/a\0b"}),
        changed(work={"objects": ["Dataset:1"], "target": "/" + "a" * 2000}),
        changed(work={"objects": ["Dataset:1"], "note": "a" * 2001}),
        changed(work={"objects": ["Dataset:1"], "note": "\udcff"}),
        changed(work={"objects": ["Dataset:1"], "figures": "yes"}),
        changed(work={"objects": ["Dataset:1"], "existing": "overwrite"}),
        changed(batch="b b"),
        changed(batch=1),
        changed(**{"\ud800": 1}),
        changed(kind="unpack", work={}),
        changed(kind="unpack", work={"path": "relative"}),
        changed(kind="unpack", work={"path": "/zone/a", "owners": {"users": {"a": "b"}}}),
        changed(kind="unpack", work={"path": "/zone/a", "as_owner": True, "owners": ["a"]}),
        changed(kind="unpack", work={"path": "/zone/a", "as_owner": True, "owners": {"people": {}}}),
        changed(kind="unpack", work={"path": "/zone/a", "as_owner": True, "owners": {"users": {"a": 1}}}),
        changed(kind="unpack", work={"path": "/zone/a", "as_owner": True, "owners": {"users": {"a": ""}}}),
        changed(kind="unpack", work={"path": "/z", "into": "Image:1"}),
        changed(kind="unpack", work={"path": "/z", "into": "Dataset:1,2"}),
        changed(kind="unpack", work={"path": "/z", "only": ["Image:1-999999"]}),
        changed(kind="unpack", work={"path": "/z", "only": "Image:1"}),
        changed(kind="unpack", work={"path": "/z", "merge": 1}),
        changed(kind="unpack", work={"path": "/z", "again": "a\n"}),
        changed(kind="gc", work={"older_than_s": 10**400}),
        changed(kind="verify", work={"path": ""}),
        changed(kind="verify", work={"path": "/z", "scope": "data", "sample": 0}),
        changed(kind="verify", work={"path": "/z", "scope": "data", "sample": 1.01}),
        changed(kind="verify", work={"path": "/z", "sample": 0.5}),
        changed(kind="gc", work={"older_than_s": -1}),
        changed(kind="gc", work={"older_than_s": float("nan")}),
        changed(kind="gc", work={"older_than_s": float("inf")}),
        changed(work={"objects": ["Dataset:1"], "note": " " * LARGEST_SPEC}),
    ],
)
def test_what_is_no_job_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        JobSpec.from_json(text)
    assert len(str(refused.value)) < 300


def test_a_range_that_ends_before_it_begins_hides_no_other() -> None:
    """A million objects are not made to find out that there are too many; nor more, whoever asks."""
    with pytest.raises(UsageError, match="More than 1,000,000 objects"):
        parse_objects(f"Image:{first}-{first + 900_000}" for first in range(0, 10**12, 1_000_000))
    with pytest.raises(UsageError, match="10,000 objects at most"):
        JobSpec.from_json(changed(work={"objects": ["Image:1-900000,999999999-1"]}))


@pytest.mark.parametrize("kind", BridgeError.__subclasses__())
def test_an_error_keeps_its_code_and_status(kind: type[BridgeError]) -> None:
    again = JobError.of(kind("what", hint="next")).to_error()
    assert (again.code, again.message, again.hint) == (kind.code, "what", "next")
    assert (again.exit_status, again.retryable) == (kind.exit_status, kind.retryable)


# -- identities

USERS = """
[users]
ada = "a.lovelace"
"lab-*" = "{name}"
"lab-boss" = false
"lab-?" = "never-reached"
"*@ex.org" = "x.{name}"
"""


def test_an_exact_name_wins_and_who_fits_no_line_is_nobody() -> None:
    with pytest.raises(UsageError):
        Identities.parse(USERS)  # several people would be one user
    users = Identities.parse(USERS.replace('"never-reached"', '"never-{name}"'))
    assert users.irods_user("ada") == "a.lovelace"
    assert users.irods_user("lab-7") == "lab-7"
    assert users.irods_user("bob@ex.org") == "x.bob@ex.org"
    for name in ("lab-boss", "eve", "Ada", "ada ", "", "lab-a#otherZone", "lab-../x", "lab-a b"):
        with pytest.raises(AccessDenied):
            users.irods_user(name)


def test_a_pattern_never_means_the_accounts_that_each_omero_has() -> None:
    users = Identities.parse('[users]\n"*" = "{name}"\nguest = "visitor"')
    assert users.irods_user("guest") == "visitor"
    with pytest.raises(AccessDenied):
        users.irods_user("root")


@pytest.mark.parametrize(
    "text",
    [
        "[users",
        "users = 1",
        '[user]\nada = "a"',
        '[users]\nada = ""',
        "[users]\nada = true",
        "[users]\nada = 7",
        '[users]\n"" = "a"',
        '[users]\n"[ab]*" = "{name}"',
        '[users]\nada = "a#zone"',
        '[users]\nada = "a b"',
        '[users]\nada = "rods"',
        '[users]\nada = "{other}"',
        '[users.ada]\nirods = "a"',
        '[users]\nada = "a"\n[more]\n',
    ],
)
def test_a_file_that_is_wrong_is_refused_at_start(text: str) -> None:
    with pytest.raises(UsageError):
        Identities.parse(text, never=["rods"])


def test_nobody_may_be_mapped_to_the_agents_own_account_by_a_pattern_either() -> None:
    users = Identities.parse('[users]\n"*" = "{name}"', never=["rods"])
    with pytest.raises(AccessDenied):
        users.irods_user("rods")


# -- the desk


@pytest.fixture
def desk(jobs: Jobs) -> Desk:
    return Desk(jobs, Identities.parse('[users]\nada = "ada"\ngrace = "grace"'))


ADA, GRACE, EVE = Requester("ada"), Requester("grace"), Requester("eve")
ADMIN = Requester("admin", is_admin=True)


def test_a_forged_user_is_refused(desk: Desk, jobs: Jobs) -> None:
    with pytest.raises(AccessDenied):
        desk.submit(counting(1, user="ada"), GRACE)
    with pytest.raises(AccessDenied):
        desk.submit(counting(1, user="eve"), EVE)
    with pytest.raises(AccessDenied):
        desk.submit(counting(1, user="eve"), ADMIN)
    assert jobs.list_jobs(JobFilter()) == []


def test_who_has_as_many_open_jobs_as_he_may_is_refused_more_until_some_have_ended(jobs: Jobs) -> None:
    desk = Desk(jobs, Identities.parse('[users]\nada = "ada"\ngrace = "grace"'), open_per_user=2)
    first = desk.submit(counting(1), ADA)
    desk.submit(counting(2), ADA)
    for who in (ADA, ADMIN):
        with pytest.raises(Busy, match="ada has 2 jobs that have not ended"):
            desk.submit(counting(3), who)
    assert desk.submit(counting(1), ADA) == first  # asked again is no other
    desk.submit(counting(3, user="grace"), GRACE)
    desk.cancel(first.id, ADA)
    desk.submit(counting(3), ADA)


def test_everybody_has_his_own_jobs_and_an_administrator_all(desk: Desk) -> None:
    job = desk.submit(counting(1, user="ada"), ADA).id
    for touch in (desk.get, desk.events, desk.cancel, desk.retry, desk.delete):
        with pytest.raises(NotFound):
            touch(job, GRACE)
    assert desk.list_jobs(JobFilter(), GRACE) == desk.list_jobs(JobFilter("ada"), GRACE) == []
    assert [one.id for one in desk.list_jobs(JobFilter(), ADMIN)] == [job]
    desk.cancel(job, ADMIN)
    desk.delete(job, ADA)
