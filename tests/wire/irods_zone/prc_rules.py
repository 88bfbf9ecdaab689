"""The rule that PRC's rule_test wants a Python rule engine to have."""

from __future__ import annotations

from typing import Any


def defined_in_both(rule_args: Any, callback: Any, rei: Any) -> None:
    callback.writeLine("stdout", "python rule")
