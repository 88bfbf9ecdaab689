"""The parser of packed structures, and the builder that writes them."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.wire.structs import Builder, key_values, struct
from omero_irods_sandbox.irods_zone.wire.xml import Element, PackingError, parse, to_integer

anything = st.text(st.characters(exclude_categories=()) | st.characters(categories=("Cc", "Cs")))
"""Control characters and lone surrogates included."""

file_names = st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
"""Any bytes, as Python spells a file name: what is not UTF-8 becomes surrogates."""

numbers = st.integers(-(2**63), 2**63 - 1)
tags = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)


@given(file_names)
@example("<a>&amp;</a>")
@example("\x00\x01\x1f\x7f \t\r\n")
@example('it\'s "quoted" & <tagged>')
@example("&unknown;&#0;&")
def test_any_text_comes_back_as_it_was_sent(text: str) -> None:
    assert parse(struct("STR_PI", ("myStr", text))).string("myStr") == text


@given(st.lists(file_names), numbers)
def test_a_structure_comes_back_with_all_its_fields_in_order(values: list[str], number: int) -> None:
    builder = Builder().open("GenQueryOut_PI").add("rowCnt", number).open("SqlResult_PI")
    for value in values:
        builder.add("value", value)
    parsed = parse(builder.close("SqlResult_PI").close("GenQueryOut_PI").bytes())
    assert parsed.integer("rowCnt") == number
    result = parsed.find("SqlResult_PI")
    assert result is not None
    assert result.strings("value") == values


@given(st.dictionaries(file_names, file_names))
def test_keywords_come_back_with_their_values(pairs: dict[str, str]) -> None:
    builder = Builder().open("DataObjInp_PI")
    key_values(pairs, builder)
    assert parse(builder.close("DataObjInp_PI").bytes()).key_values() == pairs


messages = st.recursive(
    st.binary(max_size=20),
    lambda inner: st.builds(
        lambda tag, parts: b"<" + tag.encode() + b">" + b"".join(parts) + b"</" + tag.encode() + b">",
        tags,
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


@given(st.binary() | messages)
def test_any_bytes_are_a_structure_or_refused(data: bytes) -> None:
    with contextlib.suppress(PackingError):
        assert isinstance(parse(data), Element)


@given(messages, st.integers(min_value=0), st.binary(max_size=4))
def test_a_damaged_structure_is_a_structure_or_refused(data: bytes, place: int, noise: bytes) -> None:
    cut = place % (len(data) + 1)
    try:
        parse(data[:cut] + noise + data[cut:])
        parse(data[:cut])
    except PackingError:
        pass


@pytest.mark.parametrize("depth", [33, 1000, 100_000])
def test_deep_nesting_is_refused_before_it_costs_a_stack(depth: int) -> None:
    with pytest.raises(PackingError):
        parse(b"<a>" * depth + b"</a>" * depth)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"<a>", b"</a>", b"<a></b>", b"<a></a><b></b>", b"<a><</a>", b"< a></a>"]
)
def test_what_is_not_one_whole_element_is_refused(data: bytes) -> None:
    with pytest.raises(PackingError):
        parse(data)


@given(anything)
def test_a_number_is_decimal_and_fits_64_bits_or_is_refused(text: str) -> None:
    try:
        number = to_integer(text, "field")
    except PackingError:
        return
    assert -(2**63) <= number < 2**63
    assert re.fullmatch(r"\s*[+-]?[0-9]+\s*", text)


@given(numbers)
def test_every_number_of_64_bits_is_taken(number: int) -> None:
    assert to_integer(str(number), "field") == number


@given(anything)
def test_text_that_is_no_file_name_either_is_refused_not_mangled(text: str) -> None:
    try:
        message = struct("STR_PI", ("myStr", text))
    except UnicodeEncodeError:
        return
    assert parse(message).string("myStr") == text


def test_as_many_keywords_as_values_are_wanted() -> None:
    broken = parse(b"<X><KeyValPair_PI><ssLen>1</ssLen><keyWord>k</keyWord></KeyValPair_PI></X>")
    with pytest.raises(PackingError):
        broken.key_values()
