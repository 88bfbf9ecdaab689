"""Makes the pictures of the page that the documentation shows: ``python -m tests.agent.pages.screenshots``.

With a folder as argument all pages go there instead: in light and dark, wide and 320 pixels narrow.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser

from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.jobs import JobState
from tests.agent.conftest import ROOT, quick_folder
from tests.agent.pages.browser import chromium, signed_in
from tests.agent.pages.story import tell
from tests.agent.pages.world import World, world_in

IMAGES: Final = ROOT / "docs" / "images"
WIDE: Final = {"width": 1120, "height": 760}
NARROW: Final = {"width": 320, "height": 720}
HERE: Final = {"locale": "en-GB", "timezone_id": "Europe/Berlin"}

Looks = dict[str, Any]


def main(folder: str = "") -> None:
    with quick_folder() as place, world_in(place) as world, chromium() as browser:
        tell(world)
        if folder:
            _all(browser, world, Path(folder))
        else:
            _shown(browser, world)


def _shown(browser: Browser, world: World) -> None:
    IMAGES.mkdir(exist_ok=True)
    light: Looks = {"color_scheme": "light", "viewport": WIDE}
    dark: Looks = {"color_scheme": "dark", "viewport": WIDE}
    _take(browser, world, "/jobs", IMAGES / "page-jobs.png", light)
    _take(browser, world, _running(world), IMAGES / "page-job.png", dark)
    narrow: Looks = {"color_scheme": "light", "viewport": NARROW, "device_scale_factor": 2}
    _take(browser, world, "/snapshots", IMAGES / "page-snapshots-narrow.png", narrow)


def _all(browser: Browser, world: World, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    pages = {
        "jobs": "/jobs",
        "running": _running(world),
        "failed": _newest(world, JobState.FAILED),
        "new": "/jobs/new",
        "snapshots": "/snapshots",
        "snapshot": "/snapshots/at?path=/lab/home/ada/fig3.zip",
        "queues": "/queues",
        "days": "/days",
        "health": "/health",
        "error": "/nothing",
    }
    for scheme in ("light", "dark"):
        for width, size in (("wide", WIDE), ("narrow", NARROW)):
            looks: Looks = {"color_scheme": scheme, "viewport": size, **HERE}
            with signed_in(browser, world.address, "ada", **looks) as page:
                for name, path in pages.items():
                    page.goto(path)
                    page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)


def _take(browser: Browser, world: World, path: str, file: Path, looks: Looks) -> None:
    with signed_in(browser, world.address, "ada", **HERE, **looks) as page:
        page.goto(path)
        page.screenshot(path=file)


def _running(world: World) -> str:
    return _newest(world, JobState.RUNNING)


def _newest(world: World, state: JobState) -> str:
    return f"/jobs/{world.jobs.list_jobs(JobFilter(states=(state,)), limit=1)[0].id}"


if __name__ == "__main__":
    main(*sys.argv[1:])
