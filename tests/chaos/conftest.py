"""The fixtures of a whole agent between both embedded servers."""

from __future__ import annotations

from tests.agent.between.site import *  # noqa: F403
from tests.agent.conftest import memory

__all__ = ["memory"]
