"""What is in a packet of ours: the graph, and the manifest that has to agree with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.errors import BadPacket, BridgeError, ChecksumMismatch
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.packet.content_of_packet import PacketContent, PacketForm, load_content, select
from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE
from omero_irods_bridge.packet.graph import Graph, GraphHeader, write_jsonl
from omero_irods_bridge.packet.manifest import FilesetPlace, Manifest, SourceServer, dump, parse
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, TRANSFER_XML, folder_packet
from tests.unit.packet.sources import Bytes
from tests.unit.packet_graph.rows import Row, annotation, file, fileset, graph_of, image, link
from tests.unit.packet_reading.packets import CREATED, SERVER, ours, without_member


def with_client_paths(rows: Iterator[Row], *paths: str) -> Iterator[Row]:
    left = iter(paths)
    for row in rows:
        yield {**row, "clientPath": next(left)} if row["@"].startswith("FilesetEntry") else row


def a_dataset(*client_paths: str, **of_images: list[int | None]) -> Graph:
    """Two images of one fileset of two files, one exported, an attachment, and two figures."""
    series = of_images.get("series", [1, 0])
    files = fileset(4, "u/x/b.lif", "u/x/a.lif")
    return graph_of(
        {"@": "Dataset:2", "name": "d"},
        image(3, 4, series=series[0]),
        image(5, 4, series=series[1]),
        image(6),
        with_client_paths(files, *client_paths) if client_paths else files,
        [link("Dataset:2", f"Image:{n}") for n in (3, 5, 6)],
        annotation("File", 12, file="OriginalFile:12"),
        file(12, "a:b.csv"),
        link("Image:3", "FileAnnotation:12"),
        annotation("File", 13, file="OriginalFile:13", ns=FIGURE_NAMESPACE),
        file(13, "fig"),
        link("Dataset:2", "FileAnnotation:13"),
    )


def load(graph: Graph, **how: Any) -> PacketContent:
    return load_content(ours(graph, "Dataset:2", **how))


def test_all_of_a_packet_is_found() -> None:
    content = load(a_dataset())
    assert content.form is PacketForm.OURS
    assert list(map(str, content.roots)) == ["Dataset:2"]
    assert not content.problems
    assert not content.notices
    (lif, export) = content.filesets
    assert (lif.source, lif.images, lif.is_export) == ("Fileset:4", {0: 5, 1: 3}, False)
    assert [one.file.member for one in lif.files] == ["u/x/b.lif", "u/x/a.lif"]
    assert lif.files[0].file.hash == OmeroHash("SHA1-160", "ab" * 20)
    assert lif.files[0].file.sha256 is not None
    assert (export.source, export.images, export.is_export) == ("Image:6", {0: 6}, True)
    assert [one.file.member for one in export.files] == ["pixel_images/6.tiff"]
    assert [(one.annotation, one.file.member, one.is_figure) for one in content.attachments] == [
        ("FileAnnotation:12", "file_annotations/12/a_b.csv", False),
        ("FileAnnotation:13", "figures/Figure_13.json", True),
    ]
    assert content.bytes == 5 + 5 + 3 + 5 + 5
    origin = content.origin
    assert (origin.host, origin.database_uuid, origin.user) == ("omero.example.org", "uuid-1", "ann")
    assert origin.packed_at == CREATED


def test_transfer_xml_is_not_looked_at() -> None:
    packet = ours(a_dataset(), "Dataset:2")
    broken = {path: member.open().source() for path, member in packet.members.items()}
    content = load_content(folder_packet({**broken, TRANSFER_XML: Bytes(b"<broken")}))
    assert not content.problems
    assert content.notices[0].text == "transfer.xml is not in the manifest: it was added later."


@pytest.mark.parametrize(
    ("told", "recorded"),
    [
        (["home/b.lif", "home/a.lif"], ["home/b.lif", "home/a.lif"]),
        (["/home/b.lif", "/home/a.lif"], ["home/b.lif", "home/a.lif"]),
        (["home/b.lif", "home/../a.lif"], ["u/x/b.lif", "u/x/a.lif"]),
        (["home/b.lif", "home/b.lif"], ["u/x/b.lif", "u/x/a.lif"]),
        (["home/b.lif", ""], ["u/x/b.lif", "u/x/a.lif"]),
        (["C:\\b.lif", "C:\\a.lif"], ["u/x/b.lif", "u/x/a.lif"]),
    ],
)
def test_files_come_from_where_they_came_first_when_that_can_be_said_again(
    told: list[str], recorded: list[str]
) -> None:
    (lif, _) = load(a_dataset(*told)).filesets
    assert [one.client_path for one in lif.files] == recorded


@pytest.mark.parametrize("series", [[None, 0], [0, 0], [None, None], [-1, 0]])
def test_images_without_series_of_their_own_go_by_id_and_that_is_told(series: list[int | None]) -> None:
    content = load(a_dataset(series=series))
    assert content.filesets[0].images == {0: 3, 1: 5}
    assert "Fileset:4 have no series of their own" in content.notices[0].text


def test_a_figure_that_is_not_in_the_packet_is_left_out() -> None:
    loose = annotation("File", 14, file="OriginalFile:14", ns=FIGURE_NAMESPACE)
    graph = graph_of({"@": "Dataset:2", "name": "d"}, loose, file(14, "fig"))
    content = load(graph)
    assert "FileAnnotation:14" in content.notices[0].text
    assert content.graph.count("FileAnnotation") == content.graph.count("OriginalFile") == 0
    assert not content.problems
    assert load(graph, figures=True).graph.count("FileAnnotation") == 1


# -- manifest and graph disagree


def test_a_changed_graph_is_refused() -> None:
    with pytest.raises(ChecksumMismatch, match="SHA-256"):
        load(a_dataset(), change_graph=lambda data: data.replace(b'"name":"d"', b'"name":"e"'))


def test_a_newer_graph_is_refused_although_transfer_xml_is_there() -> None:
    with pytest.raises(BadPacket, match=r"omero.jsonl has version 9"):
        load(a_dataset(), change_graph=lambda data: data.replace(b'"version":1', b'"version":9', 1))


def test_a_manifest_without_graph_is_refused() -> None:
    with pytest.raises(BadPacket, match=r"does not name bridge/omero\.jsonl"):
        load(a_dataset(), change=without_member(GRAPH))


def in_other_order(manifest: Manifest) -> Manifest:
    def turned(position: int) -> FilesetPlace:
        return FilesetPlace(4, 1 - position)

    members = (replace(one, fileset=one.fileset and turned(one.fileset.position)) for one in manifest.members)
    return replace(manifest, members=tuple(members))


def of_nobody(manifest: Manifest) -> Manifest:
    """The exported image has another number."""
    members = (replace(one, id=7 if one.id == 6 else one.id) for one in manifest.members)
    return replace(manifest, members=tuple(members))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (in_other_order, ["The manifest has other files of Fileset:4"]),
        (without_member("u/x/b.lif"), ["The manifest has other files of Fileset:4"]),
        (without_member("pixel_images/6.tiff"), ["The packet has no pixels of Image:6."]),
        (
            without_member("file_annotations/12/a_b.csv"),
            ["The packet does not have the file of FileAnnotation:12."],
        ),
        (of_nobody, ["The packet has no pixels of Image:6.", "'pixel_images/6.tiff' belongs to nothing"]),
        (
            lambda manifest: replace(manifest, server=SourceServer("uuid-2", "h", "5")),
            ["is of Dataset:2 of the server uuid-1, the manifest of Dataset:2 of uuid-2"],
        ),
        (
            lambda manifest: replace(manifest, objects=parse_objects(["Image:3"])),
            ["is of Dataset:2 of the server uuid-1, the manifest of Image:3 of uuid-1"],
        ),
    ],
)
def test_a_manifest_of_another_graph_is_a_problem(
    change: Callable[[Manifest], Manifest], told: list[str]
) -> None:
    found = [one.message for one in load(a_dataset(), change=change).problems]
    assert len(found) == len(told)
    for message, expected in zip(found, told, strict=True):
        assert re.search(re.escape(expected), message)


def test_a_file_that_had_another_size_in_omero_is_a_problem() -> None:
    packet = ours(a_dataset(), "Dataset:2")
    graph = a_dataset()
    assert graph.one("OriginalFile:400") == file(400, "b.lif", path="u/x/")
    bigger = graph_of(
        *({**row, "size": 6} if row["@"] == "OriginalFile:400" else dict(row) for row in all_rows(graph))
    )
    small = {path: member.open().source() for path, member in packet.members.items()}
    packed = ours(bigger, "Dataset:2", change=lambda manifest: replace(manifest, members=resized(manifest)))
    both = {**small, **{path: packed.source(path) for path in (GRAPH, MANIFEST)}}
    (problem,) = load_content(folder_packet(both)).problems
    assert problem.message == "'u/x/b.lif' has 5 bytes, and 6 in OMERO as OriginalFile:400."


def all_rows(graph: Graph) -> Iterator[Any]:
    for name in graph.classes():
        yield from graph.rows(name)


def resized(manifest: Manifest) -> Any:
    return tuple(replace(one, size=5) if one.path == "u/x/b.lif" else one for one in manifest.members)


def test_a_member_that_is_gone_or_cut_is_refused() -> None:
    members = {path: one.open().source() for path, one in ours(a_dataset(), "Dataset:2").members.items()}
    gone = {path: source for path, source in members.items() if path != "u/x/a.lif"}
    with pytest.raises(BadPacket, match=r"lacks 'u/x/a\.lif'"):
        load_content(folder_packet(gone))
    with pytest.raises(BadPacket, match="has 2 bytes"):
        load_content(folder_packet({**members, "u/x/a.lif": Bytes(b"xx")}))


# -- whatever is done to the graph

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.sampled_from(["Image:3", "Fileset:4", "x", "", "Image:9"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """The data set with some fields changed."""
    rows = [dict(row) for row in all_rows(a_dataset())]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.sampled_from(rows))
        row[draw(st.sampled_from(sorted(row.keys() - {"@"} | {"fileset", "file", "parent", "series"})))] = (
            draw(_json)
        )
    graph = Graph()
    for row in rows:
        graph.add(row)
    return graph


@settings(deadline=None)
@given(graphs())
def test_a_changed_graph_is_taken_or_refused(graph: Graph) -> None:
    """Also where the manifest's sums fit."""
    members = {path: one.open().source() for path, one in ours(a_dataset(), "Dataset:2").members.items()}
    lines = b"".join(write_jsonl(graph, GraphHeader(SERVER.uuid, "5", "5", parse_objects(["Dataset:2"]))))
    manifest = parse(members[MANIFEST].read_at(0, members[MANIFEST].size))
    listed = (
        replace(one, size=len(lines), sha256=Sha256(hashlib.sha256(lines).hexdigest()))
        if one.path == GRAPH
        else one
        for one in manifest.members
    )
    changed = {GRAPH: Bytes(lines), MANIFEST: Bytes(dump(replace(manifest, members=tuple(listed))))}
    with suppress(BridgeError):
        content = load_content(folder_packet({**members, **changed}))
        select(content, parse_objects(["Dataset:2"]))
        select(content, parse_objects(["Image:3"]))


