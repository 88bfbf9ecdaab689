"""Graphs of packets are equal when the packets say the same, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.transfer_graph import Graph, read_graph

PACKET = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
  <Dataset ID="Dataset:1" Name="d"><Description>of cells</Description>
    <ImageRef ID="Image:1"/><ImageRef ID="Image:2"/><AnnotationRef ID="Annotation:1"/></Dataset>
  <Image ID="Image:1" Name="a">
    <Pixels ID="Pixels:1" Type="uint8" SizeX="2" SizeY="3"/>
    <ROIRef ID="ROI:1"/><AnnotationRef ID="Annotation:1"/><AnnotationRef ID="Annotation:3"/></Image>
  <Image ID="Image:2" Name="b">
    <Pixels ID="Pixels:2" Type="uint8" SizeX="2" SizeY="3"/>
    <AnnotationRef ID="Annotation:2"/><AnnotationRef ID="Annotation:3"/></Image>
  <StructuredAnnotations>
    <TagAnnotation ID="Annotation:1"><Value>t</Value></TagAnnotation>
    <MapAnnotation ID="Annotation:2" Namespace="n"><Value><M K="k">v</M></Value></MapAnnotation>
    <XMLAnnotation ID="Annotation:3" Namespace="openmicroscopy.org/cli/transfer">
      <Value><CLITransferServerPath><Path>x/file.png</Path></CLITransferServerPath></Value></XMLAnnotation>
  </StructuredAnnotations>
  <ROI ID="ROI:1"><Union>
    <Rectangle ID="Shape:1" X="1.0" Y="2.0" Width="3.0" Height="4.0" FillColor="-1"/></Union></ROI>
</OME>"""


def graph_of(folder: Path, text: str, content: bytes = b"pixels") -> Graph:
    (folder / "x").mkdir(parents=True)
    (folder / "x" / "file.png").write_bytes(content)
    (folder / "transfer.xml").write_text(text)
    return read_graph(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('ID="Image:1"', 'ID="Image:77"'),
        ('ID="ROI:1"', 'ID="lsid:1"'),
        ('ID="Annotation:1"', 'ID="Annotation:9"'),
        ('FillColor="-1"', 'FillColor="255"'),
        ('X="1.0"', 'X="1"'),
        ("<ImageRef", "\n<ImageRef"),
    ],
)
def test_what_every_packing_makes_anew_does_not_count(old: str, new: str, tmp_path: Path) -> None:
    assert old in PACKET
    assert graph_of(tmp_path / "1", PACKET) == graph_of(tmp_path / "2", PACKET.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Name="a"', 'Name="c"'),
        ("of cells", "of yeast"),
        ('SizeX="2"', 'SizeX="4"'),
        ("<Value>t</Value>", "<Value>u</Value>"),
        ('Namespace="n"', 'Namespace="m"'),
        ('<M K="k">v</M>', '<M K="k">w</M>'),
        ('<M K="k">v</M>', '<M K="k">v</M><M K="k">v</M>'),
        ('<ImageRef ID="Image:2"/>', ""),
        ('<AnnotationRef ID="Annotation:2"/>', '<AnnotationRef ID="Annotation:1"/>'),
        ('Width="3.0"', 'Width="3.5"'),
        ("Rectangle", "Ellipse"),
    ],
)
def test_what_a_packet_says_counts(old: str, new: str, tmp_path: Path) -> None:
    assert old in PACKET
    assert graph_of(tmp_path / "1", PACKET) != graph_of(tmp_path / "2", PACKET.replace(old, new))


def test_the_bytes_of_files_count(tmp_path: Path) -> None:
    assert graph_of(tmp_path / "1", PACKET) != graph_of(tmp_path / "2", PACKET, b"other pixels")
