"""From the click in OMERO to a snapshot in iRODS and back, by the scripts and ``omero-irods agent run``."""

from __future__ import annotations

import re
from typing import Any

import pytest
from omero.rtypes import unwrap

from omero_irods_bridge.model.snapshot import from_avus
from tests.agent.between.site import Connect, Gateway, MakeUser, Site
from tests.agent.conftest import until
from tests.agent.mail.mail_host import MailHost
from tests.agent.scripts.conftest import Install, free_port, run

SESSION_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def url(site: Site) -> str:
    """Where the agent of ``site`` answers; it runs."""
    address = f"127.0.0.1:{free_port()}"
    site.person.environment["OMERO_IRODS_AGENT__LISTEN"] = address
    site.start()
    return site.address


def names_of_datasets(gateway: Gateway) -> list[str]:
    rows = gateway.getQueryService().projection("select d.name from Dataset d", None)
    return [str(row[0]) for row in unwrap(rows)]


def test_saved_listed_and_loaded_again_as_the_user_who_clicked(
    mail_host: MailHost,
    address: str,
    url: str,
    site: Site,
    install: Install,
    gateway: Gateway,
    connect: Connect,
    make_user: MakeUser,
) -> None:
    install(url, "Save_to_iRODS", "Load_from_iRODS", "List_iRODS_snapshots")
    site.server.faults.clear()
    selected: dict[str, Any] = {"kind": "Dataset", "ids": (site.dataset.id,)}
    nothing = run(gateway, "Load_from_iRODS", **selected)
    assert nothing.message == f"There is no snapshot of {site.dataset} that you may read."

    saved = run(gateway, "Save_to_iRODS", **selected, Note="<i>for</i> the paper")
    made = site.done(site.jobs.get(saved.job))
    description = from_avus(site.store.avus(made["path"]))
    assert description is not None
    assert (description.packed_by, description.owner, description.note) == (
        site.user.name,
        site.user.name,
        "<i>for</i> the paper",
    )
    snapshot = site.store.find(made["path"])
    assert snapshot is not None
    assert getattr(snapshot, "owner", "") == f"{site.irods_user}#{site.zone.name}"

    until(lambda: mail_host.taken)
    (letter,) = mail_host.messages
    assert letter["To"] == address
    assert made["path"] in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    second = site.done(site.jobs.get(run(gateway, "Save_to_iRODS", **selected).job))
    listed = run(gateway, "List_iRODS_snapshots", **selected)
    assert listed.message.startswith(f"2 found: {second['path']} (")
    assert [line.partition(" ")[0] for line in listed.out.splitlines()] == [second["path"], made["path"]]

    before = names_of_datasets(gateway)
    loading = site.jobs.get(run(gateway, "Load_from_iRODS", **selected).job)
    assert loading.spec.requested_by == site.user.name
    assert getattr(loading.spec.work, "path", "") == second["path"]
    site.done(loading)
    after = names_of_datasets(gateway)
    assert len(after) == len(before) + 1
    assert after.count(before[0]) == before.count(before[0]) + 1

    stranger = run(connect(make_user()), "Save_to_iRODS", **selected)
    assert "may not use the agent" in stranger.message
    assert stranger.link == {}
    assert not SESSION_KEY.search(site.log)
