r"""Command lines of ``msiExecCmd``: no shell, but a tokenizer with traps of its own.

Source: ``initCmdArg`` of ``rsExecCmd.cpp`` and ``smsi_execCmdArg`` of the rule language's
``functions.cpp``; reference/irods-rules.md, Launching external work. The traps are kept, so that a
rule that is unsafe on a real server is unsafe here:

- either quote opens, and either closes;
- what stands before an opening quote in the same argument is lost;
- a backslash takes the meaning of a quote only, not of another backslash, so an argument that
  ends in ``\`` swallows the quote that should close it and takes the next argument in.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_BYTES: Final = 100_000 - 1
"""HUGE_NAME_LEN of ``rodsDef.h``, its final NUL apart."""

_QUOTES: Final = "'\""
_ESCAPED_QUOTE: Final = re.compile(r"\\(['\"])")


def split(line: str) -> list[str]:
    """The arguments that the program gets."""
    text = line.encode("utf-8", "surrogateescape")[:_MAX_BYTES].decode("utf-8", "surrogateescape")
    return [_ESCAPED_QUOTE.sub(r"\1", argument) for argument in _tokens(text)]


def _tokens(text: str) -> list[str]:
    """One pass, as the server does it: position, start of the argument, its length, quotes seen in it."""
    tokens: list[str] = []
    position = start = length = quotes = 0
    while position < len(text):
        character = text[position]
        if (character == " " and quotes == 0 and length > 0) or quotes == 2:
            tokens.append(text[start:position])
            position += 1
            start, length, quotes = position, 0, 0
        elif character == " " and length == 0:
            position += 1
            start = position
        elif character in _QUOTES and not (position > 0 and text[position - 1] == "\\"):
            quotes += 1
            if quotes == 1:
                position += 1
                start = position
        else:
            position += 1
            length += 1
    if length > 0:
        tokens.append(text[start:])
    return tokens


def quoted(argument: str) -> str:
    """``execCmdArg``: quotes are escaped, backslashes are not."""
    return ' "' + re.sub(r"(['\"])", r"\\\1", argument) + '"'
