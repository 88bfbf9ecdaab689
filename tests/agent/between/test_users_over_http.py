"""A user of OMERO and the whole agent, over HTTP alone: from his session to the snapshot in iRODS."""

from __future__ import annotations

import httpx

from tests.agent.answers import assert_problem
from tests.agent.between.site import Connect, MakeUser, Site
from tests.agent.conftest import until


def test_a_user_packs_and_finds_his_snapshot_with_his_session_alone(
    site: Site, connect: Connect, make_user: MakeUser
) -> None:
    site.start()
    stranger = make_user()
    keys = {one.name: connect(one).getSession().getUuid().val for one in (site.user, stranger)}
    mine, theirs = ({"X-OMERO-Session": keys[one.name]} for one in (site.user, stranger))
    with httpx.Client(base_url=site.address, timeout=60) as api:
        assert api.get("/readyz").json() == {"ok": True}
        pack = {"kind": "pack", "work": {"objects": [str(site.dataset)], "note": "by my session"}}
        assert_problem(api.post("/api/v1/jobs", json=pack, headers=theirs), 403, "access-denied")
        handed_in = api.post("/api/v1/jobs", json=pack, headers=mine)
        job = handed_in.headers["location"]
        until(lambda: api.get(job, headers=mine).json()["state"] not in {"queued", "running"})
        made = api.get(job, headers=mine).json()
        assert made["state"] == "done", made
        (found,) = api.get("/api/v1/snapshots", params={"q": str(site.dataset)}, headers=mine).json()[
            "snapshots"
        ]
        assert found["path"] == made["result"]["path"]
        assert (found["note"], found["packed_by"], found["job"]) == (
            "by my session",
            site.user.name,
            made["uuid"],
        )

        site.zone.faults.refuse_logins()
        answer = api.get("/api/v1/snapshots", headers=mine)
        assert_problem(answer, 403, "access-denied")
        until(lambda: api.get("/readyz").status_code == 503)
        assert api.get("/readyz").json()["title"] == "Not reachable: iRODS."
        told = answer.text + handed_in.text + api.get("/api/v1/health", headers=mine).text
    for key in keys.values():
        assert key not in site.log + told
