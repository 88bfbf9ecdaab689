"""iBridges, as it comes from PyPI, uploads, downloads, synchronises, searches and sets metadata."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from pathlib import Path

import pytest
from ibridges import IrodsPath, Session, download, search_data, sync, upload
from ibridges.exception import DataObjectExistsError
from ibridges.search import MetaSearch

from omero_irods_sandbox.irods_zone.zone import Zone


@pytest.fixture
def bridge(zone: Zone) -> Iterator[Session]:
    with Session(zone.environment(), password=zone.password) as session:
        yield session


@pytest.fixture
def target(bridge: Session, home: str) -> IrodsPath:
    """A new collection."""
    return IrodsPath(bridge, home)  # type: ignore[no-untyped-call]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small tree, with a name that needs care."""
    root = tmp_path / "slides"
    (root / "plate 1" / "empty").mkdir(parents=True)
    (root / "overview.tif").write_bytes(b"II*\0" + bytes(range(256)) * 40)
    (root / "plate 1" / "it's A&B <1> µ.txt").write_text("a well")
    (root / "plate 1" / "none.txt").write_bytes(b"")
    return root


def _differences(one: Path, other: Path) -> list[str]:
    """Files that are not in both trees with the same content."""
    comparison = filecmp.dircmp(one, other)
    found = [*comparison.left_only, *comparison.right_only, *comparison.diff_files, *comparison.funny_files]
    for name in comparison.common_dirs:
        found += _differences(one / name, other / name)
    return found


def _transfer(source: Path | IrodsPath, goal: Path | IrodsPath) -> None:
    sync(source, goal, copy_empty_folders=True, progress_bar=False)


def test_a_file_goes_up_and_comes_back(target: IrodsPath, sample: Path, tmp_path: Path) -> None:
    upload(sample, target, progress_bar=False)
    assert (target / sample.name).size == sample.stat().st_size
    download(target / sample.name, tmp_path / "back.txt", progress_bar=False)
    assert (tmp_path / "back.txt").read_bytes() == sample.read_bytes()


def test_a_large_file_goes_up_and_comes_back_in_parallel(target: IrodsPath, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * (40 << 12))
    upload(large, target, progress_bar=False)
    download(target / "large.bin", tmp_path / "back.bin", progress_bar=False)
    assert filecmp.cmp(large, tmp_path / "back.bin", shallow=False)


def test_a_folder_goes_up_and_comes_back_with_all_that_is_in_it(
    target: IrodsPath, folder: Path, tmp_path: Path
) -> None:
    upload(folder, target, progress_bar=False)
    back = tmp_path / "back"
    back.mkdir()
    download(target / folder.name, back, progress_bar=False)
    assert _differences(folder, back / folder.name) == []


def test_a_file_that_is_there_is_overwritten_only_when_asked(target: IrodsPath, sample: Path) -> None:
    upload(sample, target, progress_bar=False)
    sample.write_text("something else")
    with pytest.raises(DataObjectExistsError):
        upload(sample, target, progress_bar=False)
    upload(sample, target, overwrite=True, progress_bar=False)
    with (target / sample.name).open("r") as stored:  # type: ignore[no-untyped-call]
        assert stored.read() == b"something else"


def test_a_folder_is_overwritten_file_by_file(target: IrodsPath, folder: Path, tmp_path: Path) -> None:
    upload(folder, target, progress_bar=False)
    (folder / "overview.tif").write_bytes(b"new")
    upload(folder, target, overwrite=True, progress_bar=False)
    download(target / folder.name / "overview.tif", tmp_path / "back.tif", progress_bar=False)
    assert (tmp_path / "back.tif").read_bytes() == b"new"


def test_what_went_up_has_the_checksum_that_ibridges_computes(target: IrodsPath, sample: Path) -> None:
    upload(sample, target, progress_bar=False)
    operations = upload(sample, target, overwrite=True, dry_run=True, progress_bar=False)
    assert operations.upload_unchanged == 1


