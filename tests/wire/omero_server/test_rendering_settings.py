"""Rendering settings: whose they are, what is copied, what is saved (omero-semantics.md, section 9)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import omero
import pytest
import tifffile
from omero.rtypes import rdouble, rint, rstring

from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser
from tests.wire.omero_server.images import Image, fake_image, import_image, ramp

SMALL = "&sizeX=60&sizeY=20"


def settings_of(gateway: Gateway, image: Image, user_id: int | None = None) -> Any:
    """The RenderingDef a user gets, or exactly his own."""
    service = gateway.getPixelsService()
    if user_id is None:
        return service.retrieveRndSettings(image.getPixelsId())
    return service.retrieveRndSettingsFor(image.getPixelsId(), user_id)


def engine_of(gateway: Gateway, image: Image) -> Any:
    engine = gateway.c.sf.createRenderingEngine()
    engine.lookupPixels(image.getPixelsId())
    assert engine.lookupRenderingDef(image.getPixelsId())
    engine.load()
    return engine


@pytest.fixture
def pair(make_group: Callable[..., Group], make_user: MakeUser, connect: Connect) -> tuple[Gateway, Gateway]:
    """The owner of an image to come, and another member of the read-annotate group."""
    group = make_group("rwra--")
    return connect(make_user(group)), connect(make_user(group))


# -- defaults


def test_an_import_gives_its_owner_settings(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, f"{SMALL}&sizeZ=5&sizeC=4&pixelType=uint16&color_1=0x010203ff")
    found = settings_of(gateway, image)
    bindings = found.copyWaveRendering()
    assert (found.defaultZ.val, found.defaultT.val, found.model.value.val) == (2, 0, "rgb")
    assert [binding.active.val for binding in bindings] == [True, True, True, False]
    assert [binding.family.value.val for binding in bindings] == ["linear"] * 4
    assert (bindings[1].red.val, bindings[1].green.val, bindings[1].blue.val) == (1, 2, 3)
    assert (found.quantization.cdStart.val, found.quantization.cdEnd.val) == (0, 255)


def test_one_channel_is_grey(gateway: Gateway, tmp_path: Path) -> None:
    assert settings_of(gateway, fake_image(gateway, tmp_path, SMALL)).model.value.val == "greyscale"


def test_windows_reach_from_the_smallest_to_the_largest_value(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2&pixelType=uint16")
    for channel in image.getChannels():
        assert channel.getWindowStart() == channel.getWindowMin()
        assert (channel.getWindowStart(), channel.getWindowEnd()) == (0.0, 59.0)


def test_an_import_without_thumbnails_has_no_settings(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, SMALL, thumbnails=False)
    assert settings_of(gateway, image) is None
    assert gateway.getPixelsService().retrieveAllRndSettings(image.getPixelsId(), -1) == []


# -- two users


def test_each_user_has_his_own_settings(pair: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    owner, member = pair
    image = fake_image(owner, tmp_path, SMALL)
    seen = member.getObject("Image", image.id)
    assert settings_of(member, seen).details.owner.id.val == owner.getUserId()
    seen.setActiveChannels([1], [[3.0, 9.0]], ["00FF00"])
    seen.saveDefaults()
    assert settings_of(member, seen).details.owner.id.val == member.getUserId()
    assert settings_of(member, seen).getChannelBinding(0).inputEnd.val == 9.0
    assert settings_of(owner, image).getChannelBinding(0).inputEnd.val == 59.0


def test_who_may_read_an_image_may_save_settings_for_it(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect, tmp_path: Path
) -> None:
    group = make_group("rwr---")
    owner, member = connect(make_user(group)), connect(make_user(group))
    image = fake_image(owner, tmp_path, SMALL)
    engine = engine_of(member, image)
    engine.setChannelWindow(0, 1.0, 2.0)
    engine.saveCurrentSettings()
    engine.close()
    own = settings_of(member, image, member.getUserId())
    assert own.getChannelBinding(0).inputEnd.val == 2.0
    own.getChannelBinding(0).inputEnd = rdouble(3.0)
    member.getPixelsService().saveRndSettings(own)
    assert settings_of(member, image).getChannelBinding(0).inputEnd.val == 3.0
    made = member.c.sf.getRenderingSettingsService().createNewRenderingDef(own.pixels)
    member.getPixelsService().saveRndSettings(made)
    assert settings_of(member, image).id.val != own.id.val


def test_settings_of_another_object_can_be_tried_on(gateway: Gateway, tmp_path: Path) -> None:
    image, other = (fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2&sizeZ=3") for _ in range(2))
    other.setActiveChannels([2], [[1.0, 2.0]], ["00FF00"])
    other.setChannelInverted(1, True)
    other.setDefaultZ(2)
    other.saveDefaults()
    engine = engine_of(gateway, image)
    engine.updateSettings(settings_of(gateway, other))
    assert (engine.isActive(0), engine.isActive(1), engine.getChannelWindowEnd(1)) == (False, True, 2.0)
    assert (engine.getDefaultZ(), len(engine.getCodomainMapContext(1))) == (2, 1)
    engine.close()


def test_defaults_can_be_tried_without_saving_them(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, SMALL)
    engine = engine_of(gateway, image)
    engine.setChannelWindow(0, 1.0, 2.0)
    engine.saveCurrentSettings()
    assert engine.resetDefaultSettings(False) == engine.getRenderingDefId()
    assert engine.getChannelWindowEnd(0) == 59.0
    assert engine_of(gateway, image).getChannelWindowEnd(0) == 2.0
    engine.resetDefaultSettings(True)
    assert engine_of(gateway, image).getChannelWindowEnd(0) == 59.0
    engine.close()


def test_all_settings_can_be_listed_by_their_owner(pair: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    owner, member = pair
    image = fake_image(owner, tmp_path, SMALL)
    seen = member.getObject("Image", image.id)
    seen.saveDefaults()
    service = owner.getPixelsService()
    owners = [one.details.owner.id.val for one in service.retrieveAllRndSettings(image.getPixelsId(), -1)]
    assert owners == [owner.getUserId(), member.getUserId()]
    assert len(service.retrieveAllRndSettings(image.getPixelsId(), member.getUserId())) == 1


def test_of_several_settings_of_a_user_the_latest_counts(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, SMALL)
    first = settings_of(gateway, image)
    engine = engine_of(gateway, image)
    second = engine.saveAsNewSettings()
    assert settings_of(gateway, image).id.val == second
    first.defaultT = rint(0)
    first.name = rstring("changed later")
    gateway.getPixelsService().saveRndSettings(first)
    assert settings_of(gateway, image).id.val == first.id.val
    engine.close()


def test_settings_taken_by_id_are_changed_only_by_those_who_may(
    pair: tuple[Gateway, Gateway], tmp_path: Path
) -> None:
    owner, member = pair
    image = fake_image(owner, tmp_path, SMALL)
    engine = member.c.sf.createRenderingEngine()
    engine.lookupPixels(image.getPixelsId())
    engine.loadRenderingDef(settings_of(owner, image).id.val)
    engine.load()
    with pytest.raises(omero.SecurityViolation):
        engine.saveCurrentSettings()
    engine.close()
    assert settings_of(member, image, member.getUserId()) is None


def test_an_administrator_saves_for_a_user_in_his_sudo_session(
    root: Gateway, pair: tuple[Gateway, Gateway], tmp_path: Path
) -> None:
    owner, member = pair
    image = fake_image(owner, tmp_path, SMALL)
    for_member = root.suConn(member.getUser().getName())
    for_member.getObject("Image", image.id).saveDefaults()
    assert settings_of(member, image, member.getUserId()) is not None
    for_member.close()


def test_settings_made_by_hand_are_saved_and_loaded(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2")
    pixels = omero.model.PixelsI(image.getPixelsId(), False)
    made = gateway.c.sf.getRenderingSettingsService().createNewRenderingDef(pixels)
    made.getChannelBinding(1).lookupTable = rstring("fire.lut")
    made.getChannelBinding(1).coefficient = rdouble(1.5)
    gateway.getPixelsService().saveRndSettings(made)
    found = settings_of(gateway, image)
    assert found.getChannelBinding(1).lookupTable.val == "fire.lut"
    assert found.getChannelBinding(1).coefficient.val == 1.5
    loaded = gateway.getPixelsService().loadRndSettings(found.id.val)
    assert loaded.getChannelBinding(1).lookupTable.val == "fire.lut"


def test_lookup_table_inversion_curve_and_default_section_are_kept(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2&sizeZ=4&sizeT=3")
    image.setActiveChannels([1, -2], [[1.0, 9.0], [0.0, 5.0]], ["fire.lut", "0000FF"])
    image.setChannelInverted(0, True)
    image.setQuantizationMap(1, "polynomial", 2.0)
    image.setDefaultZ(3)
    image.setDefaultT(2)
    image.saveDefaults()
    again = gateway.getObject("Image", image.id)
    first, second = again.getChannels()
    assert (first.getLut(), first.isInverted(), first.isActive()) == ("fire.lut", True, True)
    assert (second.getLut(), second.isInverted(), second.isActive()) == (None, False, False)
    assert (second.getFamily().getValue(), second.getCoefficient()) == ("polynomial", 2.0)
    assert (again.getDefaultZ(), again.getDefaultT()) == (3, 2)
    again.setChannelInverted(0, False)
    again.saveDefaults()
    assert not gateway.getObject("Image", image.id).getChannels()[0].isInverted()


# -- from one image to others


def apply(gateway: Gateway, source: Image, *targets: Image) -> dict[bool, list[int]]:
    service = gateway.getRenderingSettingsService()
    ids = [target.id for target in targets]
    found: dict[bool, list[int]] = service.applySettingsToSet(source.getPixelsId(), "Image", ids)
    return found


def test_settings_are_copied_to_images_that_fit(gateway: Gateway, tmp_path: Path) -> None:
    source = fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2&sizeZ=9")
    source.setActiveChannels([2], [[1.0, 9.0]], ["00FF00"])
    source.setChannelInverted(1, True)
    source.saveDefaults()
    target = fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2")
    assert apply(gateway, source, target) == {True: [target.id], False: []}
    copied = gateway.getObject("Image", target.id).getChannels()
    assert [channel.isActive() for channel in copied] == [False, True]
    assert (copied[1].getWindowStart(), copied[1].getWindowEnd(), copied[1].isInverted()) == (1.0, 9.0, True)


@pytest.mark.parametrize("tokens", ["&sizeC=3", "&sizeC=2&pixelType=uint16"])
def test_images_that_do_not_fit_are_told_apart(gateway: Gateway, tmp_path: Path, tokens: str) -> None:
    source = fake_image(gateway, tmp_path, f"{SMALL}&sizeC=2")
    target = fake_image(gateway, tmp_path, f"{SMALL}{tokens}")
    before = settings_of(gateway, target).details.updateEvent.id.val
    assert apply(gateway, source, source, target) == {True: [source.id], False: [target.id]}
    assert settings_of(gateway, target).details.updateEvent.id.val == before


def test_settings_fit_only_the_same_emission_wavelengths(gateway: Gateway, tmp_path: Path) -> None:
    images = []
    for number, waves in enumerate([(509, 461), (461, 509), (509, 600)]):
        path = tmp_path / f"{number}.ome.tif"
        metadata = {"axes": "CYX", "Channel": {"EmissionWavelength": list(waves)}}
        tifffile.imwrite(path, ramp(2, 7, 5), photometric="minisblack", metadata=metadata)
        images.append(import_image(gateway, path))
    source, same, other = images
    assert apply(gateway, source, same, other) == {True: [same.id], False: [other.id]}


def test_a_section_past_the_end_leaves_the_targets_own(gateway: Gateway, tmp_path: Path) -> None:
    source = fake_image(gateway, tmp_path, f"{SMALL}&sizeZ=9&sizeT=4")
    source.setDefaultZ(8)
    source.setDefaultT(3)
    source.saveDefaults()
    target = fake_image(gateway, tmp_path, f"{SMALL}&sizeZ=3&sizeT=4")
    assert apply(gateway, source, target)[True] == [target.id]
    found = settings_of(gateway, target)
    assert (found.defaultZ.val, found.defaultT.val) == (1, 3)


def test_defaults_come_back_for_a_whole_dataset(gateway: Gateway, tmp_path: Path) -> None:
    dataset = omero.model.DatasetI()
    dataset.name = rstring("d")
    dataset = gateway.getUpdateService().saveAndReturnObject(dataset)
    image = fake_image(gateway, tmp_path, SMALL, target=dataset)
    image.setActiveChannels([1], [[3.0, 9.0]], ["00FF00"])
    image.saveDefaults()
    assert gateway.getRenderingSettingsService().resetDefaultsInSet("Dataset", [dataset.id.val]) == [image.id]
    channel = gateway.getObject("Image", image.id).getChannels()[0]
    assert (channel.getWindowStart(), channel.getWindowEnd()) == (0.0, 59.0)


def test_nothing_but_containers_of_images_has_settings(gateway: Gateway) -> None:
    with pytest.raises(omero.ApiUsageException, match="Roi"):
        gateway.getRenderingSettingsService().resetDefaultsInSet("Roi", [1])


def test_somebody_elses_settings_can_become_ones_own(pair: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    owner, member = pair
    image = fake_image(owner, tmp_path, SMALL)
    image.setActiveChannels([1], [[3.0, 9.0]], ["00FF00"])
    image.saveDefaults()
    service = member.getRenderingSettingsService()
    assert service.resetDefaultsByOwnerInSet("Image", [image.id]) == [image.id]
    assert settings_of(member, image, member.getUserId()).getChannelBinding(0).inputEnd.val == 9.0
