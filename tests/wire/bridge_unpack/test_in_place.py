"""Loads in place (row U7): OMERO B links into the vault of the zone, and no byte is copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch, NotInPlace
from omero_irods_bridge.model.imports import MountedAt, Mounts
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest
from omero_irods_bridge.operations import undo, unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.placing import places_in
from omero_irods_bridge.operations.unpack import UnpackPlan
from omero_irods_bridge.wiring import SystemClock, receiver_on
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_unpack.conftest import Side, packed, unpacked
from tests.wire.omero_server.repository import bytes_kept, links

Mapped = dict[str, PurePosixPath]


@pytest.fixture
def vault(zone: Zone) -> Mapped:
    """OMERO sees the vault of the zone where it is."""
    return {f"demoResc:{zone.vault.resolve()}": PurePosixPath(zone.vault.resolve())}


@pytest.fixture
def expanded(omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef) -> str:
    return packed(omero, store, place, (dataset,), Form.EXPANDED)


def planned(store: IrodsStore, path: str, side: Side, mapping: Mapping[str, PurePosixPath]) -> UnpackPlan:
    request = UnpackRequest(path, in_place=True)
    with open_snapshot(store, path) as packet:
        return unpack.plan(request, packet, side.receiver, places=places_in(store, path, mapping))


def linked(store: IrodsStore, path: str, side: Side, mapping: Mapping[str, PurePosixPath]) -> Loaded:
    plan = planned(store, path, side, mapping)
    with open_snapshot(store, path) as packet:
        return unpack.apply(plan, packet, side.receiver, clock=SystemClock())


def vault_files(zone: Zone) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in zone.vault.rglob("*") if path.is_file()}


def physical(store: IrodsStore, path: str) -> Mapped:
    """The members by path, and where the catalog says that they lie."""
    found = (one for one in store.children(path, recursive=True) if isinstance(one, DataObject))
    return {one.path: PurePosixPath(one.replicas[0].path) for one in found}


def test_omero_links_into_the_vault_and_does_not_grow(
    store: IrodsStore, expanded: str, there: Side, vault: Mapped
) -> None:
    loaded = linked(store, expanded, there, vault)
    assert loaded.made["Image"] == 3
    assert bytes_kept(there.omero) == 0
    targets = {link.readlink() for link in links(there.omero)}
    assert len(targets) == 3
    assert targets <= {Path(one) for one in physical(store, expanded).values()}


def test_a_load_in_place_has_the_same_pixels_and_is_found_again(
    store: IrodsStore, expanded: str, there: Side, vault: Mapped
) -> None:
    linked(store, expanded, there, vault)
    query = there.connection.session.getQueryService()
    for image in query.findAllByQuery("select i from Image i join fetch i.pixels", None):
        pixels = there.connection.session.createRawPixelsStore()
        pixels.setPixelsId(image.getPrimaryPixels().id.val, False)
        assert len(set(pixels.getPlane(0, 0, 0))) > 100
        pixels.close()
    assert linked(store, expanded, there, vault).was_complete
    assert unpacked(store, expanded, there).was_complete


def test_undo_removes_the_links_and_leaves_the_vault(
    store: IrodsStore, expanded: str, there: Side, vault: Mapped, zone: Zone
) -> None:
    before = vault_files(zone)
    loaded = linked(store, expanded, there, vault)
    undo.apply(undo.plan(loaded.load, there.receiver), there.receiver)
    assert links(there.omero) == []
    assert vault_files(zone) == before


def test_a_load_that_broke_off_goes_on_in_place(
    store: IrodsStore, expanded: str, there: Side, vault: Mapped, zone: Zone
) -> None:
    last = planned(store, expanded, there, vault).content.filesets[-1].files[0].file.member
    zone.faults.flip_byte(f"{expanded}/{last}", offset=500)
    with pytest.raises(ChecksumMismatch):
        linked(store, expanded, there, vault)
    first = links(there.omero)
    zone.faults.flip_byte(f"{expanded}/{last}", offset=500)
    assert linked(store, expanded, there, vault).made["Image"] == 3
    assert len(links(there.omero)) == 3
    assert set(first) < set(links(there.omero))


def test_a_rename_in_irods_breaks_the_link(
    store: IrodsStore, expanded: str, there: Side, vault: Mapped, session: iRODSSession
) -> None:
    """Documented in docs/commands.md: what is linked has to stay where it is."""
    linked(store, expanded, there, vault)
    session.collections.move(expanded, f"{expanded}-moved")
    assert not any(link.exists() for link in links(there.omero))


# -- what must hold before anything starts


def refused(plan: UnpackPlan, side: Side) -> BridgeError:
    (problem,) = plan.problems
    assert isinstance(problem, NotInPlace)
    assert problem.hint
    assert side.receiver.importer.find_marked(plan.load) == []
    return problem


def test_a_zip_is_refused(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, there: Side, vault: Mapped
) -> None:
    path = packed(omero, store, place, (dataset,))
    with pytest.raises(NotInPlace, match="one file"):
        planned(store, path, there, vault)


def test_a_file_outside_of_the_mapping_is_refused(store: IrodsStore, expanded: str, there: Side) -> None:
    plan = planned(store, expanded, there, {"archive:/vault": PurePosixPath("/vault")})
    assert "and 2 other files nowhere" in refused(plan, there).message


def test_a_vault_that_is_not_mounted_here_is_refused(
    store: IrodsStore, expanded: str, there: Side, zone: Zone
) -> None:
    plan = planned(store, expanded, there, {f"demoResc:{zone.vault.resolve()}": PurePosixPath("/not/there")})
    assert "cannot be read here" in refused(plan, there).message


def test_another_file_in_the_place_is_refused(
    store: IrodsStore, expanded: str, there: Side, zone: Zone, tmp_path: Path
) -> None:
    for path in map(Path, physical(store, expanded).values()):
        other = tmp_path / path.relative_to(zone.vault.resolve())
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(b"shorter")
    plan = planned(store, expanded, there, {f"demoResc:{zone.vault.resolve()}": PurePosixPath(tmp_path)})
    assert "has 7 bytes" in refused(plan, there).message


def test_a_flipped_byte_is_noticed_and_nothing_of_that_image_stays(
    store: IrodsStore, expanded: str, there: Side, vault: Mapped, zone: Zone
) -> None:
    victim = next(one for one in physical(store, expanded) if one.endswith(".tif"))
    zone.faults.flip_byte(victim, offset=500)
    plan = planned(store, expanded, there, vault)
    with pytest.raises(ChecksumMismatch), open_snapshot(store, expanded) as packet:
        unpack.apply(plan, packet, there.receiver, clock=SystemClock())
    assert all(one.complete for one in there.receiver.importer.find_marked(plan.load))


@pytest.fixture
def elsewhere(there: Side, zone: Zone, tmp_path: Path) -> tuple[Path, Side]:
    """OMERO sees the vault at a path that this machine has elsewhere."""
    seen = tmp_path / "seen-by-omero"
    seen.symlink_to(zone.vault.resolve())
    mounts = Mounts((MountedAt(PurePosixPath(seen), PurePosixPath(zone.vault.resolve())),))
    return seen, Side(there.omero, there.connection, receiver_on(there.connection, mounts=mounts))


def test_the_vault_may_be_mounted_elsewhere_here(
    store: IrodsStore, expanded: str, zone: Zone, elsewhere: tuple[Path, Side]
) -> None:
    seen, side = elsewhere
    linked(store, expanded, side, {f"demoResc:{zone.vault.resolve()}": PurePosixPath(seen)})
    assert all(link.readlink().is_relative_to(seen) for link in links(side.omero))
