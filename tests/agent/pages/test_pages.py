"""The page over plain HTTP: what each says, to whom, and what forms without a script do."""

from __future__ import annotations

import json
import re
import time
import zipfile
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import httpx
import pytest

from omero_irods_bridge.agent.pages.signing_in import inside
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.model.errors import AccessDenied, Unreachable
from omero_irods_bridge.model.events import Notice, Step
from omero_irods_bridge.model.jobs import JobKind, Phase, VerifyWork
from omero_irods_bridge.model.snapshot import State
from omero_irods_bridge.wiring import SystemClock
from tests.agent.answers import by
from tests.agent.conftest import Hands
from tests.agent.pages.conftest import MakeReader, Reader, pack, spec, words_of
from tests.agent.pages.world import World, ago, schedule
from tests.agent.test_outages import no_more_pages

BAD = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'&{{7*7}}"


def title_of(answer: httpx.Response) -> str:
    found = re.search(r"(?s)<h1>(.*?)</h1>", answer.text)
    assert found
    return found[1].strip()


PAGES = [
    "/jobs",
    "/jobs/1",
    "/jobs/new",
    "/snapshots",
    "/snapshots/at?path=/a",
    "/queues",
    "/days",
    "/health",
]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_before_signing_in_and_gets_it_afterwards(
    world: World, reader_of: MakeReader, path: str
) -> None:
    world.jobs.submit(spec())
    nobody = reader_of("")
    answer = nobody.get(path)
    assert answer.status_code == 303
    form = nobody.get(answer.headers["location"])
    assert title_of(form) == "Sign in"
    signed = nobody.post("/sign-in", user="ada", password="ada-pw", next=path)
    assert (signed.status_code, signed.headers["location"]) == (303, path)
    assert nobody.get(path).status_code == (404 if "at?path" in path else 200)


def test_a_wrong_password_is_said_and_kept_nowhere(reader_of: MakeReader) -> None:
    nobody = reader_of("")
    nobody.get("/sign-in")
    answer = nobody.post("/sign-in", user="ada", password="wrong-word")
    assert answer.status_code == 401
    assert "does not know this user with this password" in words_of(answer)
    assert "wrong-word" not in answer.text
    assert 'value="ada"' in answer.text
    for _ in range(5):
        answer = nobody.post("/sign-in", user="ada", password="x")
    assert answer.status_code == 429
    assert nobody.get("/jobs").status_code == 303


def test_who_signs_out_is_nobody(ada: Reader) -> None:
    ada.get("/jobs")
    copied = dict(ada.client.cookies)
    assert ada.post("/sign-out").status_code == 303
    assert ada.get("/jobs").status_code == 303
    ada.client.cookies.update(copied)
    assert ada.get("/jobs").status_code == 303


@pytest.mark.parametrize(
    "where", ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-in", "x", "", "/a\nb"]
)
def test_signing_in_leads_to_no_other_place(where: str) -> None:
    assert inside(where) == "/jobs"


