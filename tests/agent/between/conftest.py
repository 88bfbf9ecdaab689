"""Tests of a whole agent between both embedded servers: their fixtures, named once."""

from __future__ import annotations

from tests.agent.between.site import *  # noqa: F403
