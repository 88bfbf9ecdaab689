"""An OMERO server in Python: enough of one that its unmodified clients cannot tell.

What it is and what it is not: docs/sandbox.md. Facts it follows are cited as
"omero-wire.md" and "omero-semantics.md"; the second cites the server's sources.
"""

# Before any "import Glacier2": that module defines a plain Python class over the
# SessionNotExistException of the slice definitions, unless omero's come first
# (omero-wire.md, pitfall 2).
import omero.clients as _omero_first

__all__: list[str] = []

del _omero_first