# -- files that are neither of a fileset nor attached


def with_a_source(*more: Any) -> Graph:
    region = {"@": "Roi:9", "image": "Image:6", "source": "OriginalFile:20"}
    return graph_of({"@": "Dataset:2", "name": "d"}, image(6), link("Dataset:2", "Image:6"), region, *more)


def test_the_source_of_a_region_is_filled_like_an_attachment() -> None:
    content = load(with_a_source(file(20, "rois.csv")))
    assert not content.problems
    assert [(one.annotation, one.original_file, one.file.member) for one in content.attachments] == [
        ("OriginalFile:20", "OriginalFile:20", "bridge/files/20/rois.csv")
    ]
    assert content.bytes == 3 + 5
    assert select(content, [ObjectRef(Kind.IMAGE, 6)]).attachments == content.attachments


def test_a_packet_that_has_no_such_files_is_loaded_without_them() -> None:
    content = load(with_a_source(file(20, "rois.csv")), change=without_member("bridge/files/20/rois.csv"))
    assert not content.problems
    assert content.attachments == ()


def test_such_a_file_of_which_the_graph_does_not_tell_belongs_to_nothing() -> None:
    def as_metadata(manifest: Manifest) -> Manifest:
        first, *others = manifest.members
        return replace(manifest, members=(replace(first, role=FileRole.METADATA, fileset=None), *others))

    graph = graph_of({"@": "Dataset:2", "name": "d"}, image(1, 4), fileset(4, "bridge/files/7/b.lif"))
    content = load(graph, change=as_metadata)
    assert "belongs to nothing" in content.problems[-1].message
