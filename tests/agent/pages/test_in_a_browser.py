"""The page in Chromium, by mouse and by keyboard, with a worker behind it; and whether axe is content."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser; it is not installed")

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.jobs import JobKind, JobSpec, JobState
from tests.agent.conftest import quick_folder
from tests.agent.pages.browser import CHROMIUM, chromium, signed_in
from tests.agent.pages.story import pack, tell
from tests.agent.pages.world import World, world_in

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

LAST_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def working() -> Iterator[World]:
    """With a worker."""
    with quick_folder() as folder, world_in(folder) as world:
        world.start_worker()
        yield world


@pytest.fixture(scope="module")
def told() -> Iterator[World]:
    """With a past, and nobody who works."""
    with quick_folder() as folder, world_in(folder) as world:
        tell(world)
        yield world


@pytest.fixture
def page(browser: Browser, working: World) -> Iterator[Page]:
    with signed_in(browser, working.address, "ada", locale="en-GB", timezone_id="America/New_York") as opened:
        opened.set_default_timeout(LAST_MS)
        expect.set_options(timeout=LAST_MS)
        yield opened


def press_until_on(page: Page, name: str, key: str = "Tab") -> None:
    """Go there as who has no mouse does."""
    for _ in range(60):
        page.keyboard.press(key)
        if (
            page.evaluate("document.activeElement.textContent || document.activeElement.name") or ""
        ).strip() == name:
            return
    raise AssertionError(f"the keyboard does not lead to {name}")


def test_a_job_is_handed_in_and_watched_to_its_end(page: Page, working: World) -> None:
    page.get_by_role("link", name="New job").click()
    page.get_by_label("What to save").fill("Cell:1")
    page.get_by_label("Note").fill("gated, to be kept")
    page.get_by_role("button", name="Save to iRODS").click()
    expect(page.locator("#e-objects")).to_contain_text("does not name an OMERO object")
    expect(page.get_by_label("Note")).to_have_value("gated, to be kept")
    page.get_by_label("What to save").fill("Dataset:51")
    page.get_by_role("button", name="Save to iRODS").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Save to iRODS · Dataset:51")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".numbers")).to_contain_text(re.compile(r"40 %.* of 48\.0\sMB"))
    (working.folder / "go").touch()
    expect(page.locator(".about .state")).to_have_text("Done")
    expect(page.locator("#steps")).to_contain_text("Sealing")
    expect(page.locator("#log")).to_contain_text("One file had no checksum in OMERO.")
    expect(page.get_by_role("status")).to_contain_text("Done.")
    job = page.url.rpartition("/")[2]
    expect(page.locator("#snapshot")).to_have_text(f"/lab/home/ada/job-{job}.zip")
    assert working.jobs.get(int(job)).state is JobState.DONE


def test_a_job_that_failed_is_tried_again_and_one_that_runs_is_cancelled(page: Page, working: World) -> None:
    job = working.jobs.submit(JobSpec(pack("Image:1", "fails once"), "ada", "fails"))
    page.goto(f"/jobs/{job.id}")
    expect(page.locator(".about .state")).to_have_text("Failed")
    expect(page.locator("#now")).to_contain_text("Ask its owner for the right.")
    page.get_by_text("Try again …").click()
    page.get_by_role("button", name=f"Try job {job.id} again").click()
    expect(page.locator(".about .state")).to_have_text("Done")
    slow = working.jobs.submit(JobSpec(pack("Image:2", "slow"), "ada", "slow"))
    page.goto(f"/jobs/{slow.id}")
    expect(page.locator(".numbers")).to_contain_text("40 %")
    page.get_by_text("Cancel …").click()
    page.get_by_role("button", name=f"Cancel job {slow.id}").click()
    expect(page.locator(".about .state")).to_have_text("Cancelled")
    page.get_by_text("Delete …").click()
    page.get_by_role("button", name=f"Delete job {slow.id}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(page.locator(f"#job-{slow.id}")).to_have_count(0)


def test_all_of_it_works_by_the_keyboard_alone(page: Page, working: World) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    press_until_on(page, "New job")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New job")
    press_until_on(page, "objects")
    page.keyboard.type("Image:5")
    press_until_on(page, "note")
    page.keyboard.type("slow")
    press_until_on(page, "Save to iRODS")
    page.keyboard.press("Enter")
    expect(page.locator(".numbers")).to_contain_text("40 %")
    press_until_on(page, "Cancel …")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".about .state")).to_have_text("Cancelled")
    press_until_on(page, "Jobs")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    press_until_on(page, "text")
    page.keyboard.type("image:5")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    outline = page.evaluate("""() => {
        const link = document.querySelector("tbody a"); link.focus();
        return getComputedStyle(link).outlineStyle;
    }""")
    assert outline == "solid"


def test_a_question_that_is_open_and_the_focus_stay_when_the_page_renews_itself(
    page: Page, working: World
) -> None:
    working.jobs.pause(JobKind.PACK)
    try:
        job = working.jobs.submit(JobSpec(pack("Image:3", "slow"), "ada", "focus"))
        page.goto(f"/jobs/{job.id}")
        page.get_by_text("Cancel …").click()
        page.locator("#ask-cancel-yes").focus()
    finally:
        working.jobs.resume(JobKind.PACK)
    expect(page.locator(".about .state")).to_have_text("Running")
    expect(page.locator("#ask-cancel-yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".about .state")).to_have_text("Cancelled")


def test_times_are_in_the_zone_of_the_reader(page: Page, working: World) -> None:
    job = working.past(JobSpec(pack("Image:4"), "ada", "summer"), 1_780_300_800.0, result={})
    page.goto(f"/jobs/{job.id}")
    handed_in = page.locator('time[datetime="2026-06-01T08:00:00Z"]').last
    expect(handed_in).to_have_text(re.compile(r"1 Jun 2026, 04:00"))


def test_a_link_of_another_site_finds_who_is_signed_in(page: Page, working: World) -> None:
    """The cookie is strict: the browser sends it with no link from elsewhere, such as from a mail."""
    elsewhere = working.address.replace("127.0.0.1", "localhost")
    page.goto(f"{elsewhere}/sign-in")
    page.evaluate(f"location.href = '{working.address}/queues'")
    expect(page.get_by_role("heading", level=1)).to_have_text("Queues")


def test_snapshots_are_searched_and_one_is_verified(browser: Browser, told: World) -> None:
    with signed_in(browser, told.address) as page:
        page.get_by_role("link", name="Snapshots").click()
        page.get_by_label("Name or object").fill("spin")
        page.keyboard.press("Enter")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("link", name="spindles").click()
        page.get_by_role("link", name="Verify").click()
        expect(page.get_by_label("Which snapshot")).to_have_value("/lab/home/ada/spindles.zip")
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Verify · spindles.zip")


def test_the_list_renews_itself_while_it_is_looked_at(browser: Browser, told: World) -> None:
    with signed_in(browser, told.address) as page:
        job = told.jobs.submit(JobSpec(pack("Image:77"), "ada", "list"))
        expect(page.locator(f"#job-{job.id}")).to_be_visible(timeout=LAST_MS)
        page.locator(f"#job-{job.id}").focus()
        told.jobs.cancel(job.id)
        row = page.locator(f'tr[data-job="{job.id}"]')
        expect(row.locator(".state")).to_have_text("Cancelled", timeout=LAST_MS)
        expect(page.locator(f"#job-{job.id}")).to_be_focused()
        expect(page.get_by_role("status")).to_contain_text(f"Job {job.id}: Cancelled.")


def test_without_a_script_a_job_is_handed_in_and_cancelled(browser: Browser, told: World) -> None:
    with signed_in(browser, told.address, java_script_enabled=False) as page:
        page.get_by_role("link", name="New job").click()
        page.get_by_label("What to save").fill("Dataset:9")
        page.get_by_role("button", name="Save to iRODS").click()
        page.get_by_text("Cancel …").click()
        page.get_by_role("button", name="Cancel job").click()
        expect(page.locator(".about .state")).to_have_text("Cancelled")
        expect(page.locator("time").first).to_contain_text("UTC")


LOOKS = [("light", 1120), ("dark", 1120), ("light", 320)]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_is_content_and_nothing_sticks_out(
    browser: Browser, told: World, scheme: str, width: int
) -> None:
    jobs = {job.state: job.id for job in told.jobs.list_jobs(JobFilter(requested_by="ada"), limit=1000)}
    places = [
        "/jobs", *(f"/jobs/{jobs[state]}" for state in (JobState.RUNNING, JobState.FAILED, JobState.DONE)),
        "/jobs/new", "/jobs/new?kind=verify", "/snapshots", "/snapshots/at?path=/lab/home/ada/fig3.zip",
        "/queues", "/days", "/health", "/nothing",
    ]  # fmt: skip
    looks = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}, "bypass_csp": True}
    axe, told_of = Axe(), []
    with signed_in(browser, told.address, "root-of-lab", **looks) as page:
        for place in places:
            page.goto(place)
            for one in page.locator("details").all():
                one.evaluate("one => one.open = true")
            found = axe.run(page)
            told_of += [f"{place}: {found.generate_report()}"] if found.violations_count else []
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                told_of.append(f"{place} is wider than the window")
        page.context.clear_cookies()
        page.goto("/sign-in")
        assert axe.run(page).violations_count == 0
    assert told_of == []
