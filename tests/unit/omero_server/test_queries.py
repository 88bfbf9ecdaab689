"""Queries and what they answer (omero-wire.md, section 2.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import omero
import omero.clients
import pytest
from omero.model import NamedValue
from omero.rtypes import rint, rstring

from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.store.store import Store
from tests.unit.omero_server.builders import image_with_pixels, named, tag

TEMPLATES = (Path(__file__).parent / "hql_templates.txt").read_text().splitlines()

# What the placeholder <T> of a template stands for, by something that only this class has.
_CLASS_BY_HINT = {
    "datasetLinks": "Image",
    "screenLinks": "Plate",
    "map.child e": "ExperimenterGroup",
    "groupExperimenterMap": "Experimenter",
    "obj.file ": "FileAnnotation",
    "obj.ns": "TagAnnotation",
    "projectLinks": "Dataset",
}


@pytest.fixture
def caller(make_caller: Callable[..., Caller], make_group: Callable[[str], int]) -> Caller:
    return make_caller(make_group("rw----"))


@pytest.fixture
def dataset(store: Store, caller: Caller) -> Any:
    """A dataset with three images; the first has two tags, the second one, the third none."""
    made = named("Dataset")
    for number, name in enumerate(("b", "a", "c")):
        image = image_with_pixels(name, number + 1)
        for text in ("x", "y")[number:]:
            image.linkAnnotation(tag(text))
        made.linkImage(image)
    with store.work(caller) as work:
        work.save(made)
    return made


def values(store: Store, caller: Caller, query: str, **parameters: Any) -> list[Any]:
    """Rows as plain values; a row of one is just that one."""
    rows = [
        [value and value.getValue() for value in row] for row in store.query(query, parameters, caller).rows
    ]
    return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def _concrete(template: str) -> tuple[str, dict[str, Any]]:
    kind = next((name for hint, name in _CLASS_BY_HINT.items() if hint in template), "Image")
    text = template.replace("<P><C>Link", "DatasetImageLink").replace("<T>", kind).replace("<id>", "1")
    names = re.findall(r":(\w+)", text)
    return text, {name: [1, 2] if name == "ids" else 1 for name in names}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_query_of_the_known_clients_is_answered(
    template: str, store: Store, caller: Caller, dataset: Any
) -> None:
    text, parameters = _concrete(template)
    store.query(text, parameters, caller)


# -- loading rules


def test_references_that_were_not_fetched_are_unloaded_and_of_the_concrete_class(
    store: Store, caller: Caller, dataset: Any
) -> None:
    found = store.objects("select l from ImageAnnotationLink l", caller)[0]
    assert type(found.child) is omero.model.TagAnnotationI
    assert not found.child.isLoaded()


def test_collections_that_were_not_fetched_are_not_loaded(store: Store, caller: Caller, dataset: Any) -> None:
    (found,) = store.objects("select d from Dataset d", caller)
    assert not found._imageLinksLoaded
    assert found.sizeOfImageLinks() == -1


def test_collections_that_were_fetched_empty_are_loaded(store: Store, caller: Caller, dataset: Any) -> None:
    query = "select i from Image i left outer join fetch i.annotationLinks where i.name = 'c'"
    (found,) = store.objects(query, caller)
    assert found.sizeOfAnnotationLinks() == 0


def test_fetched_objects_are_loaded_all_along_the_way(store: Store, caller: Caller, dataset: Any) -> None:
    query = (
        "select d from Dataset d left outer join fetch d.imageLinks l left outer join fetch l.child i"
        " left outer join fetch i.annotationLinks al left outer join fetch al.child"
    )
    (found,) = store.objects(query, caller)
    tags = {
        image.name.val: sorted(one.textValue.val for one in image.linkedAnnotationList())
        for image in found.linkedImageList()
    }
    assert tags == {"a": ["y"], "b": ["x", "y"], "c": []}


def test_one_object_is_one_object_in_an_answer(store: Store, caller: Caller, dataset: Any) -> None:
    links = store.objects("select l from DatasetImageLink l join fetch l.parent", caller)
    assert len({id(link.parent) for link in links}) == 1


@pytest.mark.parametrize("word", ["", "distinct"])
def test_a_fetched_collection_does_not_repeat_its_owner(
    store: Store, caller: Caller, dataset: Any, word: str
) -> None:
    query = f"select {word} i from Image i left outer join fetch i.annotationLinks order by i.name"
    found = store.objects(query, caller)
    assert [image.name.val for image in found] == ["a", "b", "c"]


def test_pages_are_cut_after_owners_were_made_one(store: Store, caller: Caller, dataset: Any) -> None:
    query = "select i from Image i left outer join fetch i.annotationLinks order by i.name desc"
    result = store.query(query, {}, caller, limit=1, offset=1)
    (found,) = result.objects()
    assert (found.name.val, found.sizeOfAnnotationLinks()) == ("b", 2)


def test_a_plain_join_repeats_what_it_selects(store: Store, caller: Caller, dataset: Any) -> None:
    assert values(store, caller, "select i.name from Image i join i.annotationLinks l order by i.name") == [
        "a",
        "b",
        "b",
    ]


def test_system_types_carry_no_group_but_groups_carry_permissions(store: Store, caller: Caller) -> None:
    group = store.get("ExperimenterGroup", caller.group_id, caller)
    assert group.details.group is None
    assert str(group.details.permissions) == "rw----"


def test_what_another_group_holds_is_not_in_the_answer(
    store: Store, dataset: Any, make_caller: Callable[..., Caller], make_group: Callable[[str], int]
) -> None:
    stranger = make_caller(make_group("rwrw--"))
    for group in (stranger.group_id, -1):
        assert store.objects("select i from Image i", stranger.in_group(group)) == []
        assert values(store, stranger.in_group(group), "select count(*) from Image i") == [0]


# -- expressions


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select i.name from Image i where i.name between 'a' and 'b' order by i.name", ["a", "b"]),
        ("select i.name from Image i where i.name in ('a', 'c') order by i.name desc", ["c", "a"]),
        ("select i.name from Image i where not i.name = 'a' order by i.name", ["b", "c"]),
        ("select i.name from Image i where i.name ilike 'A'", ["a"]),
        ("select i.name from Image i where upper(i.name) ilike 'a'", ["a"]),
        ("select i.name from Image i where i.name like 'A'", []),
        (
            ("select i.name from Image i where lower(i.name) = 'a' or upper(i.name) = 'B' order by i.name"),
            ["a", "b"],
        ),
        ("select count(*) from Image i", [3]),
        ("select count(distinct l.parent) from ImageAnnotationLink l", [2]),
        ("select i.name from Image i where size(i.annotationLinks) = 2", ["b"]),
        ("select i.name from Image i where i.annotationLinks.size = 0", ["c"]),
        ("select i.name from Image i where i.annotationLinks is empty", ["c"]),
        ("select i.name || '!' from Image i where i.name = 'a'", ["a!"]),
        ("select p.sizeX * p.sizeY + 1 from Pixels p order by p.id", [2, 5, 10]),
        (
            (
                "select p.image.name from Pixels p where p.pixelsType.value = 'uint8' and p.sizeX > 1"
                " order by p.id"
            ),
            ["a", "c"],
        ),
        ("select min(p.sizeX), max(p.sizeX), sum(p.sizeX), avg(p.sizeX) from Pixels p", [(1, 3, 6, 2.0)]),
        (
            (
                "select i.name from Image i where exists (select l from ImageAnnotationLink l"
                " where l.parent = i and l.child.textValue = 'x')"
            ),
            ["b"],
        ),
        (
            (
                "select i.name from Image i where i.id in (select l.child.id from DatasetImageLink l)"
                " order by i.id"
            ),
            ["b", "a", "c"],
        ),
        (
            (
                "select i.name, (select count(l) from ImageAnnotationLink l where l.parent = i) from Image i"
                " order by i.name"
            ),
            [("a", 1), ("b", 2), ("c", 0)],
        ),
        (
            (
                "select l.parent.id, count(l) from ImageAnnotationLink l"
                " group by l.parent.id having count(l) > 1"
            ),
            [(1, 2)],
        ),
        (
            (
                "select a.textValue from Annotation a where type(a) = TagAnnotation group by a.textValue"
                " order by 1 + 0, a.textValue"
            ),
            ["x", "y"],
        ),
        ("select count(*) from Annotation a where a.class = CommentAnnotation", [0]),
        (
            "select distinct type(a) from Annotation a where a.textValue = 'x'",
            ["ome.model.annotations.TagAnnotation"],
        ),
        (
            "select distinct type(a.class) from Annotation a where a.textValue = 'x'",
            ["ome.model.annotations.TagAnnotation"],
        ),
        ("select index(p) from Image i join i.pixels p where i.name = 'a'", [0]),
        ("select maxIndex(p) from Image i join i.pixels p where i.name = 'a'", [0]),
        (
            ("select case when i.name = 'a' then 'first' else 'other' end from Image i order by i.name"),
            ["first", "other", "other"],
        ),
        ("select coalesce(i.description, i.name) from Image i where i.name = 'a'", ["a"]),
        ("select i.name from Image i, Dataset d where d.name = 'a name' and i.name = 'a'", ["a"]),
        (
            (
                "select i.name from Image as i where i.details.owner.omeName like 'user%' and i.name <> 'b'"
                " order by i.name"
            ),
            ["a", "c"],
        ),
        ("select name from Image where name = 'a'", ["a"]),
        ("select cast(p.sizeX as string) from Pixels p where p.sizeX = 3", ["3"]),
        ("select substring(d.name, 1, 1) from Dataset d", ["a"]),
        ("select i.name from Image i where i.acquisitionDate is null and i.name = 'b'", ["b"]),
    ],
)
def test_expressions(query: str, expected: list[Any], store: Store, caller: Caller, dataset: Any) -> None:
    assert values(store, caller, query) == expected


def test_case_is_folded_beyond_ascii(store: Store, caller: Caller) -> None:
    with store.work(caller) as work:
        work.save(named("Image", "ÄÖÜ"))
    assert values(store, caller, "select i.name from Image i where lower(i.name) = :name", name="äöü") == [
        "ÄÖÜ"
    ]


def test_null_sorts_last_as_in_postgresql(store: Store, caller: Caller) -> None:
    with store.work(caller) as work:
        for name, text in (("first", None), ("second", "text")):
            image = named("Image", name)
            image.description = text and rstring(text)
            work.save(image)
    assert values(store, caller, "select i.name from Image i order by i.description") == ["second", "first"]
    assert values(store, caller, "select i.name from Image i order by i.description desc") == [
        "first",
        "second",
    ]


def test_named_values_are_joined_and_compared(store: Store, caller: Caller) -> None:
    annotation = omero.model.MapAnnotationI()
    annotation.mapValue = [NamedValue("k", "1"), NamedValue("k", "2")]
    with store.work(caller) as work:
        work.save(annotation)
    query = (
        "select index(nv), nv.value from MapAnnotation a join a.mapValue nv"
        " where nv.name = 'k' order by nv.value"
    )
    assert values(store, caller, query) == [(0, "1"), (1, "2")]


def test_a_long_list_of_ids_is_no_problem(store: Store, caller: Caller, dataset: Any) -> None:
    ids = list(range(100_000))
    assert len(values(store, caller, "select i.id from Image i where i.id in (:ids)", ids=ids)) == 3


def test_without_select_all_that_is_ranged_over_is_meant(store: Store, caller: Caller, dataset: Any) -> None:
    assert len(store.query("from Dataset d join d.imageLinks l", {}, caller).rows[0]) == 2
    assert len(store.query("from Dataset d join fetch d.imageLinks l", {}, caller).rows[0]) == 1


def test_a_map_carries_its_labels(store: Store, caller: Caller, dataset: Any) -> None:
    result = store.query(
        "select new map(i.id as id, i.name as name) from Image i where i.name = 'a'", {}, caller
    )
    assert result.is_map
    assert result.labels == ("id", "name")


# -- refusals


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select x from Unicorn x", "Unicorn is not mapped"),
        ("select i.colour from Image i", "colour"),
        ("select z.id from Image i", "z.id"),
        ("select i from Image i where i.name = :nothing", "nothing is not bound"),
        ("select i from Image i where i.name = :null", "null is null"),
        ("select i.pixels from Image i", "pixels"),
        ("select frobnicate(i.name) from Image i", "frobnicate"),
        ("select i from Image i where i.datasetLinks.child.name = 'x'", "datasetLinks"),
        ("select i from Image i join i.name n", "cannot join"),
        ("select index(i) from Image i", "index"),
        ("select i from Image i, Dataset i", "duplicate alias"),
        ("select i from Image i where i.id in (select l.id from Roi l join fetch l.image)", "cannot fetch"),
        ("select max(i.id, i.id) from Image i", "one argument"),
        ("delete from Image", "position 0"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(
    query: str, why: str, store: Store, caller: Caller
) -> None:
    with pytest.raises(omero.ApiUsageException) as refused:
        store.query(query, {"null": None}, caller)
    assert why in refused.value.message
    assert f"[{query}]" in refused.value.message


def test_a_name_cannot_smuggle_sql_in(store: Store, caller: Caller, dataset: Any) -> None:
    text = "x' or '1'='1"
    assert values(store, caller, "select i.id from Image i where i.name = :name", name=text) == []
    quoted = text.replace("'", "''")
    assert values(store, caller, f"select i.id from Image i where i.name = '{quoted}'") == []


def test_a_page_without_a_collection_is_cut_as_it_is(store: Store, caller: Caller, dataset: Any) -> None:
    result = store.query("select i.name from Image i order by i.name", {}, caller, limit=2, offset=2)
    assert [row[0].val for row in result.rows] == ["c"]


def test_numbers_come_back_as_the_type_of_their_column(store: Store, caller: Caller, dataset: Any) -> None:
    (row,) = store.query(
        "select p.sizeX, p.id, count(*) from Pixels p where p.sizeX = 1 group by p.id", {}, caller
    ).rows
    assert [type(value) for value in row] == [type(rint(1)), omero.rtypes.RLongI, omero.rtypes.RLongI]
