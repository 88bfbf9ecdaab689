"""``transfer.xml`` as rows: what is read, what is noted, what is refused."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.transfer_xml_reading import TransferXml, read_transfer_xml
from omero_irods_bridge.packet.transfer_xml_rows import FIRST_MADE_UP, UNREAD_NAMESPACE
from tests.unit.packet_reading.documents import (
    HEAD,
    NAMESPACE,
    PIXELS,
    document,
    file_annotation,
    image,
    linked,
    only,
    path_annotation,
    read,
    ref,
    rows,
    stored,
)

# -- objects


def test_containers_know_their_names_and_what_is_in_them() -> None:
    told = read(
        f'<Project ID="Project:1" Name="p"><Description>of cells</Description>{ref("Dataset", 2)}</Project>',
        f'<Dataset ID="Dataset:2" Name="d"><Description/>{ref("Image", 3)}{ref("Image", 4)}</Dataset>',
        f'<Screen ID="Screen:5" Name="s">{ref("Plate", 6)}</Screen><Plate ID="Plate:6" Name="q"/>',
        image(3),
        image(4),
    ).graph
    assert only(told, "Project") == {
        "@": "Project:1",
        "name": "p",
        "description": "of cells",
        "@sets": ["annotationLinks", "datasetLinks"],
    }
    assert "description" not in only(told, "Dataset")
    assert linked(told, "ProjectDatasetLink") == [("Project:1", "Dataset:2")]
    assert linked(told, "DatasetImageLink") == [("Dataset:2", "Image:3"), ("Dataset:2", "Image:4")]
    assert linked(told, "ScreenPlateLink") == [("Screen:5", "Plate:6")]


def test_an_image_has_pixels_of_its_own_number_and_shared_enumerations() -> None:
    told = read(image(3), image(4)).graph
    assert [row["pixels"] for row in told.rows("Image")] == [["Pixels:3"], ["Pixels:4"]]
    (first, second) = told.rows("Pixels")
    assert (first["image"], first["sizeX"], first["sizeY"], first["sizeT"]) == ("Image:3", 4, 3, 1)
    assert first["pixelsType"] == second["pixelsType"]
    assert [row["value"] for row in told.rows("PixelsType")] == ["uint8"]
    assert [row["value"] for row in told.rows("DimensionOrder")] == ["XYZCT"]


def test_a_plate_has_wells_with_fields() -> None:
    told = read(
        '<Plate ID="Plate:1" Name="p"><Well ID="Well:2" Row="1" Column="3">'
        f'<WellSample ID="WellSample:5" Index="7">{ref("Image", 7)}</WellSample>{ref("Annotation", 9)}'
        "</Well></Plate>",
        image(7),
        annotations='<TagAnnotation ID="Annotation:9"><Value>t</Value></TagAnnotation>',
    ).graph
    well = only(told, "Well")
    assert (well["plate"], well["row"], well["column"], well["wellSamples"]) == (
        "Plate:1",
        1,
        3,
        ["WellSample:5"],
    )
    assert only(told, "WellSample") == {"@": "WellSample:5", "well": "Well:2", "image": "Image:7"}
    assert linked(told, "WellAnnotationLink") == [("Well:2", "TagAnnotation:9")]


def test_wells_of_a_prepared_packet_get_ids_that_nothing_else_has() -> None:
    told = read(
        '<Plate ID="Plate:1" Name="p"><Well ID="Well:0:0" Row="0" Column="0">'
        f'<WellSample ID="WellSample:0:0:0" Index="0">{ref("Image", 1)}</WellSample></Well>'
        '<Well ID="Well:0:1" Row="0" Column="1"/></Plate>',
        image(1),
    ).graph
    assert len(set(told.ids("Well"))) == 2
    assert min(*told.ids("Well"), *told.ids("WellSample")) >= FIRST_MADE_UP


# -- annotations


def test_every_kind_of_annotation_is_a_row_with_namespace_and_description() -> None:
    kinds = {
        "TagAnnotation": "<Value>t &amp; u\n</Value>",
        "CommentAnnotation": "<Value/>",
        "LongAnnotation": "<Value>-9223372036854775808</Value>",
        "DoubleAnnotation": "<Value>-INF</Value>",
        "BooleanAnnotation": "<Value>true</Value>",
        "TermAnnotation": "<Value>GO:1</Value>",
        "TimestampAnnotation": "<Value>2024-05-06T07:08:09.5Z</Value>",
        "MapAnnotation": '<Value><M K="b">1</M><M K="a"/><M K="b">2</M></Value>',
        "XMLAnnotation": "<Value><a>1</a></Value>",
        "ListAnnotation": ref("Annotation", 0),
    }
    told = read(
        annotations="".join(
            f'<{kind} ID="Annotation:{number}" Namespace="lab"><Description>said</Description>'
            f"{value}</{kind}>"
            for number, (kind, value) in enumerate(kinds.items())
        )
    ).graph
    assert all((row["ns"], row["description"]) == ("lab", "said") for row in told.rows("Annotation"))
    assert only(told, "TagAnnotation")["textValue"] == "t & u\n"
    assert only(told, "CommentAnnotation")["textValue"] == ""
    assert only(told, "LongAnnotation")["longValue"] == -(2**63)
    assert only(told, "DoubleAnnotation")["doubleValue"] == "-Infinity"
    assert only(told, "BooleanAnnotation")["boolValue"] is True
    assert only(told, "TermAnnotation")["termValue"] == "GO:1"
    moment = datetime(2024, 5, 6, 7, 8, 9, 500_000, UTC)
    assert only(told, "TimestampAnnotation")["timeValue"] == moment.timestamp() * 1000
    assert only(told, "MapAnnotation")["mapValue"] == [["b", "1"], ["a", ""], ["b", "2"]]
    assert ">1</" in only(told, "XmlAnnotation")["textValue"]
    assert linked(told, "AnnotationAnnotationLink") == [("ListAnnotation:9", "TagAnnotation:0")]


@pytest.fixture
def far_east() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_a_time_without_a_zone_is_local() -> None:
    text = '<TimestampAnnotation ID="Annotation:1"><Value>1970-01-01T09:00:01</Value></TimestampAnnotation>'
    assert only(read(annotations=text).graph, "TimestampAnnotation")["timeValue"] == 1000


def test_an_annotation_that_many_share_is_one_row_with_a_link_each() -> None:
    told = read(
        image(1, ref("Annotation", 5), ref("Annotation", 5)),
        image(2, ref("Annotation", 5)),
        annotations='<TagAnnotation ID="Annotation:5"><Value>t</Value></TagAnnotation>',
    ).graph
    assert told.count("TagAnnotation") == 1
    assert linked(told, "ImageAnnotationLink") == [
        ("Image:1", "TagAnnotation:5"),
        ("Image:2", "TagAnnotation:5"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "folder", "told"),
    [
        ("/home/me/a.csv", "L2hvbWUvbWU=", "/home/me", "a.csv"),
        ("/home/me/a.csv", "L2hvbWUvbWUv", "/home/me/", "a.csv"),
        ("a.csv", "", "", "a.csv"),
        ("/x/a.csv", "!", "/x", "a.csv"),
        ("/x/a.csv", "L2hvbWU=", "/x", "a.csv"),
    ],
)
def test_a_file_annotation_has_a_file_with_name_folder_and_size(
    name: str, data: str, folder: str, told: str
) -> None:
    twice = base64.b64encode(data.encode()).decode()
    binary = f'<BinaryFile FileName="{name}" Size="7"><BinData Length="1">{twice}</BinData></BinaryFile>'
    text = f'<FileAnnotation ID="Annotation:3">{ref("Annotation", 2**64)}{binary}</FileAnnotation>'
    found = read(annotations=text + path_annotation(2**64, "file_annotations/3/a.csv"))
    assert only(found.graph, "FileAnnotation")["file"] == "OriginalFile:3"
    assert only(found.graph, "OriginalFile") == {
        "@": "OriginalFile:3",
        "path": folder,
        "name": told,
        "size": 7,
    }
    assert found.paths == {"FileAnnotation:3": "file_annotations/3/a.csv"}
    assert not list(found.graph.rows("AnnotationAnnotationLink"))


# -- shapes


def shape(text: str) -> TransferXml:
    roi = f'<ROI ID="lsid:2"><Union>{text}</Union></ROI>'
    return read(image(1, '<ROIRef ID="lsid:2"/>'), roi)


def test_a_shape_says_where_it_is_and_how_it_looks() -> None:
    told = shape(
        '<Line ID="Shape:3" X1="1" Y1="-2.5e1" X2="NaN" Y2=".5" FillColor="-256" StrokeColor="255" Text="x"'
        ' StrokeWidth="2" StrokeWidthUnit="µm" FontSize="12" Locked="false" TheZ="0" MarkerEnd="Arrow">'
        '<Transform A00="1" A10="0" A01="0" A11="1" A02="5" A12="6"/></Line>'
    )
    assert not told.unread
    assert only(told.graph, "Line") == {
        "@": "Line:3",
        "roi": "Roi:2",
        "x1": 1.0,
        "y1": -25.0,
        "x2": "NaN",
        "y2": 0.5,
        "fillColor": -256,
        "strokeColor": 255,
        "textValue": "x",
        "strokeWidth": {"Length": 2.0, "unit": "MICROMETER"},
        "fontSize": {"Length": 12.0, "unit": "POINT"},
        "locked": False,
        "theZ": 0,
        "markerEnd": "Arrow",
        "transform": "AffineTransform:3",
    }
    assert only(told.graph, "AffineTransform")["a12"] == 6.0
    assert only(told.graph, "Roi")["image"] == "Image:1"


def test_shapes_keep_their_order() -> None:
    told = shape(
        '<Polygon ID="Shape:9" Points="1,2 3,4"/><Point ID="Shape:2" X="1" Y="1"/>'
        '<Label ID="Shape:5" X="1" Y="1"/>'
    )
    assert only(told.graph, "Roi")["shapes"] == ["Polygon:9", "Point:2", "Label:5"]


def test_a_region_may_come_before_its_image() -> None:
    point = (
        '<Point ID="Shape:5" X="1" Y="1"><Transform A00="1" A10="0" A01="0" A11="1" A02="5" A12="6"/></Point>'
    )
    roi = f'<ROI ID="ROI:2" Name="r"><Description>d</Description><Union>{point}</Union></ROI>'
    told = read(roi, image(1, ref("ROI", 2))).graph
    assert only(told, "Point")["transform"] == only(told, "AffineTransform")["@"] == "AffineTransform:5"
    row = only(told, "Roi")
    assert (row["image"], row["name"], row["description"]) == ("Image:1", "r", "d")


# -- bookkeeping


def test_paths_and_origins_are_told_and_no_annotations() -> None:
    origin = (
        f'<XMLAnnotation ID="Annotation:18446744073709551617" Namespace="{NAMESPACE}"><Value>'
        "<CLITransferMetadata><origin_image_id>51</origin_image_id><packing_timestamp>18/12/2023, 09:59:50"
        "</packing_timestamp><software>s</software><version>0.8</version><origin_hostname>h</origin_hostname>"
        "<md5>TBC</md5><original_user>u</original_user><original_group>g</original_group>"
        "<database_id>abc</database_id></CLITransferMetadata></Value></XMLAnnotation>"
    )
    told = read(
        image(51, ref("Annotation", 18446744073709551617), ref("Annotation", 7)),
        annotations=origin + path_annotation(7, "./root_0/a.tif"),
    )
    assert told.paths == {"Image:51": "root_0/a.tif"}
    found = told.origins["Image:51"]
    assert (found.id, found.host, found.user, found.group, found.database_uuid) == (51, "h", "u", "g", "abc")
    assert found.packed_at == datetime(2023, 12, 18, 9, 59, 50)
    assert told.graph.count("Annotation") == 0
    assert not told.is_old
    assert not told.is_prepared


def test_the_mark_of_an_earlier_load_is_an_annotation_like_others() -> None:
    value = '<Value><M K="md5">x</M></Value>'
    mark = f'<MapAnnotation ID="Annotation:4" Namespace="{NAMESPACE}">{value}</MapAnnotation>'
    told = read(image(1, ref("Annotation", 4)), annotations=mark)
    assert only(told.graph, "MapAnnotation")["ns"] == NAMESPACE
    assert not told.origins


def test_before_january_2024_paths_were_comments_of_negative_ids() -> None:
    huge = "-217384923847293847293847293847293847"
    comments = (
        f'<CommentAnnotation ID="Annotation:{huge}" Namespace="Image:3"><Value>root/a.tif</Value>'
        '</CommentAnnotation><CommentAnnotation ID="Annotation:-5" Namespace="Annotation:8">'
        "<Value>file_annotations/8/a.csv</Value></CommentAnnotation>"
        '<CommentAnnotation ID="Annotation:9"><Value>said</Value></CommentAnnotation>'
        '<FileAnnotation ID="Annotation:8"><AnnotationRef ID="Annotation:-5"/>'
        '<BinaryFile FileName="a.csv" Size="1"/></FileAnnotation>'
        f'<MapAnnotation ID="Annotation:-7" Namespace="{NAMESPACE}"><Value><M K="origin_image_id">3</M>'
        '<M K="origin_hostname">h</M></Value></MapAnnotation>'
    )
    told = read(
        image(3, ref("Annotation", huge), ref("Annotation", -7), ref("Annotation", 9)), annotations=comments
    )
    assert told.is_old
    assert told.paths == {"Image:3": "root/a.tif", "FileAnnotation:8": "file_annotations/8/a.csv"}
    assert (told.origins["Image:3"].id, told.origins["Image:3"].host) == (3, "h")
    assert linked(told.graph, "ImageAnnotationLink") == [("Image:3", "CommentAnnotation:9")]


def test_the_path_that_names_a_figure_wins() -> None:
    text = file_annotation(6, "f", 1, "file_annotations/6/f") + path_annotation(
        77, "figures/Figure_6.json", "Annotation:6"
    )
    assert read(annotations=text).paths == {"FileAnnotation:6": "figures/Figure_6.json"}


def test_what_is_packed_twice_is_there_once_when_it_says_the_same() -> None:
    (one, path), (_, again) = stored(1, "r/a.tif"), stored(2, "r/a.tif")
    twin = one.replace("Annotation:1001", "Annotation:1002")
    told = read(one, twin, annotations=path + again)
    assert told.graph.count("Image") == 1
    assert told.paths == {"Image:1": "r/a.tif"}


# -- what nobody knows


def test_what_is_not_known_is_noted_with_its_text() -> None:
    told = read(
        image(1, '<AcquisitionDate>2020</AcquisitionDate><AnnotationRef ID="Annotation:1"/>', ref("ROI", 2)),
        '<Instrument ID="Instrument:0"/>',
        '<Dataset ID="Dataset:1" Name="d" Colour="red"/>',
        '<ROI ID="ROI:2"><Union><Spiral ID="Shape:1" Turns="3"/></Union></ROI>'
        f'<ROI ID="ROI:3">{ref("Annotation", 1)}{ref("Annotation", 2)}</ROI>',
        annotations='<SoundAnnotation ID="Annotation:1"><Value>beep</Value></SoundAnnotation>'
        '<TagAnnotation ID="Annotation:2"><Value>t</Value></TagAnnotation>',
    )
    found = {one.place: one.raw[0] for one in told.unread}
    assert "2020" in found["a AcquisitionDate in Image"]
    assert "red" in found["an attribute Colour of Dataset"]
    assert 'Turns="3"' in found["a shape Spiral"]
    assert "beep" in found["an annotation SoundAnnotation"]
    assert "Instrument:0" in found["a Instrument"]
    assert found["a region of no image"] == "Roi:3"
    assert "Turns" in next(one.notice.text for one in told.unread if one.place == "a shape Spiral")
    assert only(told.graph, "Roi")["shapes"] == []


def test_annotations_and_shapes_that_omero_does_not_have_are_kept_as_xml() -> None:
    objects = (
        image(1, ref("Annotation", 1) + ref("ROI", 2)),
        '<ROI ID="ROI:2"><Union><Spiral Turns="3"/></Union></ROI>',
    )
    sound = '<SoundAnnotation ID="Annotation:1" Namespace="a"><Value>beep</Value></SoundAnnotation>'
    told = read(*objects, annotations=sound)
    (heard,) = linked(told.graph, "ImageAnnotationLink")
    (seen,) = linked(told.graph, "RoiAnnotationLink")
    assert heard == ("Image:1", "XmlAnnotation:1")
    for (_, key), text in ((heard, "beep"), (seen, 'Turns="3"')):
        row = told.graph.one(key) or {}
        assert row["ns"] == UNREAD_NAMESPACE
        assert text in row["textValue"]
    assert [one.is_kept for one in told.unread] == [True, True]
    assert "is kept as an XML annotation" in told.unread[0].notice.text
    again = read(*objects, objects[1], annotations=sound)
    assert list(again.graph.ids("XmlAnnotation")) == list(told.graph.ids("XmlAnnotation"))


@pytest.mark.parametrize(
    "other", ["<SoundAnnotation {}/>", "<TagAnnotation {}><Value>t</Value></TagAnnotation>"]
)
def test_what_is_kept_has_an_id_of_its_own(other: str) -> None:
    first, second = (
        '<SoundAnnotation ID="Annotation:1"><Value/></SoundAnnotation>',
        other.format('ID="Annotation:1"'),
    )
    with pytest.raises(BadPacket):
        read(annotations=first + second)
    with pytest.raises(BadPacket):
        read(annotations=second + first)


def test_what_is_large_is_not_kept() -> None:
    told = read(annotations=f'<SoundAnnotation ID="Annotation:1">{"<V/>" * 200}</SoundAnnotation>')
    assert told.graph.count("XmlAnnotation") == 0
    assert [one.is_kept for one in told.unread] == [False]


def test_a_thousand_unknown_things_are_told_in_one_sentence() -> None:
    told = read(*(f'<Dataset ID="Dataset:{n}" Name="d" Colour="red{n}"/>' for n in range(1000)))
    (one,) = told.unread
    assert one.count == 1000
    assert "and 997 more" in one.notice.text


# -- what is refused

FIELD = (
    '<Plate ID="Plate:1"><Well ID="Well:1" Row="0" Column="0"><WellSample ID="WellSample:2">'
    f"{ref('Image', 9)}</WellSample></Well></Plate>"
)
LINE = '<Line ID="Shape:1" X1="1" Y1="1" X2="1" Y2="1"{}/>'


def in_roi(text: str) -> str:
    return f'{image(1, ref("ROI", 2))}<ROI ID="ROI:2"><Union>{text}</Union></ROI>'


def noted(text: str) -> str:
    return f"<StructuredAnnotations>{text}</StructuredAnnotations>"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'<Project ID="Project:1">{ref("Dataset", 9)}</Project>', "Project:1 refers to Dataset:9"),
        (f'<Dataset ID="Dataset:1">{ref("Image", 9)}</Dataset>', "Dataset:1 refers to Image:9"),
        (image(1, ref("Annotation", 2**65)), f"Image:1 refers to Annotation:{2**65}"),
        (image(1, ref("ROI", 4)), "Image:1 refers to Roi:4"),
        (FIELD, "WellSample:2 refers to Image:9"),
        ('<Project ID="Project:x"/>', "Project 'Project:x' does not have an ID"),
        ('<Project Name="p"/>', "Project 'without ID' does not have an ID"),
        ('<Project ID="Dataset:1"/>', "Project 'Dataset:1' does not have an ID"),
        ('<Project ID="Project:٣"/>', "does not have an ID"),
        ('<Project ID="Project:-1"/>', "Project 'Project:-1' has an ID that OMERO cannot have"),
        (f'<Project ID="Project:{10**18}"/>', "has an ID that OMERO cannot have"),
        (f'<Project ID="Project:{"9" * 5000}"/>', "does not have an ID"),
        (
            '<Project ID="Project:1" Name="a"/><Project ID="Project:1" Name="b"/>',
            "Project:1 is told of twice",
        ),
        (f"{image(1)}{image(1, name='b')}", "Image:1 is told of twice"),
        (f'<Image ID="Image:1">{PIXELS}{PIXELS}</Image>', "Image 'Image:1' has 2 times a Pixels"),
        (image(1).replace('SizeX="4"', 'SizeX="0"'), "Pixels 'Pixels:1' has the SizeX '0'"),
        (image(1).replace('SizeX="4"', f'SizeX="{2**31}"'), "has the SizeX"),
        (image(1).replace('SizeX="4"', ""), "does not say all of its sizes"),
        (image(1).replace('Type="uint8"', ""), "does not say all of its sizes"),
        (image(1) + image(2, ref("ROI", 3)) + image(3, ref("ROI", 3)), "ROIRef 'ROI:3' is of Image:2 and of"),
        ('<Plate ID="Plate:1"><Well ID="Well:2" Row="0"/></Plate>', "Well 'Well:2' does not say its Row"),
        ('<Plate ID="Plate:1"><Well ID="Well:2" Row="-1" Column="0"/></Plate>', "has the Row '-1'"),
        (in_roi(LINE.format(' TheZ="1.5"')), "Line 'Shape:1' has the TheZ '1.5'"),
        (in_roi(LINE.format(' StrokeWidth="1_0"')), "has the StrokeWidth '1_0'"),
        (in_roi(LINE.format(' StrokeWidth="1e999"')), "has the StrokeWidth '1e999'"),
        (in_roi(LINE.format(' StrokeWidth="1" StrokeWidthUnit="ell"')), "StrokeWidth in 'ell'"),
        (in_roi(LINE.format(' Locked="yes"')), "has the Locked 'yes'"),
        (in_roi(LINE.format(' FillColor="red"')), "has the FillColor 'red'"),
        (in_roi('<Line ID="Shape:1" X1="1"/>'), "does not say where it is: X1, Y1, X2, Y2"),
        (in_roi('<Polygon ID="Shape:1"/>'), "Polygon 'Shape:1' has no Points"),
        (
            in_roi('<Point ID="Shape:1" X="1" Y="1"><Transform A00="1"/></Point>'),
            "of Shape:1 is not complete",
        ),
        (in_roi(LINE.format("") + '<Point ID="Shape:1" X="1" Y="1"/>'), "has the ID of another shape"),
        (noted('<LongAnnotation ID="Annotation:1"><Value>1.5</Value></LongAnnotation>'), "the Value '1.5'"),
        (noted('<TagAnnotation ID="Annotation:1"/>'), "TagAnnotation 'Annotation:1' has no Value"),
        (noted('<TimestampAnnotation ID="Annotation:1"><Value>now</Value></TimestampAnnotation>'), "no time"),
        (
            noted('<TimestampAnnotation ID="Annotation:1"><Value>0001-01-01</Value></TimestampAnnotation>'),
            "no time",
        ),
        (noted('<FileAnnotation ID="Annotation:1"/>'), "has no BinaryFile"),
        (
            noted('<FileAnnotation ID="Annotation:1"><BinaryFile FileName="a" Size="-1"/></FileAnnotation>'),
            "the Size '-1'",
        ),
        (
            noted(
                '<TagAnnotation ID="Annotation:1"><Value>t</Value></TagAnnotation>'
                '<CommentAnnotation ID="Annotation:1"><Value>t</Value></CommentAnnotation>'
            ),
            "CommentAnnotation 'Annotation:1' has the ID of another annotation",
        ),
        (
            noted(
                '<TagAnnotation ID="Annotation:1"><Value>t</Value></TagAnnotation>' + path_annotation(1, "a")
            ),
            "two annotations of the ID Annotation:1",
        ),
        (noted(path_annotation(1, "a") + path_annotation(1, "b")), "has the ID of another annotation"),
        *(
            (noted(path_annotation(1, path)), "XMLAnnotation 'Annotation:1' has a path that is not read")
            for path in ("../a", "/etc/passwd", "a/../../b", "C:/a", "a\\b", "", "a//b", "././a")
        ),
        (
            image(1, ref("Annotation", 8), ref("Annotation", 9))
            + noted(path_annotation(8, "a") + path_annotation(9, "b")),
            "Image:1 has two paths, 'a' and 'b'",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_and_names_the_element(text: str, told: str) -> None:
    with pytest.raises(BadPacket, match=told.replace("(", r"\(")):
        read(text)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not well-formed"),
        (b"<OME>", "not well-formed"),
        (HEAD.encode(), "not well-formed"),
        (b"<html><Image/></html>", "a document <html>"),
        (b'<!DOCTYPE OME [<!ENTITY x "y">]><OME>&x;</OME>', "DOCTYPE"),
        (document(image(1))[:-20], "not well-formed"),
    ],
)
def test_what_is_no_such_document_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(BadPacket, match=told):
        read_transfer_xml([data])


def test_an_element_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omero_irods_bridge.packet.xml.ELEMENTS", 20)
    read(f'<Dataset ID="Dataset:1">{"<a/>" * 18}</Dataset>')
    with pytest.raises(BadPacket, match="more than 20 elements in one Dataset"):
        read(f'<Dataset ID="Dataset:1">{"<a/>" * 21}</Dataset>')


def test_more_references_than_there_can_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omero_irods_bridge.packet.transfer_xml_rows_links.REFERENCES", 3)
    text = "".join(ref("Dataset", n) for n in range(4))
    with pytest.raises(BadPacket, match="more than 3 references"):
        read(f'<Project ID="Project:1">{text}</Project>')


def test_a_namespace_of_elements_does_not_matter() -> None:
    plain = document(image(1)).replace(HEAD.encode(), b"<OME>")
    assert rows(read_transfer_xml([plain]).graph, "Image") == rows(read(image(1)).graph, "Image")
