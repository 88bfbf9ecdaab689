"""Ingest: an image that lands in iRODS appears in OMERO, in place, and is protected as long as it does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

import irods.exception
from irods.meta import iRODSMeta
from irods.session import iRODSSession

from omero_irods_sandbox.demo.images import microscope_images
from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.omero_chapter import gateway_of
from omero_irods_sandbox.demo.stage import Stage
from omero_irods_sandbox.demo.zone_chapter import session_of

_IMAGE: Final = "ihc.png"
_COLLECTION: Final = "microscope"
_STATE: Final = "omero::ingest_state"
_CORE: Final = "from omero_bridge import *"


def play(stage: Stage, narrator: Narrator) -> None:
    """The zone has the rules afterwards; the person's collection ``microscope`` opted in, and is empty."""
    collection = f"{stage.home}/{_COLLECTION}"
    path = f"{collection}/{_IMAGE}"
    _install_rules(stage, narrator)
    with session_of(stage) as session:
        _opt_in(session, collection, narrator)
        _arrive(session, path, narrator)
        image = _scan(stage, path, narrator)
        _status(stage, path, narrator)
        _refused(session, path, narrator)
        _release(stage, session, path, image, narrator)


def _install_rules(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "The administrator of iRODS installs the rules",
        "They mark what arrives in collections that opted in, and protect what OMERO links to. "
        "No put ever waits for OMERO.",
    )
    service, folder = stage.service, stage.zone_root.parent
    settings = json.dumps({"service_users": [f"{service.name}#{stage.zone.zone}"]})
    installed = service.types(
        f"cd {shlex.quote(str(folder))}\nmkdir etc msiExecCmd_bin\n"
        "omero-irods rules install --target etc --programs msiExecCmd_bin\n"
        f"echo {shlex.quote(_CORE)} > etc/core.py\n"
        f"echo {shlex.quote(settings)} > etc/omero_bridge_settings.json",
        narrator,
    )
    narrator.check("etc/omero_bridge.py" in installed.out, "the rules are where the server reads them")
    options = ("--rules", "etc/core.py", "--exec-bin", "msiExecCmd_bin")
    narrator.command(shlex.join(("omero-irods-sandbox", "irods", "--root", "zone", *options)))
    stage.restart_zone(
        "--rules", str(folder / "etc" / "core.py"), "--exec-bin", str(folder / "msiExecCmd_bin")
    )
    narrator.outcome(f"the zone was started anew with them, at {stage.zone.host}:{stage.zone.port}")


def _opt_in(session: iRODSSession, collection: str, narrator: Narrator) -> None:
    narrator.step(
        "A collection opts in",
        "One AVU that Alice sets herself. Nothing else in iRODS is ever touched.",
    )
    narrator.command(f"imkdir {collection}\nimeta add -C {collection} omero::ingest in-place")
    session.collections.create(collection).metadata.add(iRODSMeta("omero::ingest", "in-place"))
    told = [one.value for one in session.collections.get(collection).metadata.get_all("omero::ingest")]
    narrator.check(told == ["in-place"], f"{collection} opted in: OMERO may link to what lies there")


def _arrive(session: iRODSSession, path: str, narrator: Narrator) -> None:
    narrator.step("An image arrives", "Put there by a microscope, by hand, by any client. The rule marks it.")
    narrator.command(f'path = "{path}"\nsession.data_objects.put("{_IMAGE}", path)', ">>>")
    file = next(one.path for one in microscope_images() if one.name == _IMAGE)
    session.data_objects.put(str(file), path)
    narrator.command(f'session.data_objects.get(path).metadata.get_one("{_STATE}").value', ">>>")
    marks = [one.value for one in session.data_objects.get(path).metadata.get_all(_STATE)]
    narrator.check(marks == ["waiting"], f"{_STATE} is waiting")


def _scan(stage: Stage, path: str, narrator: Narrator) -> int:
    """The id of the image in OMERO."""
    narrator.step(
        "It appears in OMERO, and stays where it is",
        "A scan imports what waits, and finds what was not marked, too; a service does it for whom the "
        "collection is, here Alice. OMERO links to the file in the vault of iRODS.",
    )
    repository = stage.omero.managed_repository
    before = _bytes_in(repository)
    finished = stage.service.types(f"omero-irods ingest scan {path.rpartition('/')[0]} --service", narrator)
    found = re.search(rf"{re.escape(path)} is Image:(\d+)", finished.out)
    narrator.expect(found is not None, f"{path} is an image in OMERO")
    assert found is not None
    with gateway_of(stage.omero, stage.person.name, stage.person.password) as gateway:
        image = gateway.getObject("Image", int(found[1]))
        narrator.expect(image is not None, f"Alice sees Image:{found[1]}")
        dataset, owner = image.getParent().getName(), image.getOwnerOmeName()
    narrator.check(owner == stage.person.name, f"Image:{found[1]} is Alice's, in the dataset {dataset}")
    links = f"find {shlex.quote(str(repository))} -type l -printf '%f -> %l\\n'"
    linked = stage.service.types(links, narrator)
    vault = f"{_IMAGE} -> {stage.zone_root / 'vault'}"
    added = _bytes_in(repository) - before
    narrator.check(added == 0 and vault in linked.out, f"{added} bytes were copied: it is a link")
    return int(found[1])


def _bytes_in(repository: Path) -> int:
    """Of the files that OMERO keeps; logs of imports are none."""
    files = (one for one in repository.rglob("*") if one.is_file() and not one.is_symlink())
    return sum(one.stat().st_size for one in files if one.suffix != ".log")


def _status(stage: Stage, path: str, narrator: Narrator) -> None:
    narrator.step("Is it in OMERO?", "The AVUs of the data object say so; this command reads them.")
    finished = stage.person.types(f"omero-irods ingest status {path}", narrator)
    narrator.check(f"{path} is in OMERO as Image:" in finished.out, "it is, in place")


def _refused(session: iRODSSession, path: str, narrator: Narrator) -> None:
    narrator.step(
        "Rename it, remove it",
        "Either would leave OMERO with a dead link. The rules refuse it, to her too, and say why.",
    )
    narrator.command('session.data_objects.move(path, f"{path}.old")', ">>>")
    _is_refused(lambda: session.data_objects.move(path, f"{path}.old"), narrator, "rename")
    narrator.command("session.data_objects.unlink(path, force=True)", ">>>")
    _is_refused(lambda: session.data_objects.unlink(path, force=True), narrator, "removal")
    narrator.check(session.data_objects.exists(path), "it is where it was")


def _is_refused(operation: Callable[[], object], narrator: Narrator, what: str) -> None:
    said = ""
    try:
        operation()
    except irods.exception.iRODSException as error:
        said = str(error).strip()
        narrator.output(f"{type(error).__name__}: {said}")
    narrator.check("linked in place by OMERO" in said, f"the {what} is refused, with the reason")


def _release(stage: Stage, session: iRODSSession, path: str, image: int, narrator: Narrator) -> None:
    narrator.step(
        "Delete the image in OMERO, and the data is free",
        "The next scan sees that OMERO does not need the file any more.",
    )
    stage.person.types(f"omero delete Image:{image}", narrator)
    collection = path.rpartition("/")[0]
    scanned = stage.service.types(f"omero-irods ingest scan {collection} --service", narrator)
    narrator.check(f"{path} was deleted in OMERO" in scanned.out, "it is not protected any more")
    narrator.command("session.data_objects.unlink(path, force=True)", ">>>")
    session.data_objects.unlink(path, force=True)
    narrator.check(not session.data_objects.exists(path), "and can be removed")
