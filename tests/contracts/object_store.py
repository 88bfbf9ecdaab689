"""What every ObjectStore keeps to: subclass it and give ``store`` and ``place``."""

from __future__ import annotations

import hashlib
import time
from pathlib import PurePosixPath

import pytest

from omero_irods_bridge.model.errors import BadName, BridgeError, NotFound, TargetExists
from omero_irods_bridge.model.stored import Avu, Collection, DataObject
from omero_irods_bridge.ports import AvuCondition, ObjectStore

ODD_NAMES = (
    "with blank",
    "it's",
    'a "quote"',
    "100%",
    "under_score",
    "back\\slash",
    "back\\%slash",
    "a & b < c > d",
    "&amp;lt;",
    "or || and &&",
    "Zürich 東京 🔬",
    "u\u0308 decomposed",
    "`tick`",
    "[1] *?.{tif}",
    "#$@!~=+,;^",
    " leading and trailing ",
)

NAMES_NO_VALUE_MAY_BE = ("a'||'b", "it's && that's || 'x", "100%'&&_'")
"""GenQuery1 cannot compare a value with these."""


def write(store: ObjectStore, path: str, content: bytes = b"content") -> str:
    """Make a data object with this content; its path."""
    writer = store.open_writer(path)
    writer.write_at(0, 0, content)
    writer.close()
    return path


def read(store: ObjectStore, path: str) -> bytes:
    """All bytes of a data object."""
    with store.open_source(path) as source:
        return source.read_at(0, source.size)


def paths(found: object) -> list[str]:
    assert isinstance(found, list)
    return [one.path for one in found]


