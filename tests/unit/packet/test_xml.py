"""transfer.xml is read an element at a time, whatever its size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.xml import iterate_elements, local_name, parse_xml

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<OME xmlns="{NAMESPACE}">
  <Project ID="Project:1"/>
  <Image ID="Image:1" Name="Größe">
  <Description>text &amp; <!-- no -->more</Description><Image ID="inner"/></Image>
  <?pi?>
  <StructuredAnnotations>
    <TagAnnotation ID="Annotation:1"><Value>tag</Value></TagAnnotation>
  </StructuredAnnotations>
  <Image ID="Image:2"/>
</OME>
""".encode()


def found(document: bytes, size: int, *names: str) -> list[tuple[str, str | None, int]]:
    chunks = [document[at : at + size] for at in range(0, len(document), size)]
    return [(local_name(e), e.get("ID"), len(e)) for e in iterate_elements(chunks, names)]


@settings(deadline=None)
@given(st.integers(1, 400))
def test_the_same_elements_are_found_however_the_document_is_cut(size: int) -> None:
    assert found(DOCUMENT, size, "Image", "TagAnnotation") == [
        ("Image", "Image:1", 2),
        ("TagAnnotation", "Annotation:1", 1),
        ("Image", "Image:2", 0),
    ]


def test_an_element_is_complete_when_it_comes_and_has_no_comments() -> None:
    (first, _) = (
        (e.get("Name"), str(e.findtext("{*}Description"))) for e in iterate_elements([DOCUMENT], {"Image"})
    )
    assert first == ("Größe", "text & more")


def test_the_whole_document_can_be_asked_for() -> None:
    assert found(DOCUMENT, 50, "OME") == [("OME", None, 4)]
    assert [local_name(e) for e in parse_xml(DOCUMENT, what="x")] == [
        "Project",
        "Image",
        "StructuredAnnotations",
        "Image",
    ]


def test_a_document_of_any_length_takes_little_memory() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"<OME>\n"
        for number in range(3_000):
            yield b"".join(b'  <Image ID="%d"><A>%s</A></Image>\n' % (number, b"x" * 200) for _ in range(50))
        yield b"</OME>\n"

    tracemalloc.start()
    try:
        assert sum(1 for _ in iterate_elements(chunks(), {"Image"})) == 150_000
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_longer_document_than_asked_for_is_refused() -> None:
    with pytest.raises(BadPacket, match="longer than 100 bytes"):
        list(iterate_elements([DOCUMENT], {"Image"}, limit=100))


REAL = Path("/work/shared/data/packets")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the published packets are not in {REAL}")
def test_the_published_documents_are_read() -> None:
    for path in sorted(REAL.glob("*.zip")):
        with ZipFile(path) as archive:
            document = archive.read("transfer.xml")
        assert any(name == "Image" for name, _, _ in found(document, 1000, "Image", "Annotation"))
