"""Chromium without a window, that looks at pages of an agent of ours and asks nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def signed_in(browser: Browser, address: str, user: str = "ada", **context: Any) -> Iterator[Page]:
    """A page of this user, at the list of jobs. What the script of the page gets wrong fails the test."""
    opened = browser.new_context(base_url=address, **context)
    page = opened.new_page()
    defects: list[str] = []
    page.on("pageerror", lambda error: defects.append(str(error)))
    page.on("console", lambda told: defects.append(told.text) if "Content Security" in told.text else None)
    sign_in(page, user)
    try:
        yield page
    finally:
        opened.close()
    assert defects == []


def sign_in(page: Page, user: str) -> None:
    page.goto("/sign-in?next=/jobs")
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(f"{user}-pw")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Jobs").wait_for()
