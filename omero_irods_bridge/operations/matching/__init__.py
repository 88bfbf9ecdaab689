"""Two graphs, of a packet and of a server: which object is which, what differs, and drafts that end that.

Pure: rows in, drafts out (docs/decisions/0008-unpack-makes-two-graphs-equal.md). ``pair`` finds partners,
``difference`` what they leave to be done, ``batches`` the order to do it in, ``tell`` says it to people.
"""

from omero_irods_bridge.operations.matching.batches import Batch, Mark, batches
from omero_irods_bridge.operations.matching.changes import Change, What, tell
from omero_irods_bridge.operations.matching.difference import Changed, Difference, NotKept, difference
from omero_irods_bridge.operations.matching.pairing import pair, same_ids
from omero_irods_bridge.operations.matching.pairs import Pairs

__all__ = [
    "Batch",
    "Change",
    "Changed",
    "Difference",
    "Mark",
    "NotKept",
    "Pairs",
    "What",
    "batches",
    "difference",
    "pair",
    "same_ids",
    "tell",
]
