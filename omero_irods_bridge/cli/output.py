"""The one place that prints: results on standard output, everything else on standard error.

With ``--json`` a result is one JSON value on standard output, and so is an error; nothing else is there.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TextIO

from omero_irods_bridge.model.errors import BridgeError, NoSpace

_SPACES: Final = "\n\t"
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters of Unicode that turn the direction of writing: a path then reads otherwise than it is."""

_NEVER_FOLDED: Final = 100_000
"""Columns."""


class ResultLost(NoSpace):
    """Standard output is a file that cannot be written any more."""


def result(text: str) -> None:
    """Print what the command was asked for."""
    _print(text, sys.stdout)


def json_result(value: Any) -> None:
    """Print what the command was asked for, as JSON."""
    _write(json.dumps(value, ensure_ascii=not _is_unicode(sys.stdout), indent=2), sys.stdout)


def plan(lines: Iterable[str], *, is_result: bool) -> None:
    """Say what would be done: what was asked for (``--dry-run``), or why nothing was done."""
    (result if is_result else note)("\n".join(lines))


def json_plan(fields: Mapping[str, Any], problems: Sequence[BridgeError]) -> None:
    """Print what would be done, as JSON, and the first problem as the error."""
    error = {"error": error_fields(problems[0])} if problems else {}
    json_result({"plan": fields, **error})


def json_line(value: Any) -> None:
    """Tell a program what happens: one JSON object a line, at once."""
    _write(json.dumps(value, ensure_ascii=not _is_unicode(sys.stderr)), sys.stderr)


def is_looked_at() -> bool:
    """Whether standard error is a terminal, where a person sees what moves."""
    return sys.stderr.isatty()


def note(text: str) -> None:
    """Tell the person something besides the result."""
    _print(text, sys.stderr)


def error(failure: BridgeError, *, as_json: bool = False) -> None:
    """Say what failed and, when there is one, what to do next.

    Where standard output takes nothing, a program gets it as a JSON line on standard error.
    """
    if as_json:
        _json_error({"error": error_fields(failure)}, is_lost=isinstance(failure, ResultLost))
        return
    note(f"omero-irods: {failure.message}")
    if failure.hint:
        note(failure.hint)


def _json_error(told: dict[str, Any], *, is_lost: bool) -> None:
    try:
        if not is_lost:
            json_result(told)
            return
    except ResultLost:
        pass
    json_line(told)


def error_fields(failure: BridgeError) -> dict[str, Any]:
    """An error as programs get it."""
    return {
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "exit_status": int(failure.exit_status),
        "retryable": failure.retryable,
    }


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> None:
    """Print a table with a row in a line, however narrow the terminal: a path can then be copied.

    ``right`` names the columns of numbers.
    """
    from rich.console import Console
    from rich.table import Table

    captured = io.StringIO()
    console = Console(
        file=captured,
        force_terminal=Console().is_terminal,
        highlight=False,
        markup=False,
        emoji=False,
        width=_NEVER_FOLDED,
    )
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        shown.add_column(head, justify="right" if head in set(right) else "left")
    for row in rows:
        shown.add_row(*(in_a_line(visible(cell)) for cell in row))
    console.print(shown)
    _write("\n".join(line.rstrip() for line in captured.getvalue().splitlines()), sys.stdout)


def show_cursor() -> None:
    """Give a terminal its cursor back, which a bar that is left in a hurry had hidden."""
    from rich.console import Console

    Console(stderr=True).show_cursor()


def in_a_line(text: str) -> str:
    """``text`` without the ends of lines: a name must not look like what we say in a line of its own."""
    return text.replace("\n", "\\n")


def visible(text: str) -> str:
    """``text`` without what would move the cursor, change colours, or turn the order of what follows.

    Names come from anybody.
    """
    return "".join(char if _is_harmless(char) else repr(char)[1:-1] for char in text)


def _is_harmless(char: str) -> bool:
    if char in _TURNS:
        return False
    return char in _SPACES or unicodedata.category(char) not in {"Cc", "Cs"}


def _print(text: str, stream: TextIO) -> None:
    _write(visible(text), stream)


def _write(text: str, stream: TextIO) -> None:
    with _until_reader_leaves(stream):
        print(_in_its_encoding(text, stream), file=stream, flush=True)


def _in_its_encoding(text: str, stream: TextIO) -> str:
    """What a terminal that knows no Unicode cannot show is escaped: a name must not end the command."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _is_unicode(stream: TextIO) -> bool:
    return codecs.lookup(stream.encoding or "utf-8").name.startswith("utf")


@contextmanager
def _until_reader_leaves(stream: TextIO) -> Iterator[None]:
    """``omero-irods list | head`` is no failure: what nobody reads any more goes nowhere.

    Nor is a log that cannot be written: work goes on that has nothing to do with it.

    Raises:
        ResultLost: standard output is a file that cannot be written any more.
    """
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        _to_nowhere(stream)
    except OSError as error:
        _to_nowhere(stream)
        if stream is not sys.stdout:
            return
        raise ResultLost(
            f"What the command found cannot be written: {error.strerror}.",
            hint="Make room where its output goes, and run it again.",
        ) from error


def _to_nowhere(stream: TextIO) -> None:
    """What is left in its buffer would fail again at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
