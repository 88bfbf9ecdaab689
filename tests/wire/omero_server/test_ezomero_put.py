"""ezomero's ``put_*`` functions, unmodified."""

from __future__ import annotations

from collections.abc import Callable

import ezomero
import pytest
from omero.rtypes import rstring

from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser
from tests.wire.omero_server.ezomero_coverage import covers

NS = "tests/ezomero"
CONTAINERS = ("Project", "Dataset", "Screen", "Plate")
TEXTS = ("CommentAnnotation", "TagAnnotation")


@covers(ezomero.put_map_annotation)
def test_new_pairs_replace_all_old_ones(gateway: Gateway) -> None:
    dataset = content.new(gateway, "Dataset")
    made = ezomero.post_map_annotation(gateway, "Dataset", dataset, {"old": "1", "both": "2"}, NS)
    ezomero.put_map_annotation(gateway, made, {"both": ["3", "4"]}, ns="new")
    annotation = gateway.getObject("MapAnnotation", made)
    assert annotation.getValue() == [("both", "3"), ("both", "4")]
    assert annotation.getNs() == "new"


@covers(ezomero.put_map_annotation)
def test_without_a_namespace_the_old_one_stays(gateway: Gateway) -> None:
    dataset = content.new(gateway, "Dataset")
    made = ezomero.post_map_annotation(gateway, "Dataset", dataset, {"a": "1"}, NS)
    ezomero.put_map_annotation(gateway, made, {})
    annotation = gateway.getObject("MapAnnotation", made)
    assert (annotation.getValue(), annotation.getNs()) == ([], NS)


@pytest.mark.parametrize("kind", [*CONTAINERS, *TEXTS, "Image", "MapAnnotation", "FileAnnotation", "Roi"])
@covers(ezomero.put_description)
def test_a_description_is_kept_by_every_kind(
    gateway: Gateway, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = _new(gateway, kind, tmp_path_factory)
    ezomero.put_description(gateway, kind, made, "described")
    assert gateway.getObject(kind, made)._obj.description.val == "described"


def _new(gateway: Gateway, kind: str, folders: pytest.TempPathFactory) -> int:
    if kind == "Image":
        return content.image(gateway)
    if kind == "Roi":
        return content.roi(gateway, content.image(gateway))
    if kind == "FileAnnotation":
        path = folders.mktemp("attached") / "a.txt"
        path.write_text("a")
        return int(ezomero.post_file_annotation(gateway, str(path), NS))
    if kind.endswith("Annotation"):
        return content.annotation(gateway, kind, **({"textValue": rstring("t")} if kind in TEXTS else {}))
    return content.new(gateway, kind)


@covers(ezomero.put_description)
def test_what_another_may_only_read_is_not_described(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwra--")
    dataset = content.new(connect(make_user(group)), "Dataset")
    reader = connect(make_user(group))
    with pytest.raises(Exception, match="SecurityViolation"):
        ezomero.put_description(reader, "Dataset", dataset, "not yours")
    assert reader.getObject("Dataset", dataset).getDescription() == ""
