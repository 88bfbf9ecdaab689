"""An iRODS zone in memory: what the use cases need of one, with faults on demand."""

from omero_irods_bridge.adapters.memory.store import MemoryStore
from omero_irods_bridge.adapters.memory.zone import MemoryZone

__all__ = ["MemoryStore", "MemoryZone"]
