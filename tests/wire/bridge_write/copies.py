"""Drafts of all objects of a graph, for tests that write what was read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from omero_irods_sandbox.omero_server.model.catalog import MODEL

Rows = Mapping[str, Any]

_SERVERS_OWN: Final = re.compile(r"Event|Event.*|Experimenter|ExperimenterGroup|Session|Fileset.*|.*Job.*")
_KEY: Final = re.compile(r"[A-Za-z]+:[0-9]+", re.ASCII)


def drafts_of(rows: Rows) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Drafts that make all again but what only a server makes; what each reference becomes in them.

    References to what is not made again stay.
    """
    named = {key: _new_name(key, rows[key], number) for number, key in enumerate(rows)}
    names = {key: name for key, name in named.items() if name is not None}
    local = [key for key in rows if ":_" in names.get(key, "")]
    return [_draft(rows[key], names) for key in local], names


def _new_name(key: str, row: Any, number: int) -> str | None:
    kind = key.partition(":")[0]
    if MODEL.entity(kind).is_enumeration:
        return f"{kind}={row['value']}"
    return None if _SERVERS_OWN.fullmatch(kind) else f"{kind}:_{number}"


def _draft(row: Any, names: Mapping[str, str]) -> dict[str, Any]:
    made = {name: renamed(value, names) for name, value in row.items() if name not in LEFT_OUT}
    external = row.get("details", {}).get("externalInfo")
    if external:
        made["details"] = {"externalInfo": names[external]}
    return made


LEFT_OUT: Final = frozenset({"details", "fileset", "@sets", "version", "repo"})


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A value of a row with its references renamed; texts of objects are not mistaken for them."""
    if isinstance(value, list):
        return [renamed(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) and _KEY.fullmatch(value) else value
