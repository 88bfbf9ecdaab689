"""Row S3: ``omero transfer pack --plugin irods`` makes the snapshots that ``omero-irods pack`` makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from irods.password_obfuscation import encode

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.cli.transfer_plugin import _target
from omero_irods_bridge.model.snapshot import from_avus
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.interop.images import write_tiff
from tests.interop.omero_command import Finished, OmeroCommand
from tests.wire.bridge_irods.conftest import store  # noqa: F401
from tests.wire.irods_zone.conftest import zone  # noqa: F401

Pack = Callable[..., Finished]


@pytest.fixture
def pack(omero: OmeroCommand, zone: Zone) -> Pack:  # noqa: F811
    password = omero.folder / "irodsA"
    password.write_text(encode(zone.password))

    def run(*arguments: str) -> Finished:
        return omero.run(
            *("transfer", "pack", "--plugin", "irods", *arguments),
            IRODS_ENVIRONMENT_FILE=str(zone.environment_file),
            IRODS_AUTHENTICATION_FILE=str(password),
        )

    return run


def imported(omero: OmeroCommand, name: str) -> str:
    return omero("import", write_tiff(omero.folder / name)).out.strip()


@pytest.mark.parametrize("options", [(), ("--binaries", "none")], ids=["all", "none"])
def test_the_stock_tool_packs_into_irods_through_us(
    options: tuple[str, ...],
    omero: OmeroCommand,
    pack: Pack,
    store: IrodsStore,  # noqa: F811
) -> None:
    first, second = imported(omero, "one.tif"), imported(omero, "two.tif")
    numbers = f"{first},{second.partition(':')[2]}"
    name = f"stock-{len(options)}.zip"
    packed = pack(*options, numbers, name)
    assert packed.status == 0, packed
    assert f"Packed into {store.home}/{name}. What is in " in packed.errors
    description = from_avus(store.avus(f"{store.home}/{name}"))
    assert description is not None
    assert description.sources == (first, second)
    assert (description.images, description.files) == (2, 2)


def test_a_target_means_what_it_means_for_our_command(
    omero: OmeroCommand,
    pack: Pack,
    store: IrodsStore,  # noqa: F811
) -> None:
    image = imported(omero, "named.tif")
    refused = pack("--binaries", "none", image, "stock")
    assert refused.status != 0
    assert f"The target {store.home}/stock does not end in .zip" in refused.errors
    assert store.find(f"{store.home}/stock") is None
    store.make_collection(f"{store.home}/plugin")
    assert pack("--binaries", "none", image, f"{store.home}/plugin").status == 0
    (path,) = (one.path for one in store.children(f"{store.home}/plugin"))
    assert path.startswith(f"{store.home}/plugin/named.tif-")


def test_a_relative_path_is_below_the_home_collection_and_an_absolute_one_is_not() -> None:
    assert _target(Path("here/x.zip"), "/zone/home/ann") == "/zone/home/ann/here/x.zip"
    assert _target(Path("/zone/home/lab/x.zip"), "/zone/home/ann") == "/zone/home/lab/x.zip"
