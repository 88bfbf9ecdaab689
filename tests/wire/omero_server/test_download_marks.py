"""What says of itself that it may not be downloaded (omero-semantics.md, section 4)."""

from __future__ import annotations

from typing import Any

import omero
import pytest
from omero.rtypes import rint, rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Connect, Gateway, User

MARK = "RESTRICT-BINARY-ACCESS"


def image(name: str) -> Any:
    made = omero.model.ImageI()
    made.name = rstring(name)
    return made


def plate_with(pictured: Any) -> Any:
    """A plate with one well that shows an image."""
    plate, well, sample = omero.model.PlateI(), omero.model.WellI(), omero.model.WellSampleI()
    plate.name = rstring("plate")
    well.row, well.column = rint(0), rint(0)
    sample.image = pictured
    well.addWellSample(sample)
    plate.addWell(well)
    return plate


def is_marked(gateway: Gateway, kind: str, id_: int) -> bool:
    return bool(gateway.getObject(kind, id_).getDetails().permissions.isRestricted(MARK))


@pytest.fixture
def gateway(connect: Connect, user: User) -> Gateway:
    return connect(user)


def test_plates_and_their_images_are_marked_and_others_are_not(gateway: Gateway) -> None:
    update = gateway.getUpdateService()
    plate = update.saveAndReturnObject(plate_with(image("on a plate")))
    (well,) = plate.copyWells()
    shown = well.copyWellSamples()[0].image.id.val
    alone = update.saveAndReturnObject(image("alone")).id.val
    assert is_marked(gateway, "Plate", plate.id.val)
    assert is_marked(gateway, "Image", shown)
    assert not is_marked(gateway, "Image", alone)
    assert not gateway.getObject("Image", shown).canDownload()
    assert gateway.getObject("Image", alone).canDownload()


def test_the_setting_lets_plates_go(server: OmeroServer, gateway: Gateway) -> None:
    plate = gateway.getUpdateService().saveAndReturnObject(plate_with(image("on a plate")))
    server.settings.set("omero.policy.binary_access", "+read,+write,+image,+plate")
    try:
        assert not is_marked(gateway, "Plate", plate.id.val)
    finally:
        server.settings.set("omero.policy.binary_access", "")


def test_without_images_every_image_is_marked(server: OmeroServer, gateway: Gateway) -> None:
    alone = gateway.getUpdateService().saveAndReturnObject(image("alone")).id.val
    server.settings.set("omero.policy.binary_access", "+read,+write")
    try:
        assert is_marked(gateway, "Image", alone)
    finally:
        server.settings.set("omero.policy.binary_access", "")
