"""``python -m tests.bench``: how fast things are, side by side in one run.

Absolute figures are those of the machine; ratios are what to compare. A module of this package
that registers a section (:mod:`tests.bench.registry`) and is named in ``__main__`` adds to it.
"""
