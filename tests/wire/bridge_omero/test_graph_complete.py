"""The graph of everything, object by object against what the server says to plain questions."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.omero.row_reading import RowReader
from omero_irods_bridge.adapters.omero.rows import to_row
from omero_irods_bridge.adapters.omero.scope import CARRIED_OF_PEOPLE, NOT_FOLLOWED
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import (
    CODOMAIN_CONTEXTS,
    SHAPES,
    Everything,
    build_everything,
)
from tests.wire.bridge_omero.graphs import Rows, graph, kinds, of_kind
from tests.wire.omero_server import content

ALL_GROUPS = {"omero.group": "-1"}


@pytest.fixture
def members(pair: Any) -> Any:
    return pair("rwra--")


@pytest.fixture
def everything(members: Any, tmp_path: Path) -> Everything:
    owner, other = members
    return build_everything(owner, other, tmp_path)


@pytest.fixture
def rows(server: OmeroServer, members: Any, everything: Everything) -> Rows:
    return graph(
        server, members[0], f"Project:{everything.project}", f"Screen:{everything.screen}", figures=True
    )


def told(field: Field, value: Any) -> Any:
    """A value as a row must tell it, made without the code that is tested."""
    if field.kind is FieldKind.SCALAR:
        return value.getValue()
    if field.kind is FieldKind.UNIT:
        return {field.target: value.getValue(), "unit": value.getUnit().name}
    if field.kind is FieldKind.NAMED_VALUES:
        return [[pair.name, pair.value] for pair in value]
    if field.kind is FieldKind.BYTES:
        return {"b64": base64.b64encode(value).decode()}
    if field.kind is FieldKind.STRINGS:
        return list(value)
    return f"{MODEL.entity_of(value).name}:{value.id.val}"


def test_each_value_of_each_object_is_as_the_server_says(members: Any, rows: Rows) -> None:
    query = members[0].getQueryService()
    for key, row in rows.items():
        kind, _, id_ = key.partition(":")
        entity, found = MODEL.entity(kind), query.get(kind, int(id_), ALL_GROUPS)
        expected = {
            field.name: told(field, value)
            for field in entity.fields.values()
            if field.kind is not FieldKind.COLLECTION
            and (value := getattr(found, field.attribute)) is not None
        }
        if kind in CARRIED_OF_PEOPLE:
            expected = {name: expected[name] for name in expected if name in CARRIED_OF_PEOPLE[kind]}
        lists = {field.name for field in entity.of_kind(FieldKind.COLLECTION)}
        plain = {name for name in row if name[0] != "@" and name not in lists}
        assert {name: row[name] for name in plain - {"version", "details"}} == expected, key
        check_details(found, row.get("details", {}))


def check_details(found: Any, details: dict[str, Any]) -> None:
    for name in ("owner", "group", "creationEvent", "updateEvent", "externalInfo"):
        reference = getattr(found.details, f"_{name}")
        expected = None if reference is None else f"{MODEL.entity_of(reference).name}:{reference.id.val}"
        assert details.get(name) == expected, (found, name)
    assert details["permissions"]["is"] == str(found.details.permissions)


def test_each_list_and_set_of_whole_objects_is_complete_and_in_order(members: Any, rows: Rows) -> None:
    checked = 0
    for key, row in rows.items():
        if "@sets" not in row and not any(isinstance(value, list) for value in row.values()):
            continue
        kind, _, id_ = key.partition(":")
        for field in MODEL.entity(kind).of_kind(FieldKind.COLLECTION):
            if f"{MODEL.entity(kind).root}.{field.name}" in NOT_FOLLOWED:
                assert field.name not in row
                continue
            check_collection(members[0], MODEL.entity(kind), int(id_), field, rows)
            checked += 1
    assert checked > 150


def check_collection(gateway: Any, entity: EntityType, id_: int, field: Field, rows: Rows) -> None:
    text = f"select o from {entity.name} o left join fetch o.{field.name} where o.id = :id"
    found = gateway.getQueryService().findByQuery(text, content.params(id=id_), ALL_GROUPS)
    members = [f"{MODEL.entity_of(one).name}:{one.id.val}" for one in getattr(found, field.attribute)]
    row = rows[f"{entity.name}:{id_}"]
    assert set(members) <= set(rows)
    if field.is_ordered:
        assert row[field.name] == members
    else:
        assert field.name in row["@sets"]
        back = {key for key, one in rows.items() if one.get(field.inverse) == row["@"] and is_a(key, field)}
        assert back == set(members)


def is_a(key: str, field: Field) -> bool:
    return key.partition(":")[0] in MODEL.entity(field.target).subclasses


def test_one_of_every_kind_is_there(rows: Rows) -> None:
    expected = {
        "Project", "Dataset", "Screen", "Plate", "Well", "WellSample", "PlateAcquisition", "Reagent", "Image",
        "Pixels", "Channel", "LogicalChannel", "StatsInfo", "PlaneInfo", "PixelsOriginalFileMap",
        "RenderingDef", "QuantumDef", "ChannelBinding", "ProjectionDef", *CODOMAIN_CONTEXTS,
        "Instrument", "Microscope", "Objective", "Detector", "Filter", "FilterSet", "Dichroic", "OTF",
        "TransmittanceRange", "Arc", "Filament", "Laser", "LightEmittingDiode", "GenericExcitationSource",
        "ObjectiveSettings", "DetectorSettings", "LightSettings", "LightPath", "ImagingEnvironment",
        "StageLabel", "Experiment", "MicrobeamManipulation", "Roi", "AffineTransform", *SHAPES, "Folder",
        "BooleanAnnotation", "CommentAnnotation", "DoubleAnnotation", "FileAnnotation", "ListAnnotation",
        "LongAnnotation", "MapAnnotation", "TagAnnotation", "TermAnnotation", "TimestampAnnotation",
        "XmlAnnotation", "Fileset", "FilesetEntry", "OriginalFile", "UploadJob", "Experimenter",
        "ExperimenterGroup", "Event", "ExternalInfo",
    }  # fmt: skip
    links = {
        "ProjectDatasetLink", "DatasetImageLink", "ScreenPlateLink", "FolderImageLink", "FolderRoiLink",
        "WellReagentLink", "AnnotationAnnotationLink", "FilterSetExcitationFilterLink",
        "FilterSetEmissionFilterLink", "LightPathExcitationFilterLink", "LightPathEmissionFilterLink",
        "FilesetJobLink", "JobOriginalFileLink",
    }  # fmt: skip
    annotatable = (
        "Channel", "Dataset", "Detector", "Dichroic", "Fileset", "Filter", "Folder", "Image", "Instrument",
        "LightPath", "LightSource", "Objective", "OriginalFile", "PlaneInfo", "PlateAcquisition", "Plate",
        "Project", "Reagent", "Roi", "Screen", "Shape", "Well",
    )  # fmt: skip
    missing = {*expected, *links, *(f"{kind}AnnotationLink" for kind in annotatable)} - set(kinds(rows))
    assert missing == set()


def test_the_graph_read_back_says_the_same(rows: Rows) -> None:
    reader = RowReader()
    for row in rows.values():
        reader.add(json.loads(json.dumps(row)))
    found = reader.finish()
    assert reader.unknown == []
    assert {key: sorted_sets(to_row(obj)) for key, obj in found.items()} == {
        key: sorted_sets(row) for key, row in rows.items()
    }


def sorted_sets(row: Any) -> Any:
    return {**row, "@sets": sorted(row.get("@sets", ()))}


def test_keys_of_maps_repeat_in_their_order(rows: Rows, everything: Everything) -> None:
    pairs = rows[f"MapAnnotation:{everything.annotations['MapAnnotation']}"]["mapValue"]
    assert [key for key, _ in pairs] == ["b", "a", "b"]


def test_a_tag_has_a_link_of_each_who_linked_it_and_its_tag_set(
    members: Any, rows: Rows, everything: Everything
) -> None:
    tag = f"TagAnnotation:{everything.annotations['TagAnnotation']}"
    links = [row for row in of_kind(rows, "ImageAnnotationLink") if row["child"] == tag]
    assert {row["details"]["owner"] for row in links} == {
        f"Experimenter:{gateway.getUserId()}" for gateway in members
    }
    assert {row["parent"] for row in of_kind(rows, "AnnotationAnnotationLink") if row["child"] == tag} == {
        f"TagAnnotation:{everything.tag_set}"
    }


def test_rendering_settings_are_those_of_both(members: Any, rows: Rows, everything: Everything) -> None:
    (pixels,) = rows[f"Image:{everything.images[0]}"]["pixels"]
    settings = [row for row in of_kind(rows, "RenderingDef") if row["pixels"] == pixels]
    owners = {row["details"]["owner"] for row in settings}
    assert owners == {f"Experimenter:{gateway.getUserId()}" for gateway in members}


def test_a_roi_of_all_planes_says_no_plane(rows: Rows, everything: Everything) -> None:
    (shape,) = rows[f"Roi:{everything.rois[1]}"]["shapes"]
    assert not {"theZ", "theC", "theT"} & set(rows[shape])


def test_nobodys_secrets_are_told(server: OmeroServer, members: Any, rows: Rows) -> None:
    text = json.dumps(list(rows.values()))
    assert not {"Session", "Share", "Node", "EventLog", "GroupExperimenterMap"} & set(kinds(rows))
    for gateway in members:
        assert gateway.c.getSessionId() not in text
    allowed = CARRIED_OF_PEOPLE["Experimenter"] | {"@", "version", "details"}
    assert all(set(row) <= allowed for row in of_kind(rows, "Experimenter"))


def test_figures_come_when_they_show_an_image_or_hang_on_an_object(
    server: OmeroServer, members: Any, everything: Everything
) -> None:
    wanted = f"Dataset:{everything.dataset}"
    linked, loose = (f"FileAnnotation:{one}" for one in (everything.linked_figure, everything.loose_figure))
    without, with_figures = (graph(server, members[0], wanted, figures=on) for on in (False, True))
    assert linked in without
    assert loose not in without
    assert {linked, loose} <= set(with_figures)
    assert with_figures[loose]["file"] in with_figures
    assert f"FileAnnotation:{everything.foreign_figure}" not in with_figures