class ObjectStoreContract:
    """``store`` is the store; ``place`` is an empty collection in it."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError

    @pytest.fixture
    def place(self, store: ObjectStore) -> str:
        raise NotImplementedError

    # -- looking

    def test_home_is_the_users_collection_in_the_zone(self, store: ObjectStore) -> None:
        assert store.home == f"/{store.zone}/home/{store.user}"
        assert isinstance(store.find(store.home), Collection)

    def test_a_zone_knows_itself(self, store: ObjectStore) -> None:
        assert store.zone in store.known_zones()

    def test_nothing_is_found_where_nothing_is(self, store: ObjectStore, place: str) -> None:
        assert store.find(f"{place}/nothing") is None
        assert store.find(f"{place}/nothing/below") is None

    def test_what_was_written_is_found_with_its_size_and_a_good_replica(
        self, store: ObjectStore, place: str
    ) -> None:
        found = store.find(write(store, f"{place}/object", b"12345"))
        assert isinstance(found, DataObject)
        assert (found.path, found.size) == (f"{place}/object", 5)
        assert found.good is not None

    def test_owner_and_time_are_known(self, store: ObjectStore, place: str) -> None:
        before = time.time() - 5
        store.make_collection(f"{place}/inner")
        write(store, f"{place}/object")
        collection, found = store.children(place)
        assert isinstance(found, DataObject)
        assert isinstance(collection, Collection)
        assert found.owner == collection.owner == f"{store.user}#{store.zone}"
        for modified in (found.replicas[0].modified, collection.modified):
            assert modified is not None
            assert before <= modified <= time.time() + 5

    @pytest.mark.parametrize("name", ["plain", "it's", NAMES_NO_VALUE_MAY_BE[0]])
    def test_who_made_a_collection_may_add_to_it(self, store: ObjectStore, place: str, name: str) -> None:
        assert not store.may_add_to(f"{place}/{name}")
        store.make_collection(f"{place}/{name}")
        assert store.may_add_to(f"{place}/{name}")

    @pytest.mark.parametrize("name", [*ODD_NAMES, *NAMES_NO_VALUE_MAY_BE])
    def test_a_name_is_kept_as_it_is(self, store: ObjectStore, place: str, name: str) -> None:
        avu = Avu("name", "value" if name in NAMES_NO_VALUE_MAY_BE else name, "unit")
        collection = f"{place}/{name}"
        store.make_collection(collection)
        path = write(store, f"{collection}/{name}", name.encode())
        assert read(store, path) == name.encode()
        assert paths(list(store.children(place, recursive=True))) == [collection, path]
        found = store.find(path)
        assert isinstance(found, DataObject)
        assert found.path == path
        store.change_avus(path, add=[avu])
        assert store.avus(path) == (avu,)
        assert store.avus_of_many([path]) == {path: (avu,)}
        assert store.find_by_avus([AvuCondition("name", equals=avu.value)], below=collection) == [path]
        store.move(path, f"{place}/{name} moved")
        store.remove(f"{place}/{name} moved")
        store.remove(collection)
        assert list(store.children(place)) == []

    @pytest.mark.parametrize(
        "name", ["new\nline", "\x01", "nul\0", "", ".", "..", "a//b", "a/", "\ud800", "x" * 1100]
    )
    def test_a_name_that_cannot_be_kept_is_refused(self, store: ObjectStore, place: str, name: str) -> None:
        with pytest.raises(BadName):
            store.find(f"{place}/{name}")
        with pytest.raises(BadName):
            store.open_writer(f"{place}/{name}")
        with pytest.raises(BadName):
            store.make_collection(f"{place}/{name}")

    def test_wildcards_in_a_name_match_no_other_name(self, store: ObjectStore, place: str) -> None:
        for name in ("a_", "ab", "a%", "abc"):
            store.make_collection(f"{place}/{name}")
            write(store, f"{place}/{name}/object")
        assert paths(list(store.children(f"{place}/a_", recursive=True))) == [f"{place}/a_/object"]
        assert paths(list(store.children(f"{place}/a%", recursive=True))) == [f"{place}/a%/object"]

    def test_children_are_sorted_by_path_and_not_below(self, store: ObjectStore, place: str) -> None:
        store.make_collection(f"{place}/b/c")
        for name in ("z", "a", "b/deep", "b c"):
            write(store, f"{place}/{name}")
        assert paths(list(store.children(place))) == [f"{place}/{name}" for name in ("a", "b", "b c", "z")]

    def test_recursive_children_are_sorted_by_path(self, store: ObjectStore, place: str) -> None:
        store.make_collection(f"{place}/b/c")
        for name in ("z", "a", "b/deep", "b c", "b/c/deeper"):
            write(store, f"{place}/{name}")
        found = paths(list(store.children(place, recursive=True)))
        assert found == sorted(f"{place}/{n}" for n in ("a", "b", "b c", "b/c", "b/c/deeper", "b/deep", "z"))

    def test_children_of_nothing_are_not_found(self, store: ObjectStore, place: str) -> None:
        with pytest.raises(NotFound):
            list(store.children(f"{place}/nothing"))

    # -- bytes

    def test_streams_may_write_in_any_order(self, store: ObjectStore, place: str) -> None:
        content = bytes(range(256)) * 400
        writer = store.open_writer(f"{place}/object", streams=3)
        assert writer.streams == 3
        for number, start in enumerate(range(100_000, -1, -20_000)):
            writer.write_at(number % 3, start, content[start : start + 20_000])
        writer.close()
        assert read(store, f"{place}/object") == content

    def test_an_object_is_emptied_unless_it_shall_be_kept(self, store: ObjectStore, place: str) -> None:
        path = write(store, f"{place}/object", b"0123456789")
        writer = store.open_writer(path, keep=True)
        writer.write_at(0, 3, b"xy")
        writer.close()
        assert read(store, path) == b"012xy56789"
        write(store, path, b"new")
        assert read(store, path) == b"new"

    def test_keeping_makes_an_object_that_is_not_there(self, store: ObjectStore, place: str) -> None:
        writer = store.open_writer(f"{place}/object", keep=True)
        writer.write_at(0, 0, b"new")
        writer.close()
        assert read(store, f"{place}/object") == b"new"

    def test_an_object_may_be_empty(self, store: ObjectStore, place: str) -> None:
        store.open_writer(f"{place}/object").close()
        assert read(store, f"{place}/object") == b""
        assert store.compute_checksum(f"{place}/object").hex == hashlib.sha256().hexdigest()

    def test_an_aborted_writer_leaves_no_good_replica(self, store: ObjectStore, place: str) -> None:
        writer = store.open_writer(f"{place}/object", streams=2)
        writer.write_at(0, 0, b"half")
        writer.write_at(1, 4, b"half")
        writer.abort()
        found = store.find(f"{place}/object")
        assert found is None or (isinstance(found, DataObject) and found.good is None)

    def test_a_closed_writer_stays_closed(self, store: ObjectStore, place: str) -> None:
        first = store.open_writer(f"{place}/first", streams=2)
        first.write_at(1, 0, b"content")
        first.close()
        second, third = store.open_writer(f"{place}/second"), store.open_writer(f"{place}/third")
        first.close()
        first.abort()
        with pytest.raises(BridgeError):
            first.write_at(0, 0, b"more")
        for writer in (second, third):
            writer.write_at(0, 0, b"content")
            writer.close()
        assert {read(store, f"{place}/{name}") for name in ("first", "second", "third")} == {b"content"}

    def test_reading_gives_just_what_is_asked_for(self, store: ObjectStore, place: str) -> None:
        path = write(store, f"{place}/object", b"0123456789")
        with store.open_source(path, streams=2) as source:
            assert source.size == 10
            assert source.read_at(3, 4) == b"3456"
            assert source.read_at(8, 100) == b"89"
            assert source.read_at(10, 1) == source.read_at(99, 1) == source.read_at(0, 0) == b""

    def test_no_bytes_of_what_is_not_there(self, store: ObjectStore, place: str) -> None:
        with pytest.raises(NotFound), store.open_source(f"{place}/nothing"):
            pass
        with pytest.raises(NotFound):
            store.open_writer(f"{place}/nothing/object")

    def test_a_replica_is_read_by_its_number(self, store: ObjectStore, place: str) -> None:
        path = write(store, f"{place}/object", b"0123456789")
        with store.open_source(path, replica=0, streams=2) as source:
            assert source.read_at(0, 10) == b"0123456789"
        with pytest.raises(NotFound), store.open_source(path, replica=7):
            pass

    def test_an_object_is_cut_off_behind_its_first_bytes(self, store: ObjectStore, place: str) -> None:
        path = write(store, f"{place}/object", b"0123456789")
        store.truncate(path, 4)
        assert read(store, path) == b"0123"
        with pytest.raises(NotFound):
            store.truncate(f"{place}/nothing", 4)

    # -- checksums

    def test_a_checksum_is_computed_and_kept(self, store: ObjectStore, place: str) -> None:
        path = write(store, f"{place}/object", b"abc")
        checksum = store.compute_checksum(path)
        assert checksum.hex == hashlib.sha256(b"abc").hexdigest()
        found = store.find(path)
        assert isinstance(found, DataObject)
        assert found.good is not None
        assert found.good.sha256 == checksum
        assert store.verify_checksum(path, replica=found.good.number)

    def test_verifying_needs_a_checksum(self, store: ObjectStore, place: str) -> None:
        path = write(store, f"{place}/object", b"abc")
        with pytest.raises(NotFound):
            store.verify_checksum(path, replica=0)

    # -- places

    def test_a_collection_is_made_with_those_above_and_may_be_there(
        self, store: ObjectStore, place: str
    ) -> None:
        store.make_collection(f"{place}/a/b/c")
        store.make_collection(f"{place}/a/b/c")
        assert isinstance(store.find(f"{place}/a/b/c"), Collection)

    def test_a_move_takes_content_and_avus_along(self, store: ObjectStore, place: str) -> None:
        store.make_collection(f"{place}/from/deep")
        store.make_collection(f"{place}/to")
        path = write(store, f"{place}/from/deep/object", b"abc")
        store.change_avus(path, add=[Avu("a", "1")])
        store.move(path, f"{place}/to/other")
        assert store.find(path) is None
        assert read(store, f"{place}/to/other") == b"abc"
        assert store.avus(f"{place}/to/other") == (Avu("a", "1"),)
        store.move(f"{place}/from", f"{place}/to/from")
        assert isinstance(store.find(f"{place}/to/from/deep"), Collection)

    @pytest.mark.parametrize("kind", ["object", "collection"])
    @pytest.mark.parametrize("taken_by", ["object", "collection"])
    def test_a_move_never_overwrites_nor_goes_into(
        self, store: ObjectStore, place: str, kind: str, taken_by: str
    ) -> None:
        for name, what in (("source", kind), ("target", taken_by)):
            if what == "object":
                write(store, f"{place}/{name}", name.encode())
            else:
                store.make_collection(f"{place}/{name}")
        before = list(store.children(place, recursive=True))
        with pytest.raises(TargetExists):
            store.move(f"{place}/source", f"{place}/target")
        assert list(store.children(place, recursive=True)) == before

    def test_nothing_cannot_be_moved(self, store: ObjectStore, place: str) -> None:
        with pytest.raises(NotFound):
            store.move(f"{place}/nothing", f"{place}/target")

    def test_removing_takes_what_is_named_and_nothing_else(self, store: ObjectStore, place: str) -> None:
        store.make_collection(f"{place}/a_")
        for name in ("a_/object", "ab", "object", "object2"):
            write(store, f"{place}/{name}")
        store.remove(f"{place}/object")
        store.remove(f"{place}/a_")
        store.remove(f"{place}/nothing")
        assert paths(list(store.children(place, recursive=True))) == [f"{place}/ab", f"{place}/object2"]

    def test_a_collection_is_removed_only_if_it_is_empty(self, store: ObjectStore, place: str) -> None:
        store.make_collection(f"{place}/empty")
        store.make_collection(f"{place}/full/inner")
        path = write(store, f"{place}/full/inner/object")
        assert store.remove_if_empty(f"{place}/empty")
        assert store.remove_if_empty(f"{place}/empty")
        assert not store.remove_if_empty(f"{place}/full")
        assert not store.remove_if_empty(f"{place}/full/inner")
        assert store.find(f"{place}/empty") is None
        assert read(store, path) == b"content"

    # -- AVUs

    @pytest.fixture(params=["object", "collection"])
    def carrier(self, request: pytest.FixtureRequest, store: ObjectStore, place: str) -> str:
        path = f"{place}/carrier"
        if request.param == "object":
            return write(store, path)
        store.make_collection(path)
        return path

    def test_avus_are_sorted_and_may_repeat_an_attribute(self, store: ObjectStore, carrier: str) -> None:
        avus = [Avu("b", "1"), Avu("a", "2"), Avu("a", "2", "mm"), Avu("a", "10")]
        store.change_avus(carrier, add=avus)
        assert store.avus(carrier) == tuple(sorted(avus))

    def test_avus_change_in_one_step_and_may_be_repeated(self, store: ObjectStore, carrier: str) -> None:
        for _ in range(2):
            store.change_avus(carrier, add=[Avu("old", "1"), Avu("keep", "1")])
        for _ in range(2):
            store.change_avus(carrier, add=[Avu("new", "2", "s")], remove=[Avu("old", "1")])
        assert store.avus(carrier) == (Avu("keep", "1"), Avu("new", "2", "s"))

    def test_values_are_kept_as_they_are(self, store: ObjectStore, carrier: str) -> None:
        values = ["two\nlines", "carriage\r\nreturn", "\ttab", "it's", "<&>", "ü 東京", "a" * 2000, " "]
        store.change_avus(carrier, add=[Avu("note", value) for value in values])
        assert {avu.value for avu in store.avus(carrier)} == set(values)

    def test_nothing_has_no_avus(self, store: ObjectStore, place: str) -> None:
        with pytest.raises(NotFound):
            store.avus(f"{place}/nothing")
        with pytest.raises(NotFound):
            store.change_avus(f"{place}/nothing", add=[Avu("a", "1")])

    def test_avus_of_many_leave_out_what_is_not_there(self, store: ObjectStore, place: str) -> None:
        store.make_collection(f"{place}/one")
        store.make_collection(f"{place}/two")
        annotated = [write(store, f"{place}/{name}") for name in ("one/a", "two/b")]
        crossed = [write(store, f"{place}/{name}") for name in ("one/b", "two/a")]
        for path in (*annotated, *crossed, f"{place}/one"):
            store.change_avus(path, add=[Avu("path", path)])
        bare = write(store, f"{place}/bare")
        asked = [*annotated, f"{place}/one", bare, f"{place}/nothing"]
        expected = {path: (Avu("path", path),) for path in asked[:3]} | {bare: ()}
        assert store.avus_of_many(asked) == expected

    # -- finding

    @pytest.fixture
    def shelf(self, store: ObjectStore, place: str) -> str:
        """Four objects and a collection with AVUs, and two objects and a collection in the making."""
        for name in ("a/.incoming/job", "b", "expanded", "a_"):
            store.make_collection(f"{place}/{name}")
        for number, name in enumerate(("a/2", "a/1", "b/1", "a_/1", "a/.incoming/x", "a/.incoming/job/y")):
            path = write(store, f"{place}/{name}")
            store.change_avus(path, add=[Avu("kind", "zip"), Avu("n", str(number)), Avu("n", "common")])
        for name in ("expanded", "a/.incoming/job"):
            store.change_avus(f"{place}/{name}", add=[Avu("kind", "tree"), Avu("n", "9"), Avu("n", "common")])
        return place

    def found(self, store: ObjectStore, shelf: str, *conditions: AvuCondition, **options: int) -> list[str]:
        found = store.find_by_avus(conditions, below=shelf, **options)
        return [str(PurePosixPath(path).relative_to(shelf)) for path in found]

    def test_objects_and_collections_are_found_without_those_incoming(
        self, store: ObjectStore, shelf: str
    ) -> None:
        everything = [AvuCondition("n", equals="common")]
        assert self.found(store, shelf, *everything) == ["expanded", "a/1", "a/2", "a_/1", "b/1"]

    def test_all_conditions_must_hold_of_the_same_object(self, store: ObjectStore, shelf: str) -> None:
        is_zip = AvuCondition("kind", equals="zip")
        assert self.found(store, shelf, is_zip, AvuCondition("n", equals="1")) == ["a/1"]
        assert self.found(store, shelf, AvuCondition("n", equals="1"), AvuCondition("n", equals="0")) == []
        assert self.found(store, shelf, AvuCondition("kind"), AvuCondition("n", between=("2", "9"))) == [
            "expanded",
            "a_/1",
            "b/1",
        ]
        assert self.found(store, shelf, AvuCondition("kind", contains="re")) == ["expanded"]
        zips = self.found(store, shelf, AvuCondition("kind", equals="zip"))
        assert self.found(store, shelf, AvuCondition("kind", length=(3, 3))) == zips
        assert self.found(store, shelf, AvuCondition("kind", length=(2, 3))) == zips
        assert self.found(store, shelf, AvuCondition("kind", length=(4, 8))) == ["expanded"]
        assert self.found(store, shelf, AvuCondition("kind", length=(3, 3), between=("zj", "zz"))) == []
        assert self.found(store, shelf, AvuCondition("kind", length=(3, 3), between=("a", "zip"))) == zips
        assert self.found(store, shelf, AvuCondition("kind", length=(4, 8), between=("u", "zz"))) == []
        one_or_two = AvuCondition("n", length=(1, 3), between=("1", "2"))
        assert self.found(store, shelf, is_zip, one_or_two) == ["a/1", "b/1"]
        assert self.found(store, shelf, one_or_two, is_zip) == ["a/1", "b/1"]
        assert self.found(store, shelf, is_zip, AvuCondition("n", equals="1"), one_or_two) == ["a/1"]

    def test_wildcards_in_a_condition_are_plain(self, store: ObjectStore, shelf: str) -> None:
        assert self.found(store, shelf, AvuCondition("kind", contains="%")) == []
        assert self.found(store, shelf, AvuCondition("kind", contains="_")) == []
        assert self.found(store, f"{shelf}/a_", AvuCondition("kind")) == ["1"]

    def test_pages_fit_together(self, store: ObjectStore, shelf: str) -> None:
        everything = [AvuCondition("n", equals="common")]
        whole = self.found(store, shelf, *everything)
        pages = [self.found(store, shelf, *everything, skip=skip, limit=2) for skip in range(0, 6, 2)]
        assert [path for page in pages for path in page] == whole
        assert self.found(store, shelf, *everything, limit=0) == []
