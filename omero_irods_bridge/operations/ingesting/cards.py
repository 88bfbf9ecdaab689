"""Cards: ``.toml`` files as cataloger writes them, which say where data beside and below them belong.

``project``, ``dataset`` or ``screen``, ``user``, ``group``, ``title``, ``comment``, ``tags`` and the table
``[kv_pairs]``; ``mode`` and ``complete`` are ours. Other keys are passed over: cataloger writes some.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.ingest import Card, IngestMode, one_of
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.ports import ObjectStore

ENDING: Final = ".toml"
LARGEST_CARD: Final = 1 << 20
"""Bytes; more is no card."""

LARGEST_TEXT: Final = 10_000
_TEXTS: Final = ("project", "dataset", "screen", "user", "group", "title", "comment")
_SIGNS: Final = ("project", "dataset", "screen")
"""One of these, as a text, tells a card from other files in TOML."""


def read_card(store: ObjectStore, found: DataObject) -> Card | None:
    """The card at a path; none for a TOML file that is no card.

    Raises:
        UsageError: it is not TOML, or says something that cannot be.
        BridgeError: it cannot be read.
    """
    if found.size > LARGEST_CARD:
        raise UsageError(f"{found.path} has {found.size:,} bytes: too much for a card.")
    with store.open_source(found.path) as source:
        data = source.read_at(0, found.size)
    return parse_card(data, found)


def parse_card(data: bytes, found: DataObject) -> Card | None:
    """As :func:`read_card`, of its bytes."""
    try:
        return _card(data, found)
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise UsageError(
            f"The card {found.path} is not TOML: {error}.", hint="Put texts into quotes."
        ) from error


def _card(data: bytes, found: DataObject) -> Card | None:
    told = tomllib.loads(data.decode("utf-8-sig"))
    if not any(isinstance(told.get(name), str) and told[name].strip() for name in _SIGNS):
        return None
    texts = {name: _text(told, name, found.path) for name in _TEXTS}
    return Card(
        path=found.path,
        id=found.id,
        owner=found.owner,
        version=Sha256(hashlib.sha256(data).hexdigest()).irods,
        pairs=_pairs(told, found.path),
        tags=_tags(told, found.path),
        mode=_mode(told, found.path),
        complete=_complete(told, found.path),
        **texts,
    )


def _text(told: Mapping[str, Any], name: str, path: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str) or len(value) > LARGEST_TEXT:
        raise UsageError(f"The card {path} has a {name} that is no text, or too long.")
    return value.strip()


def _pairs(told: Mapping[str, Any], path: str) -> tuple[tuple[str, str], ...]:
    table = told.get("kv_pairs", {})
    if not isinstance(table, Mapping):
        raise UsageError(f"In the card {path} kv_pairs is no table.", hint="Write [kv_pairs] and keys below.")
    return tuple((str(key), _value(value)) for key, value in table.items())


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tags(told: Mapping[str, Any], path: str) -> tuple[str, ...]:
    tags = told.get("tags", [])
    tags = [tags] if isinstance(tags, str) else tags
    if not isinstance(tags, list) or not all(isinstance(one, str) for one in tags):
        raise UsageError(f"In the card {path} tags is no list of texts.", hint='Write tags = ["one", "two"].')
    return tuple(dict.fromkeys(one.strip() for one in tags if one.strip()))


def _mode(told: Mapping[str, Any], path: str) -> IngestMode | None:
    if "mode" not in told:
        return None
    mode: IngestMode = one_of(IngestMode, str(told["mode"]), f"mode in the card {path}")
    return mode


def _complete(told: Mapping[str, Any], path: str) -> bool | None:
    value = told.get("complete")
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"In the card {path} complete is neither true nor false.")
    return value
