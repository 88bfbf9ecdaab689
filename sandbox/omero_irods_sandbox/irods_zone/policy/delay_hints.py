"""When a delayed rule runs: the tags of ``delayExec``, and the frequency of a repeated one.

Source: ``getTaggedValues`` and ``fillSubmitConditions`` of ``irods_re_structs.cpp``,
``rsRuleExecSubmit.cpp``; ``getOffsetTimeStr``, ``checkDateFormat`` and ``getNextRepeatTime``
of ``rcMisc.cpp``.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import Enum
from typing import Final

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.microservice import leading_number

DEFAULT_PRIORITY: Final = "5"

_TAG: Final = re.compile(r"<(/?)([^<>]*)>")
_OFFSET: Final = re.compile(r"\s*([0-9.]+)(.?)", re.DOTALL)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 86_400 * 365}
_FREQUENCY: Final = re.compile(r"(?P<count>[0-9]*)(?P<unit>.?)\s*(?P<directive>.*)", re.DOTALL)
_DIRECTIVE: Final = re.compile(
    r"(?P<verb>REPEAT|DOUBLE)(?P<success> UNTIL SUCCESS(?: OR)?)?"
    r"(?: UNTIL (?P<until>.+)| UPTO (?P<upto>.+)| (?P<times>[0-9]+).*| FOR EVER)?"
)


@dataclass(frozen=True, slots=True)
class Hints:
    """``run_at``: seconds since the epoch; ``frequency`` "": once; ``instance`` "": any engine."""

    run_at: int
    frequency: str
    priority: str
    instance: str


def parse(text: str, now: int) -> Hints:
    """The tags PLUSET, ET, EF, PRIORITY and INST_NAME in ``text``; others mean nothing.

    Raises:
        ZoneError: INPUT_ARG_NOT_WELL_FORMED_ERR, DATE_FORMAT_ERR, or SYS_INVALID_INPUT_PARAM
            (PRIORITY not 1 to 9).
    """
    tags = tagged_values(text)
    run_at = now
    if "ET" in tags:
        run_at = moment(tags["ET"])
    if "PLUSET" in tags:
        run_at = now + offset_s(tags["PLUSET"])
    priority = tags.get("PRIORITY", DEFAULT_PRIORITY)
    if not 1 <= leading_number(priority) <= 9:
        raise ZoneError(
            "SYS_INVALID_INPUT_PARAM", f"The priority of a delayed rule is 1 to 9, not {priority}."
        )
    return Hints(run_at, tags.get("EF", ""), priority, tags.get("INST_NAME", ""))


def tagged_values(text: str) -> dict[str, str]:
    """``<A>x</A><B>y</B>`` as a dictionary. Raises ZoneError INPUT_ARG_NOT_WELL_FORMED_ERR."""
    values: dict[str, str] = {}
    open_tags: list[tuple[str, int]] = []
    for match in _TAG.finditer(text):
        closing, name = match.groups()
        if not closing:
            open_tags.append((name, match.end()))
            continue
        if not open_tags or open_tags[-1][0] != name:
            raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"Unexpected </{name}> in {text!r}.")
        _, start = open_tags.pop()
        values.setdefault(name, text[start : match.start()])
    if open_tags:
        raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"<{open_tags[-1][0]}> is not closed in {text!r}.")
    return values


def offset_s(text: str) -> int:
    """``90``, ``90s``, ``5m``, ``2h``, ``1d`` or ``1y`` in seconds.

    Raises:
        ZoneError: INPUT_ARG_NOT_WELL_FORMED_ERR.
    """
    match = _OFFSET.match(text)
    unit = match.group(2) if match else ""
    if match is None or not (unit == "" or unit.isspace() or unit in _SECONDS):
        raise ZoneError(
            "INPUT_ARG_NOT_WELL_FORMED_ERR", f"Not a delay: {text!r}. Write 30s, 5m, 2h, 1d or 1y."
        )
    factor = _SECONDS.get(unit, 1)
    if "." in text and factor > 1:
        raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"Only seconds may have fractions: {text!r}.")
    return leading_number(match.group(1)) * factor


def moment(text: str) -> int:
    """A time in seconds since the epoch: that number, or local time as ``YYYY-MM-DD.hh:mm:ss``.

    The end of the text may be missing, e.g. ``2026-07-29.12`` for noon.

    Raises:
        ZoneError: DATE_FORMAT_ERR.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    whole = text + "0000-01-01.00:00:00"[len(text) :]
    try:
        return int(time.mktime(time.strptime(whole, "%Y-%m-%d.%H:%M:%S")))
    except ValueError as error:
        raise ZoneError("DATE_FORMAT_ERR", f"Not a time: {text!r}. Write YYYY-MM-DD.hh:mm:ss.") from error


class After(Enum):
    """What becomes of a repeated rule after a run."""

    REPEAT = "repeat"
    REPEAT_UNLESS_DONE = "repeat unless it succeeded"
    END = "end"


@dataclass(frozen=True, slots=True)
class Next:
    """``run_at`` in seconds since the epoch; ``frequency`` is what takes the place of the old one."""

    run_at: int
    frequency: str
    after: After


def next_run(frequency: str, now: int) -> Next:
    """When a rule of this ``frequency``, which has just run, is due again, and whether it is.

    A directive that means nothing repeats for ever, as there.
    """
    split = _FREQUENCY.fullmatch(frequency)
    assert split is not None  # everything in it is optional
    count, unit, directive = int(split["count"] or 0), split["unit"], " ".join(split["directive"].split())
    run_at = now + count * _SECONDS.get(unit, 1)
    match = _DIRECTIVE.fullmatch(directive)
    if match is None:
        return Next(run_at, frequency, After.REPEAT)
    doubles = match["verb"] == "DOUBLE" and not (match["upto"] and _limit(match["upto"], now) <= run_at)
    left = int(match["times"] or 1) - 1
    if match["times"]:
        directive = directive.replace(match["times"], str(left), 1)
    ends = (match["times"] and left <= 0) or (match["until"] and _limit(match["until"], now) < run_at)
    return Next(
        run_at, f"{count * 2 if doubles else count}{unit} {directive}", _after(match, ends=bool(ends))
    )


def _after(match: re.Match[str], *, ends: bool) -> After:
    if ends:
        return After.END
    return After.REPEAT_UNLESS_DONE if match["success"] else After.REPEAT


def _limit(text: str, now: int) -> int:
    """``UNTIL`` and ``UPTO`` take a time, or an offset such as ``2h``; what is neither has passed."""
    try:
        return now + offset_s(text) if text[-1:] in _SECONDS else moment(text)
    except ZoneError:
        return 0