def test_a_link_in_a_mail_finds_who_is_signed_in(reader_of: MakeReader) -> None:
    """A browser sends a strict cookie with the second request, which comes from this page."""
    nobody = reader_of("")
    answer = nobody.client.get('/jobs?text="><b>', headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0;url=/jobs?text=' in answer.text
    assert "<b>" not in answer.text
    again = nobody.client.get("/jobs", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 303


def test_everybody_sees_his_own_jobs_and_an_administrator_all(
    world: World, ada: Reader, chief: Reader
) -> None:
    mine = world.jobs.submit(spec(pack(objects="Dataset:111")))
    other = world.jobs.submit(spec(pack(objects="Dataset:222"), user="bob"))
    assert "Dataset:111" in ada.get("/jobs").text
    assert "Dataset:222" not in ada.last
    assert ada.get(f"/jobs/{other.id}").status_code == 404
    assert title_of(ada.get(f"/jobs/{mine.id}")) == "Save to iRODS · Dataset:111"
    assert all(text in chief.get("/jobs").text for text in ("Dataset:111", "Dataset:222", ">bob<"))
    assert "Dataset:111" not in words_of(chief.get("/jobs?user=bob"))


def test_the_list_is_filtered_and_goes_on_page_by_page(world: World, ada: Reader) -> None:
    for number in range(30):
        world.jobs.submit(spec(pack(objects=f"Dataset:{100 + number}"), f"r{number}"))
    verify = world.jobs.submit(spec(VerifyWork("/lab/home/ada/50%_done.zip"), "v"))
    world.jobs.cancel(verify.id)
    first = ada.get("/jobs?kind=pack")
    older = re.search(r'href="([^"]+)">Older', first.text)
    assert older
    second = ada.get(older[1].replace("&amp;", "&"))
    listed = [re.findall(r'id="job-(\d+)"', one.text) for one in (first, second)]
    assert [len(one) for one in listed] == [25, 5]
    assert "Older" not in second.text
    assert re.findall(r'id="job-(\d+)"', ada.get("/jobs?state=cancelled").text) == [str(verify.id)]
    assert re.findall(r'id="job-(\d+)"', ada.get("/jobs?text=50%25_DONE").text) == [str(verify.id)]
    assert re.findall(r'id="job-(\d+)"', ada.get("/jobs?text=dataset:129").text) == ["30"]
    assert "No job is like that." in words_of(ada.get("/jobs?text=50%25xdone"))
    assert "<b>31</b>" in ada.get("/jobs").text


def test_a_running_job_tells_bytes_rate_and_what_is_left(world: World, ada: Reader) -> None:
    events = (Step("Reading"), Notice("One has no files."), Step("Moving <files>", 4_000_000_000, 10))
    phase = Phase("Moving <files>", 1_000_000_000, 3, 4_000_000_000, 10)
    job = world.past(spec(), ago(0) - 62, took=60, events=events, phase=phase, ends=False)
    page = ada.get(f"/jobs/{job.id}")
    text = words_of(page)
    assert "1.0 GB of 4.0 GB" in text
    assert "3 of 10 items" in text
    assert re.search(r"\d+\.\d MB/s", text)
    assert re.search(r"about \d+ (s|min)", text)
    assert '<progress max="100" value="25" aria-label="Moving &lt;files&gt;">25 %</progress>' in page.text
    assert re.search(r"now: *</span></span><span>Moving &lt;files&gt;", page.text)
    assert "Note: One has no files." in text
    assert f'data-follow="/api/v1/jobs/{job.id}/events?after=5"' in page.text
    assert "1.0 GB of 4.0 GB" in words_of(ada.get("/jobs"))


def test_a_failed_job_tells_why_and_what_to_do(world: World, ada: Reader) -> None:
    error = AccessDenied("You may not write to /lab/home/x.", hint="Ask its owner.")
    findings = [{"problem": "damaged", "path": "/lab/a.zip", "text": "differs", "remedy": "Pack it again.",
                 "member": "one.tif", "images": [1]}]  # fmt: skip
    job = world.past(spec(), ago(1), error=error, result={"ok": False, "findings": findings})
    text = words_of(ada.get(f"/jobs/{job.id}"))
    for told in (error.message, "What to do: Ask its owner.", "access-denied", "Pack it again.", "one.tif"):
        assert told in text
    assert error.message in words_of(ada.get("/jobs"))
    waits = world.past(spec(request_id="r2"), ago(0), error=Unreachable("iRODS did not answer."))
    assert "It is tried again" in words_of(ada.get(f"/jobs/{waits.id}"))


def test_a_result_is_told_in_words_and_ids_stay_as_they_are(world: World, ada: Reader) -> None:
    result = {
        "bytes": 1_500_000_000,
        "image_ids": list(range(1207, 1237)),
        "objects": {"Dataset:51": "Dataset:1501"},
        "not_kept": {},
        "was_complete": False,
        "path": "/lab/home/ada/a b&c.zip",
    }
    page = ada.get(f"/jobs/{world.past(spec(), ago(1), result=result).id}")
    text = words_of(page)
    assert "Size 1.5 GB (1,500,000,000 bytes)" in text
    assert "1225, 1226 and 10 more" in text
    assert "Objects Dataset:51: Dataset:1501 Not kept nothing Was there already no" in text
    assert 'href="/snapshots/at?path=%2Flab%2Fhome%2Fada%2Fa+b%26c.zip"' in page.text


def test_markup_of_users_is_text_everywhere(world: World, ada: Reader, chief: Reader) -> None:
    error = AccessDenied(f"no {BAD}", hint=f"do {BAD}")
    events = (Step(f"step {BAD}"), Notice(f"note {BAD}"))
    work = pack(BAD, target=f"/lab/{BAD.replace('/', '')}", group="g<b>")
    findings = [dict.fromkeys(("problem", "path", "text", "remedy", "member"), BAD)]
    job = world.past(
        spec(work), ago(1), events=events, error=error, result={"path": BAD, BAD: BAD, "findings": findings}
    )
    running = world.past(
        spec(request_id="r2"), ago(0) - 9, took=1, events=events, phase=Phase(BAD, 1, 1, 3, 3), ends=False
    )
    world.snapshot("ada", "one", note=BAD, group=BAD, sources=(BAD,), host=BAD)
    world.schedules = [{**schedule(BAD, overdue=True), "cron": BAD}]
    world.away.add("iRODS")
    path = f"/lab/{BAD}"
    search = "&".join(f"{name}={BAD}" for name in ("q", "note", "owner", "image"))
    for place in (
        "/jobs", f"/jobs/{job.id}", f"/jobs/{running.id}", f"/jobs?text={BAD}&user={BAD}&batch={BAD}",
        "/days",
        "/health", f"/jobs/new?kind=verify&path={BAD}", "/snapshots", f"/snapshots?{search}", f"/{BAD}",
        f"/snapshots/at?path={path}", "/snapshots/at?path=/lab/home/ada/one.zip",
        f"/sign-in?next=/jobs/{BAD}",
    ):  # fmt: skip
        page = ada.get(place)
        assert "<img" not in page.text, place
        assert "alert(2)</script>" not in page.text, place
        assert page.text.count("<script") == 1, place
    refused = ada.post("/jobs", kind="pack", objects=BAD, note=BAD, target=BAD)
    assert "<img" not in refused.text
    assert (
        escape(BAD).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in ada.get(f"/jobs/{job.id}").text
    )
    nobody = chief.post("/sign-in", user=BAD, password="x")
    assert "<img" not in nobody.text


def test_snapshots_are_searched_and_lead_to_verify_and_load(world: World, ada: Reader) -> None:
    fig = world.snapshot("ada", "fig3", note="for the paper", image_ids=(7,), sources=("Dataset:51",))
    world.snapshot("ada", "other", state=State.DAMAGED, image_ids=(8,), sources=("Dataset:52",))
    world.snapshot("bob", "hidden")
    every = words_of(ada.get("/snapshots"))
    assert all(text in every for text in ("fig3", "other", "Damaged", "1.5 GB"))
    assert "hidden" not in every
    for query in ("q=fig", "q=Dataset:51", "note=paper", "image=7", "q=Image:7", "owner=ada&q=fig"):
        found = words_of(ada.get(f"/snapshots?{query}"))
        assert "fig3" in found, query
        assert "other.zip" not in found, query
    assert "No snapshot that you may see is like that." in words_of(ada.get("/snapshots?owner=eve"))
    wrong = ada.get("/snapshots?image=x")
    assert wrong.status_code == 422
    assert "is not the id of an image" in words_of(wrong)
    page = ada.get(f"/snapshots/at?path={fig}")
    links = re.findall(r'href="(/jobs/new[^"]+)"', page.text)
    assert len(links) == 2
    for one in links:
        assert f'value="{fig}"' in ada.get(one.replace("&amp;", "&")).text
    assert ada.get("/snapshots/at?path=/lab/home/bob/hidden.zip").status_code == 404


def test_a_zone_that_is_away_is_said_and_the_form_stays(world: World, ada: Reader) -> None:
    def away(method: str, path: str) -> None:
        raise Unreachable("lab did not answer.")

    world.zone.hook = away
    page = ada.get("/snapshots?q=fig3")
    assert page.status_code == 503
    assert "lab did not answer." in words_of(page)
    assert 'value="fig3"' in page.text


def test_queues_are_paused_by_administrators_alone(world: World, ada: Reader, chief: Reader) -> None:
    world.jobs.submit(spec())
    assert "0 of 4" in words_of(ada.get("/queues"))
    assert "Pause" not in ada.last
    ada.get("/jobs/new")
    assert ada.post("/queues/pack/pause").status_code == 403
    chief.get("/queues")
    assert chief.post("/queues/pack/pause").headers["location"] == "/queues"
    assert world.jobs.paused()[JobKind.PACK].by == "root-of-lab"
    assert re.search(r"Paused since .* by root-of-lab", words_of(ada.get("/queues")))
    chief.get("/queues")
    chief.post("/queues/pack/resume")
    assert world.jobs.paused() == {}


def test_administrators_see_who_is_at_work_and_who_is_silent(
    world: World, ada: Reader, chief: Reader
) -> None:
    Workers(world.database, SystemClock()).seen("host-1", [JobKind.PACK], time.time())
    Workers(world.database, Hands(time.time() - 3600)).seen("host-2", list(JobKind), 0.0)
    words = words_of(chief.get("/queues"))
    assert re.search(r"host-1 pack At work .* host-2 .* Silent", words)
    workers = chief.get("/api/v1/queues").json()["workers"]
    assert [(one["name"], one["silent"]) for one in workers] == [("host-1", False), ("host-2", True)]
    assert "host-1" not in ada.get("/queues").text
    assert ada.get("/api/v1/queues").json()["workers"] == []


def test_the_days_are_a_picture_with_a_table(world: World, ada: Reader, chief: Reader) -> None:
    for number in range(3):
        world.past(spec(request_id=f"d{number}"), ago(2), result={})
    world.past(spec(request_id="f"), ago(5), error=AccessDenied("no"))
    world.past(spec(user="bob"), ago(5), error=AccessDenied("no"))
    world.schedules = [schedule("nightly", overdue=True), {**schedule("of-bob"), "user": "bob"}]
    page = ada.get("/days")
    assert 'aria-label="The last 30 days: 3 jobs done, 1 failed, 1 schedule overdue"' in page.text
    assert len(re.findall(r'<th role="rowheader"', page.text)) == 30
    assert "Overdue nightly" in words_of(page)
    assert "of-bob" not in page.text
    assert "3 jobs done, 2 failed" in chief.get("/days").text
    assert "of-bob" in chief.last
    today = datetime.now(UTC).date().isoformat()
    assert page.text.index(f'datetime="{today}"') == page.text.index(
        'datetime="', page.text.index("Day by day")
    )


def test_health_says_what_is_away(world: World, ada: Reader) -> None:
    assert "All is well." in words_of(ada.get("/health"))
    world.away.add("OMERO")
    text = words_of(ada.get("/health"))
    assert "1 part of 3 cannot be reached" in text
    assert "OMERO did not answer at omero.example.org. Is it running?" in text


@pytest.mark.parametrize(
    ("path", "twin"),
    [
        ("/jobs?state=failed&text=x", "/api/v1/jobs?state=failed&text=x&limit=25"),
        ("/jobs/1", "/api/v1/jobs/1"),
        ("/snapshots?q=one", "/api/v1/snapshots?q=one&limit=25"),
        (
            "/snapshots/at?path=/lab/home/ada/one.zip",
            "/api/v1/snapshots/at?path=%2Flab%2Fhome%2Fada%2Fone.zip",
        ),
        ("/queues", "/api/v1/queues"),
        ("/days", "/api/v1/days?days=30"),
        ("/health", "/api/v1/health"),
    ],
)
def test_each_page_has_a_twin_of_json(world: World, ada: Reader, path: str, twin: str) -> None:
    world.jobs.submit(spec())
    world.snapshot("ada", "one")
    page = ada.get(path).text
    assert f'<link rel="alternate" type="application/json" href="{escape(twin)}">' in page
    assert f'<a href="{escape(twin)}" type="application/json">This page as JSON</a>' in page
    answer = ada.get(twin)
    assert answer.status_code == 200, answer.text
    json.loads(answer.text)


def test_what_is_not_there_is_a_page_for_people_and_json_for_programs(ada: Reader) -> None:
    page = ada.get("/nothing")
    assert (page.status_code, title_of(page)) == (404, "There is no such page.")
    assert "not-found" in page.text
    for path in ("/nothing", "/api/v1/nothing"):
        answer = ada.client.get(path, headers={"Accept": "application/json"})
        assert answer.headers["content-type"] == "application/problem+json"
    assert ada.client.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"
    for path in (
        "/jobs/none",
        "/jobs?text=%00",
        "/snapshots?note=%0a",
        "/jobs/99999999999",
        "/jobs?before=-1",
    ):
        assert ada.get(path).status_code == 422, path
    assert "text/html" in ada.client.put("/jobs").headers["content-type"]


def test_a_defect_is_a_page_that_tells_no_secrets(world: World, ada: Reader) -> None:
    world.schedules = [{"secret": "of the server"}]
    page = ada.get("/days")
    assert page.status_code == 500
    assert "Something went wrong in the agent." in words_of(page)
    assert "of the server" not in page.text


def test_a_database_that_is_away_is_said(world: World, ada: Reader) -> None:
    import sqlalchemy as sa

    with world.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE bridge_jobs RENAME TO gone"))
    page = ada.get("/jobs")
    assert page.status_code == 503
    assert "The database of the agent does not answer." in words_of(page)


def test_a_database_that_has_no_room_is_said_to_who_hands_in_a_job(world: World, ada: Reader) -> None:
    ada.get("/jobs/new")
    form = ada.last
    asked = {"kind": "verify", "path": f"/tempZone/{'a' * 1000}"}

    def handed_in() -> httpx.Response:
        ada.last = form
        return ada.post("/jobs", **asked)

    with no_more_pages(world.database):
        page = next(one for one in (handed_in() for _ in range(200)) if one.status_code != 303)
    assert page.status_code == 503
    assert "The disk of the agent's database is full: nothing was kept." in words_of(page)
    assert "Ask the administrator of the agent to make room." in words_of(page)
    assert handed_in().status_code == 303


def test_pages_load_nothing_from_elsewhere_and_run_no_script_of_others(world: World, ada: Reader) -> None:
    for path in (*PAGES, "/nothing"):
        page = ada.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r'(src|href)="(https?:)?//', page.text), path
        assert not re.search(r"\son\w+=|style=", page.text), path
        assert page.headers["cache-control"] == "no-store"
    for name in ("page.css", "page.js", "icon.svg"):
        assert "http://" not in ada.get(f"/static/{name}").text.replace("http://www.w3.org/2000/svg", "")
    assert ada.get("/static/..%2Froutes.py").status_code == 404


def test_a_service_looks_by_its_token_too(world: World, reader_of: MakeReader) -> None:
    world.jobs.submit(spec())
    client = reader_of("").client
    client.headers.update(by("read"))
    assert "Dataset:51" in client.get("/jobs").text
    assert client.get("/jobs/new").status_code == 403
    assert client.get("/snapshots").status_code == 422
    assert client.get("/snapshots?user=ada").status_code == 200


def test_the_wheel_has_what_pages_are_made_of(tmp_path: Path) -> None:
    from tests.agent.conftest import ROOT

    hatch = pytest.importorskip(
        "hatchling.builders.wheel", reason="hatchling builds the wheel; it is not here"
    )
    built = next(hatch.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    names = set(zipfile.ZipFile(built).namelist())
    pages = ROOT / "omero_irods_bridge" / "agent" / "pages"
    needed = [*pages.glob("templates/*"), *pages.glob("static/*")]
    assert len(needed) > 10
    assert {str(one.relative_to(ROOT)) for one in needed} <= names
