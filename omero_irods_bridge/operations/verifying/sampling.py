"""Which members a sample takes. Pure, given a source of chance."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random


def sample(sizes: Mapping[str, int], fraction: float, rng: Random) -> tuple[str, ...]:
    """Members drawn without replacement until they have ``fraction`` of all bytes, in the order of ``sizes``.

    A member is drawn with a chance that grows with its bytes (Efraimidis and Spirakis 2006), so a byte of a
    large one is as likely to be read as one of a small one. At least one is drawn when there are any.
    """
    keys = {path: rng.expovariate(max(size, 1)) for path, size in sizes.items()}
    wanted = fraction * sum(sizes.values())
    drawn: set[str] = set()
    done = 0
    for path in sorted(sizes, key=keys.__getitem__):
        if drawn and done >= wanted:
            break
        drawn.add(path)
        done += sizes[path]
    return tuple(path for path in sizes if path in drawn)
