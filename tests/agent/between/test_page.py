"""The page of ``omero-irods agent run`` between both embedded servers, as a user goes through it."""

from __future__ import annotations

import re

import httpx

from omero_irods_bridge.model.jobs import JobState
from tests.agent.between.site import Site
from tests.agent.pages.conftest import Reader, words_of


def ended(site: Site, answer: httpx.Response) -> str:
    """The page of the job that a form has become, when it is done."""
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    found = site.ends(site.jobs.get(int(path.rpartition("/")[2])))
    assert found.state is JobState.DONE, (found.error, site.log)
    return str(path)


def test_a_user_of_omero_saves_finds_verifies_and_loads_on_the_page(site: Site) -> None:
    site.start()
    looks = {"Accept": "text/html", "Origin": site.address}
    with httpx.Client(base_url=site.address, headers=looks, timeout=60) as client:
        reader = Reader(client)
        reader.get("/sign-in")
        assert reader.post("/sign-in", user=site.user.name, password="wrong").status_code == 401
        signed = reader.post("/sign-in", user=site.user.name, password=site.user.password, next="/jobs/new")
        assert signed.headers["location"] == "/jobs/new"
        reader.get("/jobs/new")
        packed = ended(
            site, reader.post("/jobs", kind="pack", objects=str(site.dataset), note="for the paper")
        )
        page = reader.get(packed)
        (snapshot,) = site.snapshots()
        assert snapshot in words_of(page)
        assert "for the paper" in words_of(reader.get("/snapshots?note=paper"))
        about = reader.get(f"/snapshots/at?path={snapshot}")
        assert "not looked at since it was packed" in words_of(about)
        verify, load = (
            one.replace("&amp;", "&") for one in re.findall(r'href="(/jobs/new\?[^"]+)', about.text)
        )
        reader.get(verify)
        ended(site, reader.post("/jobs", kind="verify", path=snapshot, scope="data"))
        assert "Verified" in words_of(reader.get(f"/snapshots/at?path={snapshot}"))
        reader.get(load)
        loaded = ended(site, reader.post("/jobs", kind="unpack", path=snapshot))
        assert "Images in OMERO" in words_of(reader.get(loaded))
        assert "All is well." in words_of(reader.get("/health"))
        assert "3 jobs done, 0 failed" in words_of(reader.get("/jobs"))
        assert site.user.password not in site.log
