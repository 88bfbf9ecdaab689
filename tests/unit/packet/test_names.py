"""Member names: what is never read, what is never written, what clashes, and what an attachment is called."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadName
from omero_irods_bridge.packet import names
from omero_irods_bridge.packet.names import (
    check_name,
    check_names,
    quoted,
    safe_name,
    unportable_names,
)

UNSAFE = {
    "": "empty",
    "/etc/passwd": "absolute",
    "C:/Windows/a": "absolute",
    "c:a": "absolute",
    "..": "component '..'",
    "a/../b": "component '..'",
    "./a": "component '.'",
    "a//b": "empty component",
    "a/": "empty component",
    "a\\b": "backslash",
    "a\x00b": "control character",
    "a\nb": "control character",
    "a\x85b": "control character",
    "a\u2028b": "control character",
    "a\ud800b": "not valid Unicode",
    "a/" + "ü" * 128: "longer than 255 bytes",
    "/".join(["abcdefghi"] * 410): "longer than 4,096 bytes",
}
UNPORTABLE = {
    "con": "device",
    "a/AUX.tif": "device",
    "COM1": "device",
    "lpt9.tar.gz/x": "device",
    "NUL .txt": "device",
    "a./b": "dot or a blank",
    "a/b ": "dot or a blank",
    "a/12:30.tif": "refuses",
    "what?.tif": "refuses",
    "/".join(["abcdefghi"] * 101): "longer than 1,000 bytes",
}
FINE = [
    "transfer.xml",
    "root_0/2023-12/18/14-52-03.548/combined_result.tiff",
    ".hidden/..a/a..b/...x",
    "con1/auxiliary.tif/com10/conx",
    "Größe µm/測定 1.tif",
    "a" * 255,
]


@pytest.mark.parametrize("name", UNSAFE, ids=ascii)
def test_an_unsafe_name_is_neither_written_nor_read(name: str) -> None:
    for portable in (True, False):
        with pytest.raises(BadName, match=UNSAFE[name]) as caught:
            check_name(name, portable=portable)
        assert quoted(name) in caught.value.message


@pytest.mark.parametrize("name", UNPORTABLE, ids=ascii)
def test_a_name_that_windows_or_irods_cannot_have_is_read_with_a_note_and_not_written(name: str) -> None:
    with pytest.raises(BadName, match=UNPORTABLE[name]):
        check_name(name)
    check_name(name, portable=False)
    (note,) = unportable_names([name, "fine"])
    assert quoted(name) in note


@pytest.mark.parametrize("name", FINE, ids=ascii)
def test_other_names_are_fine(name: str) -> None:
    check_name(name)
    check_names([name])


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a/b", "a/b"], "are one name"),
        (["a/b.tif", "a/B.TIF"], "differ only by case"),
        (["straße", "STRASSE"], "differ only by case"),
        (["\u00e4", "a\u0308"], "Unicode form"),
        (["a", "a/b"], "folder and a file"),
        (["a/b", "a"], "file and a folder"),
        (["A", "a/b/c"], "folder and a file"),
        (["x/a/b/c", "x/a"], "file and a folder"),
    ],
)
def test_names_that_clash_are_neither_written_nor_read(names: list[str], why: str) -> None:
    for portable in (True, False):
        with pytest.raises(BadName, match=why) as caught:
            check_names(names, portable=portable)
        assert quoted(min(names, key=len)) in caught.value.message


def test_folders_that_differ_only_by_case_are_read_and_not_written() -> None:
    names = ["top/Data/a", "top/data/b", "top/Data/c"]
    check_names(names, portable=False)
    with pytest.raises(BadName, match="differ only by case"):
        check_names(names)


def test_files_in_the_same_folders_do_not_clash() -> None:
    check_names(["a/b/c", "a/b/d", "a/c", "b/b/c", "a/bb"])


@given(st.text(max_size=600))
def test_any_text_becomes_a_name_that_may_be_written_and_the_same_one_each_time(text: str) -> None:
    name = safe_name(text)
    check_name(name)
    assert "/" not in name
    assert safe_name(text) == name == safe_name(name)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=300))
def test_a_name_keeps_its_ending(stem: str) -> None:
    assert safe_name(f"{stem}.csv").endswith(".csv")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("results.csv", "results.csv"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\Users\\me\\a.xlsx", "C__Users_me_a.xlsx"),
        ("12:30?.txt", "12_30_.txt"),
        ("CON.txt", "_CON.txt"),
        ("ends in dots...  ", "ends in dots"),
        ("..", "_"),
        ("", "_"),
        ("Größe.ods", "Größe.ods"),
    ],
)
def test_an_attachment_is_called_as_near_to_its_name_as_is_safe(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_long_names_that_begin_alike_stay_different() -> None:
    first, second = (safe_name("x" * 400 + f"{number}.tif") for number in (1, 2))
    assert first != second
    assert len(first.encode()) == 255


@given(st.text(), st.text())
def test_names_clash_in_either_order(first: str, second: str) -> None:
    def fine(*names: str) -> bool:
        try:
            check_names(names, portable=False)
        except BadName:
            return False
        return True

    assert fine(first, second) == fine(second, first)


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_no_name_stands_beside_its_own_other_form(text: str, form: str) -> None:
    names = [f"x{text}", unicodedata.normalize(form, f"x{text}")]  # type: ignore[arg-type]  # a Literal
    with pytest.raises(BadName):
        check_names(names, portable=False)


def test_folders_in_folders_take_no_more_memory_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of 4 KB can have 2,000 folders, which take 4 MB."""
    deep = ["/".join([str(number), *["a"] * 400]) for number in range(50)]
    check_names(deep, portable=False)
    monkeypatch.setattr(names, "FOLDERS_BYTES", 1_000_000)
    with pytest.raises(BadName, match="folders in folders"):
        check_names(deep, portable=False)
    check_names([f"{'b' * 200}/{number}" for number in range(10_000)], portable=False)
