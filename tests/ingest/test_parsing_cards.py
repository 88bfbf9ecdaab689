"""Any bytes are a card, no card, or refused with a reason. No server is needed."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.ingest import Card
from omero_irods_bridge.model.stored import DataObject, Replica, ReplicaStatus
from omero_irods_bridge.operations.ingesting.cards import parse_card

FOUND = DataObject("/zone/home/a/card.toml", 7, (Replica(0, "r", ReplicaStatus.GOOD, 1, "sha2:x"),), "a#zone")

KEYS = st.sampled_from(
    ["project", "dataset", "screen", "user", "tags", "kv_pairs", "mode", "complete", "other"]
)
VALUES = st.sampled_from(
    ['"text"', "3", "true", '["a", "b"]', "[1]", '{k = "v", n = 1.5}', "1979-05-27", '""']
)


def parsed(data: bytes) -> Card | UsageError | None:
    try:
        return parse_card(data, FOUND)
    except UsageError as error:
        return error


def is_right(found: Card | UsageError | None) -> bool:
    """A card that names a place, none, or a reason that names the card."""
    if isinstance(found, UsageError):
        return FOUND.path in found.message
    return found is None or bool(found.project or found.dataset or found.screen)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_card_or_none_or_refused(data: bytes) -> None:
    assert is_right(parsed(data))


@given(st.dictionaries(KEYS, VALUES))
def test_any_values_are_taken_or_refused(told: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in told.items())
    assert is_right(parsed(text.encode()))


def test_all_that_a_card_says_is_read() -> None:
    text = (
        'project = "P"\ndataset = " D "\nuser = "u"\ngroup = "g"\ntitle = "T"\ncomment = "C"\n'
        'tags = ["a", "a", " b "]\nmode = "copy"\ncomplete = false\n[kv_pairs]\nx = 1\ny = [true, "z"]\n'
    )
    data = b"\xef\xbb\xbf" + text.encode()
    card = parse_card(data, FOUND)
    assert card is not None
    assert (card.project, card.dataset, card.user, card.group) == ("P", "D", "u", "g")
    assert (card.title, card.comment, card.tags) == ("T", "C", ("a", "b"))
    assert (card.mode, card.complete) == ("copy", False)
    assert card.pairs == (("x", "1"), ("y", "true, z"))
    assert (card.path, card.id, card.owner) == (FOUND.path, 7, "a#zone")
    assert card.version == Sha256(hashlib.sha256(data).hexdigest()).irods


@pytest.mark.parametrize("text", ["", 'user = "u"', '[project]\nname = "x"', 'dataset = "  "'])
def test_what_names_no_place_is_no_card(text: str) -> None:
    assert parse_card(text.encode(), FOUND) is None


@pytest.mark.parametrize("number", ["9" * 5_000, f"0x{'f' * 5_000}", f"[{{a = 0x{'f' * 5_000}}}]"])
def test_a_number_that_python_does_not_write_is_refused(number: str) -> None:
    assert isinstance(parsed(f"n = {number}".encode()), UsageError | None)
    found = parsed(f'dataset = "D"\n[kv_pairs]\nn = {number}'.encode())
    assert isinstance(found, UsageError)
    assert "digits" in found.message
