"""Draws docs/images/data-flow.svg of docs/images/data-flow.toml: the same text gives the same bytes.

Run: .venv/bin/python docs/site/data_flow.py
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

IMAGES: Final = Path(__file__).parents[1] / "images"
SOURCE: Final = IMAGES / "data-flow.toml"
PICTURE: Final = IMAGES / "data-flow.svg"

UNIT: Final = 28
"""Pixels of one unit of the grid."""

STYLE: Final = """
  text { font: 14px system-ui, sans-serif; fill: #1f2328; text-anchor: middle }
  .title { font-size: 18px; font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  rect { fill: #f6f8fa; stroke: #59636e; rx: 8px }
  path { stroke: #00796b; stroke-width: 2; fill: none }
  .head { fill: #00796b; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    rect { fill: #151b23; stroke: #9198a1 }
    path { stroke: #4db6ac }
    .head { fill: #4db6ac }
  }
"""


def drawing(text: str) -> str:
    """The picture that ``text`` describes, as SVG. It reads well on white and on black."""
    told = tomllib.loads(text)
    width, height = (side * UNIT for side in told["size"])
    title = escape(told["title"])
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{title}">'
        ),
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        *(line for one in told["box"] for line in _box(one)),
        *(line for one in told["arrow"] for line in _arrow(one)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _box(told: dict[str, Any]) -> Iterator[str]:
    (x, y), (across, down) = told["at"], told["size"]
    yield f'<rect x="{x * UNIT + 1}" y="{y * UNIT}" width="{across * UNIT - 2}" height="{down * UNIT}"/>'
    middle, top = x * UNIT + across * UNIT // 2, y * UNIT + UNIT
    yield _text(middle, top, "title", told["title"])
    for number, line in enumerate(told["lines"], start=1):
        if line:
            yield _text(middle, top + number * 24, "", line)


def _arrow(told: dict[str, Any]) -> Iterator[str]:
    """From left to right or back, with a text above it and a note below."""
    (start, row), (end, _) = told["from"], told["to"]
    way = 1 if end > start else -1
    y, tip = row * UNIT, end * UNIT - 2 * way
    yield f'<path d="M{start * UNIT + 2 * way} {y}H{tip - 10 * way}"/>'
    yield f'<path class="head" d="M{tip} {y}l{-12 * way} -6v12z"/>'
    middle = (start + end) * UNIT // 2
    yield _text(middle, y - 8, "", told["text"])
    yield _text(middle, y + 18, "note", told["note"])


def _text(x: int, y: int, kind: str, text: str) -> str:
    look = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{look}>{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(drawing(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
