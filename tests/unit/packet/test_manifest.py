"""The manifest says what is in a packet, and is believed only as far as it is consistent."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.errors import BadName, BadPacket, BridgeError, NotFound
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.packet.manifest import (
    FilesetPlace,
    Manifest,
    ManifestMember,
    SourceServer,
    dump,
    parse,
    read_manifest,
    unlisted,
)
from omero_irods_bridge.packet.reading import MANIFEST, folder_packet
from tests.unit.packet.sources import Bytes

SHA = Sha256("ab" * 32)
MEMBERS = (
    ManifestMember(
        "root_0/a.tif",
        5,
        SHA,
        FileRole.ORIGINAL,
        id=7,
        hash=OmeroHash("SHA1-160", "cd" * 20),
        fileset=FilesetPlace(3, 0),
    ),
    ManifestMember("file_annotations/9/Größe.csv", 2**40, SHA, FileRole.ATTACHMENT, id=8),
    ManifestMember("transfer.xml", 6, SHA, FileRole.METADATA),
)
EXAMPLE = Manifest(
    created=datetime(2026, 11, 28, 13, 48, tzinfo=UTC),
    software="omero-irods-bridge 0.1.0",
    server=SourceServer("6f8ad1e2-0000-4000-8000-000000000000", "omero.example.org", "5.6.16"),
    objects=(ObjectRef(Kind.DATASET, 51), ObjectRef(Kind.IMAGE, 3)),
    packed_by="alice",
    members=MEMBERS,
    note='a note with "quotes"\nand lines',
)


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(dump(EXAMPLE)) | fields).encode()


def with_member(**fields: Any) -> bytes:
    whole = json.loads(dump(EXAMPLE))
    whole["members"][0] |= fields
    return json.dumps(whole).encode()


def test_what_is_written_is_read() -> None:
    assert parse(dump(EXAMPLE)) == EXAMPLE
    assert dump(parse(dump(EXAMPLE))) == dump(EXAMPLE)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(TEXTS, TEXTS, st.lists(st.integers(0, 2**63 - 1), max_size=5))
def test_any_text_and_any_size_survives(note: str, name: str, sizes: list[int]) -> None:
    members = tuple(
        ManifestMember(f"m/{n}", size, SHA, FileRole.PIXELS, id=n) for n, size in enumerate(sizes)
    )
    manifest = dataclasses.replace(EXAMPLE, note=note, packed_by=name, members=members)
    assert parse(dump(manifest)) == manifest


def test_it_is_json_with_a_member_a_line_and_utc() -> None:
    text = dump(EXAMPLE).decode()
    assert json.loads(text)["version"] == 2
    assert json.loads(text)["created"] == "2026-11-28T13:48:00Z"
    assert json.loads(text)["objects"] == ["Dataset:51", "Image:3"]
    assert len(text.splitlines()) == len(MEMBERS) + 2
    here = datetime(2026, 11, 28, 15, 48, tzinfo=timezone(timedelta(hours=2)))
    assert dump(dataclasses.replace(EXAMPLE, created=here)) == dump(EXAMPLE)


def test_a_time_without_a_zone_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        dataclasses.replace(EXAMPLE, created=datetime(2026, 1, 1))


def test_fields_of_a_later_form_are_ignored() -> None:
    whole = json.loads(with_member(colour="red"))
    whole["server"]["planet"] = "Earth"
    assert parse(json.dumps(whole | {"later": {"a": [1]}}).encode()) == EXAMPLE


@pytest.mark.parametrize("version", [1, 3, 99])
def test_another_version_is_named_whatever_else_it_has(version: int) -> None:
    for data in (changed(version=version), json.dumps({"version": version}).encode()):
        with pytest.raises(BadPacket, match=f"version {version}; this program reads version 2"):
            parse(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "malformed"),
        (b"not json", "malformed"),
        (b"[]", "malformed"),
        (b"null", "malformed"),
        (b'{"version": "2"}', "version"),
        (b"\xff\xfe", "malformed"),
        (b'{"version":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed"),
        (b'{"version": 2, "x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "malformed"),
        (changed(created="2026-11-28T13:48:00"), "created"),
        (changed(created="yesterday"), "created"),
        (changed(objects=["Galaxy:1"]), "Galaxy"),
        (changed(objects="Dataset:1"), "objects"),
        (changed(members={}), "members"),
        (changed(server=None), "server"),
        (changed(packed_by="x" * 5000), "packed_by"),
        (with_member(size=-1), "size"),
        (with_member(size=2**63), "size"),
        (with_member(size=1.5), "size"),
        (with_member(size="5"), "size"),
        (with_member(sha256="AB" * 32), "sha256"),
        (with_member(sha256="ab" * 32 + "\n"), "sha256"),
        (with_member(sha256=None), "sha256"),
        (with_member(role="virus"), "role"),
        (with_member(id=-1), "id"),
        (with_member(path=MANIFEST), "names itself"),
        (dump(dataclasses.replace(EXAMPLE, members=())).replace(b"]}", b""), "malformed"),
    ],
)
def test_a_malformed_manifest_is_refused_in_words(data: bytes, why: str) -> None:
    with pytest.raises(BadPacket, match=why) as caught:
        parse(data)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "path", ["../../x", "/etc/passwd", "C:/x", "a\\b", "a\u0000", "", "TRANSFER.xml", "transfer.xml/a"]
)
def test_a_member_with_a_bad_or_clashing_name_is_refused(path: str) -> None:
    with pytest.raises(BadName):
        parse(with_member(path=path))


def test_two_files_cannot_have_one_place_in_a_fileset() -> None:
    twin = dataclasses.replace(MEMBERS[0], path="root_0/b.tif")
    with pytest.raises(BadPacket, match=r"'root_0/b\.tif' has the place of another file"):
        parse(dump(dataclasses.replace(EXAMPLE, members=(*MEMBERS, twin))))


def packed(manifest: Manifest, **files: bytes) -> dict[str, Bytes]:
    return {path: Bytes(data) for path, data in ({MANIFEST: dump(manifest)} | files).items()}


def test_a_manifest_that_names_what_is_not_there_is_refused() -> None:
    manifest = dataclasses.replace(EXAMPLE, members=(ManifestMember("a", 3, SHA, FileRole.ORIGINAL, id=1),))
    assert read_manifest(folder_packet(packed(manifest, a=b"123"))) == manifest
    with pytest.raises(BadPacket, match="lacks 'a'"):
        read_manifest(folder_packet(packed(manifest)))
    with pytest.raises(BadPacket, match="'a' has 2 bytes, and 3 when it was packed"):
        read_manifest(folder_packet(packed(manifest, a=b"12")))
    with pytest.raises(NotFound):
        read_manifest(folder_packet({}))


def test_what_somebody_added_is_told() -> None:
    manifest = dataclasses.replace(EXAMPLE, members=(ManifestMember("a", 0, SHA, FileRole.ORIGINAL, id=1),))
    packet = folder_packet(packed(manifest, a=b"", b=b""))
    assert unlisted(manifest, packet) == ("b",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_no_json_does_more_than_be_refused(value: Any) -> None:
    for data in (value, {"version": 2, "members": value}, json.loads(changed(server=value))):
        with pytest.raises(BridgeError):
            parse(json.dumps(data).encode())


def test_a_member_takes_two_kib_of_memory_while_it_is_read() -> None:
    count = 10_000
    members = tuple(
        ManifestMember(
            f"root_0/2026-11/28/13-48-00.000/file_{n:06}.tif",
            n,
            SHA,
            FileRole.ORIGINAL,
            id=n,
            hash=OmeroHash("SHA1-160", f"{n:040x}"),
            fileset=FilesetPlace(n, 0),
        )
        for n in range(count)
    )
    data = dump(dataclasses.replace(EXAMPLE, members=members))
    tracemalloc.start()
    try:
        assert parse(data).members == members
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < count * 2048
