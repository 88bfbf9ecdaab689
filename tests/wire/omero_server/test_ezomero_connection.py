"""How ezomero connects, changes group, and imports through the stock ``omero import``."""

from __future__ import annotations

import configparser
from collections.abc import Callable
from pathlib import Path

import ezomero
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.omero_command import OmeroCommand
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser, User
from tests.wire.omero_server.ezomero_coverage import covers

NS = "tests/ezomero"


@pytest.mark.parametrize("secure", [True, False])
@covers(ezomero.connect)
def test_one_logs_in_into_the_group_of_ones_choice(
    server: OmeroServer, make_user: MakeUser, make_group: Callable[..., Group], secure: bool
) -> None:
    first, second = make_group(), make_group()
    user = make_user(first, second)
    gateway = ezomero.connect(
        user.name, user.password, second.name, server.host, server.ssl_port, secure, "/nowhere"
    )
    assert gateway.getGroupFromContext().getId() == second.id
    assert gateway.isSecure() is secure
    gateway.close()


@covers(ezomero.connect)
def test_with_a_wrong_password_there_is_no_connection(server: OmeroServer, user: User) -> None:
    wrong = ezomero.connect(user.name, "wrong", "", server.host, server.ssl_port, True, "/nowhere")
    assert wrong is None


@covers(ezomero.store_connection_params)
def test_stored_parameters_are_enough_to_connect(
    server: OmeroServer, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ezomero.store_connection_params(
        user.name, "", server.host, server.ssl_port, True, config_path=str(tmp_path)
    )
    stored = configparser.ConfigParser()
    stored.read(tmp_path / ".ezomero")
    assert user.password not in (tmp_path / ".ezomero").read_text()
    assert stored["DEFAULT"]["OMERO_PORT"] == str(server.ssl_port)
    monkeypatch.setenv("OMERO_PASS", user.password)
    gateway = ezomero.connect(config_path=str(tmp_path))
    assert gateway.getUserId() == user.id
    gateway.close()


@covers(ezomero.set_group)
def test_one_changes_only_to_groups_one_is_in(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second, foreign = make_group(), make_group(), make_group("rwr---")
    gateway = connect(make_user(first, second))
    assert ezomero.set_group(gateway, second.id)
    made = ezomero.post_project(gateway, "p")
    assert gateway.getObject("Project", made).getDetails().group.id.val == second.id
    assert not ezomero.set_group(gateway, foreign.id)
    assert gateway.SERVICE_OPTS.getOmeroGroup() == str(second.id)


# -- by the stock importer


@pytest.fixture
def _importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``omero import`` within this process finds an importer that needs no Java."""
    for name, value in OmeroCommand(tmp_path)._environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_importer")
@covers(ezomero.ezimport)
def test_images_are_imported_into_a_new_dataset_and_annotated(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "two&sizeX=8&sizeY=8&series=2.fake"
    path.touch()
    images = ezomero.ezimport(gateway, str(path), project="p", dataset="d", ann={"gene": "a"}, ns=NS)
    assert len(images) == 2
    [project] = gateway.getObjects("Project")
    [dataset] = project.listChildren()
    assert sorted(image.getId() for image in dataset.listChildren()) == sorted(images)
    for image in images:
        [annotation] = ezomero.get_map_annotation_ids(gateway, "Image", image, ns=NS)
        assert ezomero.get_map_annotation(gateway, annotation) == {"gene": "a"}


@pytest.mark.usefixtures("_importer")
@covers(ezomero.ezimport)
def test_plates_are_imported_onto_a_screen_in_place(gateway: Gateway, tmp_path: Path) -> None:
    screen = content.new(gateway, "Screen")
    path = tmp_path / "p&sizeX=8&sizeY=8&plates=1&plateRows=1&plateCols=2&fields=1&plateAcqs=1.fake"
    path.touch()
    plates = ezomero.ezimport(gateway, str(path), screen=screen, transfer="ln_s")
    assert [plate.getId() for plate in gateway.getObject("Screen", screen).listChildren()] == plates
    assert len(ezomero.get_well_ids(gateway, plate=plates[0])) == 2


@pytest.mark.usefixtures("_importer")
@covers(ezomero.ezimport)
def test_what_no_reader_takes_is_not_imported(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no image")
    assert ezomero.ezimport(gateway, str(path)) is None
    assert list(gateway.getObjects("Image")) == []