def test_sync_up_sends_what_is_new_or_changed_and_nothing_else(target: IrodsPath, folder: Path) -> None:
    _transfer(folder, target)
    (folder / "overview.tif").write_bytes(b"changed")
    (folder / "new.txt").write_text("new")
    planned = sync(folder, target, dry_run=True, progress_bar=False)
    assert {local.name for local, _ in planned.upload} == {"overview.tif", "new.txt"}
    _transfer(folder, target)
    assert sync(folder, target, dry_run=True, progress_bar=False).upload == []


def test_sync_down_fetches_what_is_new_or_changed_and_nothing_else(
    target: IrodsPath, folder: Path, tmp_path: Path
) -> None:
    _transfer(folder, target)
    back = tmp_path / "back"
    back.mkdir()
    _transfer(target, back)
    assert _differences(folder, back) == []
    (back / "overview.tif").write_bytes(b"damaged")
    planned = sync(target, back, dry_run=True, progress_bar=False)
    assert [path.name for path, _ in planned.download] == ["overview.tif"]
    _transfer(target, back)
    assert _differences(folder, back) == []


def test_search_finds_data_objects_and_collections_by_path(
    bridge: Session, target: IrodsPath, folder: Path
) -> None:
    upload(folder, target, progress_bar=False)
    found = search_data(bridge, path=target, path_pattern="%.tif")
    assert [str(path) for path in found] == [str(target / folder.name / "overview.tif")]
    found = search_data(bridge, path=target, path_pattern="%plate 1", item_type="collection")
    assert [path.name for path in found] == ["plate 1"]


def _found_by(bridge: Session, target: IrodsPath, **wanted: str) -> list[str]:
    search = MetaSearch(**wanted)  # type: ignore[no-untyped-call]
    return [path.name for path in search_data(bridge, path=target, metadata=search)]


def test_search_finds_by_metadata_in_any_case(bridge: Session, target: IrodsPath, sample: Path) -> None:
    upload(sample, target, progress_bar=False)
    (target / sample.name).meta.add("Objective", "63x", "NA 1.4")
    target.meta.add("Objective", "10x")
    for wanted in ({"key": "objective", "value": "63%"}, {"units": "NA 1.4"}):
        assert _found_by(bridge, target, **wanted) == [sample.name]
    assert _found_by(bridge, target, key="no such key") == []


def test_search_finds_by_checksum(bridge: Session, target: IrodsPath, sample: Path) -> None:
    upload(sample, target, progress_bar=False)
    checksum = (target / sample.name).checksum
    assert checksum.startswith("sha2:")
    assert [path.name for path in search_data(bridge, path=target, checksum=checksum)] == [sample.name]


@pytest.mark.parametrize("kind", ["data object", "collection"])
def test_metadata_is_added_set_and_deleted(target: IrodsPath, sample: Path, kind: str) -> None:
    upload(sample, target, progress_bar=False)
    item = target if kind == "collection" else target / sample.name
    meta = item.meta
    meta.add("stain", "DAPI", "nM")
    meta.add("stain", "GFP")
    assert sorted((entry.key, entry.value, entry.units) for entry in meta) == [
        ("stain", "DAPI", "nM"),
        ("stain", "GFP", ""),
    ]
    with pytest.raises(ValueError, match="already present"):
        meta.add("stain", "GFP")
    meta["stain"] = [("Cy5", "µM")]
    assert [(entry.value, entry.units) for entry in item.meta] == [("Cy5", "µM")]
    item.meta.delete("stain")
    assert len(item.meta) == 0


def test_a_collection_is_renamed_and_removed(target: IrodsPath, folder: Path) -> None:
    upload(folder, target, progress_bar=False)
    renamed = (target / folder.name).rename("renamed")
    assert (renamed / "overview.tif").dataobject_exists()
    renamed.remove(force=True)
    assert not renamed.exists()
