"""One of many clients at work, in a process of its own: ``python -m ... HOST PORT USER SECONDS``.

The password comes on standard input; what was written goes to standard output as JSON: kind -> {id: value}.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any, Final

from omero.gateway import BlitzGateway, MapAnnotationWrapper
from omero.rtypes import rstring

from tests.wire.omero_server import content

_TURN_S: Final = 2.0
_RUSH_S: Final = 0.7
"""Of each turn."""

Gateway = Any
Written = dict[str, dict[int, str]]


def work(gateway: Gateway, seconds: float) -> Written:
    """Write, change, read back and link for so long, one thing after the other, a third of the time.

    Raises:
        ServerError: the server refused something.
        AssertionError: it did not give back what was written.
    """
    written: Written = defaultdict(dict)
    numbers = (f"{gateway.getUser().getName()} {number}" for number in count())
    steps = _steps(gateway, written)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _wait_for_the_rush()
        next(steps)(next(numbers))
    return written


def _wait_for_the_rush() -> None:
    """All clients work at the same time and rest at the same time, so that other tests get their turn too."""
    into_turn = time.time() % _TURN_S
    if into_turn > _RUSH_S:
        time.sleep(_TURN_S - into_turn)


def _steps(gateway: Gateway, written: Written) -> Iterator[Callable[[str], None]]:
    """The same work over and over."""
    return cycle([
        lambda text: _makes_a_dataset(gateway, written, text),
        lambda text: _renames_a_dataset(gateway, written, text),
        lambda text: _annotates(gateway, written, text),
        lambda text: _attaches_a_file(gateway, written, text),
        lambda _text: _lists(gateway, written),
    ])  # fmt: skip


def _makes_a_dataset(gateway: Gateway, written: Written, text: str) -> None:
    written["Dataset"][content.new(gateway, "Dataset", text)] = text


def _renames_a_dataset(gateway: Gateway, written: Written, text: str) -> None:
    id_ = _last(written)
    dataset = gateway.getObject("Dataset", id_)
    dataset.setName(text)
    dataset.save()
    written["Dataset"][id_] = text


def _annotates(gateway: Gateway, written: Written, text: str) -> None:
    annotation = MapAnnotationWrapper(gateway)
    annotation.setValue([["key", text]])
    gateway.getObject("Dataset", _last(written)).linkAnnotation(annotation)
    id_ = gateway.getObject("Dataset", _last(written)).getAnnotation().getId()
    written["MapAnnotation"][id_] = text


def _attaches_a_file(gateway: Gateway, written: Written, text: str) -> None:
    store = gateway.c.sf.createRawFileStore()
    try:
        made = content.named("OriginalFile", "busy.txt", path=rstring("/"), mimetype=rstring("text/plain"))
        id_ = int(content.save(gateway, made).id.val)
        store.setFileId(id_)
        store.write(text.encode(), 0, len(text))
    finally:
        store.close()
    written["OriginalFile"][id_] = text


def _lists(gateway: Gateway, written: Written) -> None:
    found = {one.getId(): one.getName() for one in gateway.getObjects("Dataset")}
    assert found == written["Dataset"]


def _last(written: Written) -> int:
    return next(reversed(written["Dataset"]))


def main() -> None:
    host, port, user, seconds = sys.argv[1:]
    gateway = BlitzGateway(user, sys.stdin.readline().strip(), host=host, port=int(port), secure=True)
    assert gateway.connect(), gateway.getLastError()
    try:
        json.dump(work(gateway, float(seconds)), sys.stdout)
    finally:
        gateway.close()


if __name__ == "__main__":
    main()
