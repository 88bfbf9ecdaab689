"""Cards: they opt in, say where data goes and what it is annotated with, and change only what they made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from omero_irods_bridge.model.ingest import CARD_NAMESPACE, Existing, SetRule
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from tests.ingest.conftest import Drop, png

CARD = """
project = "Muscles"
dataset = "Day/1 {raw}"
title = "First day"
comment = "Stained with DAPI"
tags = ["dapi", "old tag"]
created = 2021-04-26T07:58:50.254758

[kv_pairs]
organism = "mouse"
passage = 7
"""


def card(drop: Drop, text: str = CARD, name: str = "card.toml") -> str:
    return drop.put(name, text.encode())


def said(drop: Drop, dataset: str = "Day/1 {raw}") -> dict[str, Any]:
    """What a dataset is annotated with."""
    told: dict[str, Any] = {}
    where = "from Dataset d join d.annotationLinks l join l.child a where d.name = :name"
    with drop.connection() as opened:
        import omero
        from omero.sys import ParametersI

        query = opened.session.getQueryService()
        found = query.findAllByQuery(
            f"select a {where}", ParametersI().addString("name", dataset), opened.all_groups()
        )
        for one in found:
            if isinstance(one, omero.model.MapAnnotationI):
                told.setdefault("pairs", []).append([(pair.name, pair.value) for pair in one.mapValue])
                told["ns"] = one.ns.val if one.ns else told.get("ns")
            elif isinstance(one, omero.model.CommentAnnotationI):
                told.setdefault("comments", []).append(one.textValue.val)
            elif isinstance(one, omero.model.TagAnnotationI):
                told.setdefault("tags", []).append(one.textValue.val)
    return {key: sorted(value) if key == "tags" else value for key, value in told.items()}


def datasets(drop: Drop) -> dict[str, list[str]]:
    """Names of images by dataset."""
    found: dict[str, list[str]] = {}
    for dataset, image in drop.rows("select l.parent.name, l.child.name from DatasetImageLink l"):
        found.setdefault(dataset, []).append(image)
    return {name: sorted(images) for name, images in found.items()}


def test_a_card_opts_in_names_the_place_and_annotates_it(drop: Drop) -> None:
    path = card(drop)
    drop.put("a.png")
    drop.put("below/b.png")
    result = drop.scan()
    assert not result.failed, result.failed
    assert datasets(drop) == {"Day/1 {raw}": ["a.png", "b.png"]}
    assert drop.rows("select l.parent.name from ProjectDatasetLink l") == [["Muscles"]]
    assert said(drop) == {
        "ns": CARD_NAMESPACE,
        "pairs": [[("title", "First day"), ("organism", "mouse"), ("passage", "7")]],
        "comments": ["Stained with DAPI"],
        "tags": ["dapi", "old tag"],
    }
    assert "card_version" in drop.avus(path)


def test_files_that_come_later_go_to_the_same_place(drop: Drop) -> None:
    card(drop)
    drop.put("a.png")
    drop.scan()
    drop.put("b.png")
    drop.scan()
    assert datasets(drop) == {"Day/1 {raw}": ["a.png", "b.png"]}
    assert len(said(drop)["pairs"]) == 1


def test_tags_of_the_user_are_used_again(drop: Drop) -> None:
    card(drop)
    drop.put("a.png")
    drop.scan()
    card(drop, CARD.replace("Day/1 {raw}", "other"), "next/card.toml")
    drop.put("next/b.png")
    drop.scan()
    assert drop.rows("select count(a.id) from TagAnnotation a where a.textValue = 'dapi'") == [[1]]
    assert said(drop, "other")["tags"] == ["dapi", "old tag"]


def test_an_edited_card_changes_what_it_made_and_nothing_else(drop: Drop) -> None:
    path = card(drop)
    drop.put("a.png")
    drop.scan()
    annotate_by_hand(drop)
    card(drop, CARD.replace('"old tag"', '"new tag"').replace("mouse", "rat").replace("DAPI", "GFP"))
    result = drop.scan()
    assert result.cards == (path,)
    found = said(drop)
    assert sorted(found["pairs"]) == [
        [("mine", "stays")],
        [("title", "First day"), ("organism", "rat"), ("passage", "7")],
    ]
    assert sorted(found["comments"]) == ["Stained with GFP", "my comment"]
    assert found["tags"] == ["dapi", "my tag", "new tag"]
    assert drop.scan().cards == ()


def test_an_edited_card_is_applied_by_the_next_scan_when_omero_ended_the_session(drop: Drop) -> None:
    path = card(drop)
    drop.put("a.png")
    drop.scan()
    card(drop, CARD.replace("mouse", "rat"))

    @contextmanager
    def broken(_user: str, _group: str) -> Iterator[IngestSide]:
        with drop.sides() as side:
            for one in drop.server.sessions.all():
                if one.user_id == drop.user.id:
                    drop.server.faults.expire_session(one.uuid)
            yield side

    result = drop.scan(hands=drop.hands(omero=broken))
    assert result.stopped is not None
    assert result.stopped.code == "session-expired"
    assert (result.failed, result.cards) == ((), ())
    assert "ingest_error" not in drop.avus(path)
    assert drop.scan().cards == (path,)
    assert ("organism", "rat") in said(drop)["pairs"][0]


def test_an_edited_card_leaves_a_tag_that_its_user_has_linked_himself(drop: Drop) -> None:
    card(drop, CARD.replace('tags = ["dapi", "old tag"]', ""))
    drop.put("a.png")
    drop.scan()
    annotate_by_hand(drop)
    card(drop, CARD.replace('"old tag"', '"my tag"'))
    drop.scan()
    assert said(drop)["tags"] == ["dapi", "my tag"]
    card(drop, CARD.replace('tags = ["dapi", "old tag"]', ""))
    drop.scan()
    assert said(drop)["tags"] == ["my tag"]


def test_what_a_card_says_no_more_is_taken_away(drop: Drop) -> None:
    card(drop)
    drop.put("a.png")
    drop.scan()
    card(drop, 'project = "Muscles"\ndataset = "Day/1 {raw}"\n')
    drop.scan()
    assert said(drop) == {}
    hql = f"select count(a.id) from MapAnnotation a where a.ns = '{CARD_NAMESPACE}'"
    assert drop.rows(hql) == [[0]]


def test_what_a_card_made_stays_where_somebody_has_linked_it_since(drop: Drop) -> None:
    card(drop)
    drop.put("a.png")
    drop.scan()
    before = said(drop)
    drafts: list[dict[str, Any]] = [{"@": "Dataset:_1", "name": "another"}]
    for kind in ("MapAnnotation", "CommentAnnotation"):
        ((made,),) = drop.rows(f"select a.id from {kind} a where a.ns = :ns", ns=CARD_NAMESPACE)
        key = f"DatasetAnnotationLink:_{len(drafts)}"
        drafts.append({"@": key, "parent": "Dataset:_1", "child": f"{kind}:{made}"})
    with drop.sides() as side:
        side.receiver.writer.save(drafts)
    card(drop, 'project = "Muscles"\ndataset = "Day/1 {raw}"\n')
    assert drop.scan().cards
    assert said(drop) == {}
    assert said(drop, "another") == {key: before[key] for key in ("ns", "pairs", "comments")}


def annotate_by_hand(drop: Drop) -> None:
    """As the user does in OMERO.web."""
    import omero.model
    from omero.rtypes import rlong, rstring

    (dataset,) = drop.rows("select d.id from Dataset d where d.name = 'Day/1 {raw}'")
    tag = omero.model.TagAnnotationI()
    tag.textValue = rstring("my tag")
    comment = omero.model.CommentAnnotationI()
    comment.textValue = rstring("my comment")
    pairs = omero.model.MapAnnotationI()
    pairs.mapValue = [omero.model.NamedValue("mine", "stays")]
    with drop.connection() as opened:
        for one in (tag, comment, pairs):
            link = omero.model.DatasetAnnotationLinkI()
            link.parent, link.child = omero.model.DatasetI(rlong(dataset[0]), False), one
            opened.session.getUpdateService().saveObject(link)


def test_the_deepest_card_wins(drop: Drop) -> None:
    card(drop, 'dataset = "outer"')
    card(drop, 'dataset = "inner"', "below/card.toml")
    drop.put("a.png")
    drop.put("below/b.png")
    drop.put("below/deeper/c.png")
    drop.scan()
    assert datasets(drop) == {"inner": ["b.png", "c.png"], "outer": ["a.png"]}


def test_a_card_that_says_that_it_is_not_complete_waits(drop: Drop) -> None:
    card(drop, 'dataset = "d"\ncomplete = false')
    path = drop.put("a.png")
    assert [one.path for one in drop.scan().waiting] == [path]
    card(drop, 'dataset = "d"\ncomplete = true')
    assert [one.path for one in drop.scan(quiet_s=3600).done] == [path]


def test_other_toml_files_opt_in_nothing(drop: Drop) -> None:
    path = drop.put("pyproject.toml", b'[project]\nname = "x"\n')
    drop.put("settings.toml", b"not = [ toml")
    image = drop.put("a.png")
    result = drop.scan()
    assert (result.done, result.failed) == ((), ())
    assert drop.store.avus(path) == drop.store.avus(image) == ()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("project = [oops", "TOML"),
        ('project = "x"\ntags = 3', "tags"),
        ('project = "x"\nmode = "by mail"', "mode"),
    ],
)
def test_a_card_that_cannot_be_understood_says_so_and_nothing_is_imported(
    drop: Drop, text: str, word: str
) -> None:
    drop.opt_in()
    path = card(drop, text)
    drop.put("a.png")
    result = drop.scan()
    assert [one.path for one in result.failed] == [path]
    assert word in drop.avus(path)["ingest_error"][0]
    assert drop.images() == []
    card(drop, 'dataset = "right"')
    drop.scan()
    assert datasets(drop) == {"right": ["a.png"]}
    assert "ingest_error" not in drop.avus(path)


@pytest.mark.parametrize("name", ["nobody-at-all", "root"])
def test_a_card_that_names_others_is_refused(drop: Drop, name: str) -> None:
    card(drop, f'dataset = "d"\nuser = "{name}"')
    path = drop.put("a.png")
    result = drop.scan()
    assert [one.path for one in result.failed] == [path]
    assert name in drop.avus(path)["ingest_error"][0]
    assert drop.images() == []


def test_a_collection_that_names_others_is_refused(drop: Drop) -> None:
    drop.opt_in(user="root")
    path = drop.put("a.png")
    drop.scan()
    assert "root" in drop.avus(path)["ingest_error"][0]
    assert drop.images() == []


def test_a_target_by_avu_names_project_and_dataset(drop: Drop) -> None:
    drop.opt_in(target="Project:name:P/Dataset:name:{zone} of {owner}")
    drop.put("a.png")
    drop.scan()
    assert datasets(drop) == {"tempZone of rods": ["a.png"]}


def test_existing_datasets_are_used_made_anew_or_refused_by_policy(drop: Drop) -> None:
    drop.opt_in(target="Dataset:name:same")
    drop.put("a.png")
    drop.scan()
    drop.put("b.png")
    drop.scan(existing=Existing.NEW)
    assert drop.rows("select count(d.id) from Dataset d where d.name = 'same'") == [[2]]
    path = drop.put("c.png")
    drop.scan(existing=Existing.FAIL)
    assert "already" in drop.avus(path)["ingest_error"][0]
    drop.scan()
    assert drop.images() == ["a.png", "b.png", "c.png"]


def test_a_broken_opt_in_is_told_on_the_collection(drop: Drop) -> None:
    drop.opt_in("by pigeon")
    drop.put("a.png", png())
    result = drop.scan()
    assert [one.path for one in result.failed] == [drop.collection]
    assert "pigeon" in drop.avus(drop.collection)["ingest_error"][0]
    assert drop.images() == []


def test_images_follow_an_edited_card_to_another_dataset(drop: Drop) -> None:
    path = card(drop)
    drop.put("a.png")
    drop.put("b.png")
    drop.scan()
    move_by_hand(drop, "b.png")
    annotate_by_hand(drop)
    card(drop, CARD.replace("Day/1 {raw}", "Day 2"))
    drop.scan()
    assert datasets(drop) == {"Day 2": ["a.png"], "mine": ["b.png"]}
    assert said(drop, "Day 2")["comments"] == ["Stained with DAPI"]
    assert said(drop) == {
        "pairs": [[("mine", "stays")]],
        "ns": None,
        "comments": ["my comment"],
        "tags": ["my tag"],
    }
    assert len(drop.avus(path)["card_target"]) == 1
    drop.put("c.png")
    drop.scan()
    assert datasets(drop) == {"Day 2": ["a.png", "c.png"], "mine": ["b.png"]}


def move_by_hand(drop: Drop, image: str) -> None:
    """As the user does in OMERO.web."""
    ((link, child),) = drop.rows(
        "select l.id, l.child.id from DatasetImageLink l where l.child.name = :name", name=image
    )
    with drop.sides() as side:
        writer = side.receiver.writer
        writer.delete({"DatasetImageLink": [link]})
        writer.save(
            [
                {"@": "Dataset:_1", "name": "mine"},
                {"@": "DatasetImageLink:_2", "parent": "Dataset:_1", "child": f"Image:{child}"},
            ]
        )


def test_images_that_another_object_names_by_copied_avus_do_not_follow_a_card(drop: Drop) -> None:
    text = CARD.replace("Day/1 {raw}", "D")
    for folder in ("a", "b"):
        card(drop, text, f"{folder}/card.toml")
    theirs, copy = drop.put("a/x.png"), drop.put("b/notes.txt", b"no image")
    drop.put("b/y.png")
    drop.scan()
    drop.store.change_avus(copy, add=drop.store.avus(theirs))
    card(drop, CARD.replace("Day/1 {raw}", "E"), "b/card.toml")
    assert drop.scan().cards == (f"{drop.collection}/b/card.toml",)
    assert datasets(drop) == {"D": ["x.png"], "E": ["y.png"]}


def test_a_card_whose_scan_broke_off_is_applied_by_the_next_though_nothing_is_left_to_import(
    drop: Drop,
) -> None:
    card(drop, 'project = "Broken off"\nmode = "copy"\ncomment = "of the card"')
    first = png()
    drop.put("day0/a.png", first)
    for number in range(1, 6):
        drop.put(f"day{number}/a.png")
    drop.server.faults.cut_file_after(len(first) + 10, "write")
    result = drop.scan()
    assert result.stopped is not None
    assert result.done
    for one in result.waiting:
        drop.store.remove(one.path)
    assert drop.scan().done == ()
    for done in result.done:
        assert said(drop, done.path.split("/")[-2])["comments"] == ["of the card"]
    assert drop.scan().cards == ()


def test_two_scans_at_once_apply_a_card_once(drop: Drop) -> None:
    path = card(drop)
    drop.put("a.png")
    drop.scan()
    card(drop, CARD.replace("DAPI", "GFP"))
    with drop.sides() as side:
        identity = side.receiver.server.identity
        with side.receiver.book.claim(f"ingest/{drop.store.zone}/{identity.user_id}/{identity.group_id}"):
            assert drop.scan().cards == ()
    assert "ingest_error" not in drop.avus(path)
    assert drop.scan().cards == (path,)
    assert said(drop)["comments"] == ["Stained with GFP"]


@pytest.mark.parametrize("rules", [(), (SetRule("*.mvd2", "*", below=True),)])
def test_a_scan_of_a_part_leaves_an_edited_card_above_to_a_scan_of_all(
    drop: Drop, rules: tuple[SetRule, ...]
) -> None:
    drop.options = replace(drop.options, sets=rules)
    drop.put("card.toml", b'dataset = "first"')
    for name in ("one/a.png", "two/b.png"):
        drop.put(name)
    drop.scan()
    drop.put("card.toml", b'dataset = "second"')
    assert replace(drop, collection=f"{drop.collection}/one").scan().cards == ()
    assert datasets(drop) == {"first": ["a.png", "b.png"]}
    drop.scan()
    assert datasets(drop) == {"second": ["a.png", "b.png"]}


@pytest.mark.parametrize("written", ["nonsense", "Image:1", "Dataset:x", "Dataset:1,2"])
def test_a_card_whose_target_somebody_has_written_over_fails_alone(drop: Drop, written: str) -> None:
    path = card(drop)
    drop.put("a.png")
    drop.scan()
    (there,) = [one for one in drop.store.avus(path) if one.attribute == "omero::card_target"]
    drop.store.change_avus(path, add=[replace(there, value=written)], remove=[there])
    card(drop, CARD.replace("DAPI", "GFP"))
    other = drop.put("b.png")
    result = drop.scan()
    assert [one.path for one in result.done] == [other]
    assert result.cards == ()
    assert [one.path for one in result.failed] == [path]
    assert written in drop.avus(path)["ingest_error"][0]
