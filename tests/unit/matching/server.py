"""A server of rows in memory: imports, saves drafts, and is read as far as somebody who reads OMERO gets."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from omero_irods_bridge.adapters.omero.object_model import OmeroModel
from omero_irods_bridge.adapters.omero.reflection import model_class
from omero_irods_bridge.adapters.omero.scope import followed
from omero_irods_bridge.model.imports import MARK_NAMESPACE
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import Draft

MODEL = OmeroModel()
Row = dict[str, Any]

TAG_SET = "openmicroscopy.org/omero/insight/tagset"
BY_IMPORT = (
    "Image",
    "Pixels",
    "Channel",
    "LogicalChannel",
    "StatsInfo",
    "Fileset",
    "FilesetEntry",
    "Instrument",
)


def graph_of(rows: Iterable[Mapping[str, Any]]) -> Graph:
    graph = Graph()
    for row in rows:
        graph.add(row)
    return graph


def class_of(key: str) -> str:
    return key.partition(":")[0]


def shape_of(key: str) -> Any:
    shape = MODEL.shape(class_of(key))
    assert shape is not None, key
    return shape


def mapped(row: Mapping[str, Any], name: Callable[[str], str | None]) -> Any:
    """A row with other keys; references that have none are left out."""
    made = {field: _mapped_value(row, field, name) for field in row}
    return {field: value for field, value in made.items() if value is not None}


def _mapped_value(row: Mapping[str, Any], field: str, name: Callable[[str], str | None]) -> Any:
    value, shape = row[field], shape_of(row["@"])
    if field == "@" or (field in shape.references and isinstance(value, str)):
        return name(value)
    if shape.is_list(field):
        return [one and name(one) for one in value]
    if field == "details":
        named = {one: name(value[one]) for one in ("owner", "externalInfo") if one in value}
        return {one: key for one, key in named.items() if key is not None}
    return value


class Server:
    """``first_id`` lets two servers have no id in common."""

    def __init__(self, first_id: int = 1) -> None:
        self.rows: dict[str, Row] = {}
        self._next = Counter[str]()
        self._first_id = first_id
        self.sets_of: dict[str, str] = {}

    def new_key(self, class_name: str) -> str:
        root = shape_of(class_name + ":1").root
        self._next[root] += 1
        return f"{class_name}:{self._first_id + self._next[root]}"

    def enumeration(self, label: str) -> str:
        name, _, value = label.partition("=")
        known = (key for key, row in self.rows.items() if class_of(key) == name and row["value"] == value)
        key = next(known, None) or self.new_key(name)
        self.rows[key] = {"@": key, "value": value}
        return key

    # -- what an import makes

    def do_import(self, rows: Sequence[Row], change: Callable[[Row], None]) -> dict[str, str]:
        """What an import makes of the same files, and which image is which."""
        files = {row.get("originalFile") for row in rows if class_of(row["@"]) == "FilesetEntry"}
        of_import = {row["@"]: row for row in rows if class_of(row["@"]) in BY_IMPORT or row["@"] in files}
        keys: dict[str, str] = {}
        enumerations = {row["@"]: row for row in rows if shape_of(row["@"]).is_enumeration}

        def name(key: str) -> str | None:
            if key in enumerations:
                return self.enumeration(f"{class_of(key)}={enumerations[key]['value']}")
            if key in of_import and key not in keys:
                keys[key] = self.new_key(class_of(key))
            return keys.get(key)

        for row in sorted(of_import.values(), key=lambda one: int(one["@"].partition(":")[2])):
            made = mapped(row, name)
            change(made)
            self.rows[made["@"]] = made
        return {key: made for key, made in keys.items() if class_of(key) in ("Image", "Fileset")}

    # -- saving

    def save(self, drafts: Sequence[Draft]) -> dict[str, str]:
        """As OMERO: ids in the order of drafts, an element of a list only through its owner."""
        keys = {draft["@"]: self.new_key(class_of(draft["@"])) for draft in drafts if ":_" in draft["@"]}
        assert len(keys) == sum(":_" in draft["@"] for draft in drafts), "two drafts of one key"

        def name(key: str) -> str:
            if "=" in key:
                return self.enumeration(key)
            if ":_" in key:
                return keys[key]
            assert key in self.rows, f"{key} is not there"
            return key

        listed: set[str] = set()
        for draft in drafts:
            shape = shape_of(draft["@"])
            assert draft.keys() <= {"@", "details", *shape.fields, *shape.collections}, draft
            listed |= {one for field in shape.collections for one in draft.get(field, ())}
            made = mapped(draft, name)
            row = self.rows.setdefault(str(made["@"]), {"@": made["@"]})
            nulls = [field for field, value in draft.items() if value is None]
            for field in nulls:
                row.pop(field, None)
            row |= {field: value for field, value in made.items() if value != []}
            for field, one in shape.collections.items():
                for element in made.get(field, ()):
                    self.rows.setdefault(element, {"@": element})[one.inverse] = made["@"]
        for draft in drafts:
            shape = shape_of(draft["@"])
            is_element = any(shape.owners.values()) and ":_" in draft["@"]
            assert not is_element or draft["@"] in listed, f"{draft} is saved without its owner"
            row = self.rows[name(draft["@"])]
            missing = [one for one in shape.required if one not in row and one not in shape.collections]
            unset = [one for one in missing if one in shape.references and one != "statsInfo"]
            assert not unset, f"{row} has no {unset}"
        return keys

    # -- reading

    def marked(self) -> dict[str, str]:
        """By the source that marks tell, what carries them."""
        marks = {key: row for key, row in self.rows.items() if row.get("ns") == MARK_NAMESPACE}
        links = (row for row in self.rows.values() if row.get("child") in marks)
        return {dict(marks[link["child"]]["mapValue"])["source"]: link["parent"] for link in links}

    def read(self, seeds: Iterable[str]) -> list[Row]:
        """All that is found from some objects, in the way that ``GraphReading`` goes."""
        owners = self._members()
        seen: dict[str, Row] = {}
        to_do = deque(seeds)
        while to_do:
            key = to_do.popleft()
            if key not in seen:
                seen[key] = self.rows[key]
                to_do.extend(self._led_to(key))
                to_do.extend(owners.get(key, ()))
        return list(seen.values())

    def _members(self) -> dict[str, list[str]]:
        """By owner, what is in those of its sets that are followed; of a tag, the links of its sets."""
        found: dict[str, list[str]] = {}
        for key, row in self.rows.items():
            shape = shape_of(key)
            for field in shape.owners:
                owner = row.get(field)
                if owner and any(
                    one.inverse == field and not one.is_ordered and one.element in (shape.name, shape.root)
                    for one in followed(model_class(class_of(owner)))
                ):
                    found.setdefault(owner, []).append(key)
            if shape.name == "AnnotationAnnotationLink" and self._is_of_tag_set(row):
                found.setdefault(row["child"], []).append(key)
        return found

    def _is_of_tag_set(self, link: Row) -> bool:
        is_tag = class_of(link["child"]) == "TagAnnotation"
        return is_tag and self.rows[link["parent"]].get("ns") == TAG_SET

    def _led_to(self, key: str) -> Iterator[str]:
        shape, row = shape_of(key), self.rows[key]
        for field, value in row.items():
            if field in shape.references and isinstance(value, str):
                yield value
            elif shape.is_list(field):
                yield from filter(None, value)
        yield from row.get("details", {}).values()


def values(row: Row) -> list[object]:
    """Class and all that is no reference."""
    shape = shape_of(row["@"])
    told = {field for field in row.keys() & shape.fields if row[field] != [] and not is_reference(row, field)}
    return [shape.name, *((field, row[field]) for field in sorted(told))]


def is_reference(row: Row, field: str) -> bool:
    return field in shape_of(row["@"]).references and isinstance(row[field], str)


def fingerprint(rows: Iterable[Row], *, rounds: int = 5) -> Counter[object]:
    """Colours of all rows after some rounds of refinement, in both directions: equal for equal graphs."""
    held = {row["@"]: row for row in rows if row.get("ns") != MARK_NAMESPACE}
    held = {
        key: row for key, row in held.items()
        if "child" not in row or {row["child"], row["parent"]} <= held.keys()
    }  # fmt: skip
    colours: dict[str, object] = {key: hash(str(values(row))) for key, row in held.items()}
    for _ in range(rounds):
        incoming: dict[str, list[int]] = {}
        out: dict[str, list[object]] = {}
        for key, row in held.items():
            shape = shape_of(key)
            for field, value in sorted(row.items()):
                is_list = shape.is_list(field)
                if is_list or (field in shape.references and isinstance(value, str)):
                    for place, one in enumerate(value if is_list else [value]):
                        if one in held:
                            out.setdefault(key, []).append((field, place, colours[one]))
                            incoming.setdefault(one, []).append(hash((field, place, colours[key])))
        colours = {
            key: hash((colours[key], tuple(out.get(key, ())), tuple(sorted(incoming.get(key, ())))))
            for key in held
        }
    return Counter(colours.values())
