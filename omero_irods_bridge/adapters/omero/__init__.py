"""OMERO through omero-py and Ice; the only place that imports them."""

from omero_irods_bridge.python_imports import collector_at_rest

# Before any "import Glacier2": that module puts a plain Python class over the SessionNotExistException of the
# slice definitions, unless omero's come first (reference/omero-wire.md, pitfall 2).
with collector_at_rest():
    import omero.clients as _omero_first

__all__: list[str] = []

del _omero_first
