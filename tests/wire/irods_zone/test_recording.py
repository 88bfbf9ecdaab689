"""The zone answers the requests recorded from a real iRODS 5.0.2 as that server did."""

from __future__ import annotations

from typing import Final

import pytest

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import ZoneConfig
from tests.wire.irods_zone import recording
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.reply_comparison import Difference

_FRAMES: Final = 449
_OTHER_RESOURCES: Final = {
    "ufs": "/vaults/d",
    "testRegisterOpResc": "/vaults/c",
    "regWithChksumResc": "/vaults/a",
    "testDataObjMetaResc": "/vaults/b",
}
"""What the recorded zone had from earlier uses."""

_EXPLAINED: Final = "the recorded server gives no text; ours explains, in the part that clients only show"
_INNER_KEYWORDS: Final = (
    "keywords that the recorded server adds for itself on the way (selObjType, openType, filePath, ...);"
    " PRC reads replica_token and resource_hierarchy only"
)
_DESCRIPTOR: Final = "message/BinBytesBuf_PI/buf"

ACCEPTED: Final = {
    (7, "error"): _EXPLAINED,
    (53, f"{_DESCRIPTOR}/data_object_input/condition_input/length"): _INNER_KEYWORDS,
    (53, f"{_DESCRIPTOR}/data_object_input/condition_input/value"): _INNER_KEYWORDS,
    (153, f"{_DESCRIPTOR}/data_object_info/condition_input/length"): _INNER_KEYWORDS,
    (153, f"{_DESCRIPTOR}/data_object_input/condition_input/length"): _INNER_KEYWORDS,
    (355, "error"): _EXPLAINED,
    (413, "error/RError_PI/RErrMsg_PI/status"): "the text has the error's code here, and 0 there",
    (426, "error"): _EXPLAINED,
}
"""(frame, where) -> why the zone need not answer as the recorded server did.

Two more are accepted in every GenQueryOut_PI: the recorded server sends 50 SqlResult_PI whatever
was asked for (a C array), those behind ``attriCnt`` empty, and its ``reslen`` is the width of a buffer.
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Difference]:
    """All differences of one replay against a fresh zone."""
    folder = tmp_path_factory.mktemp("recording")
    registered = folder / "hostname"
    registered.write_text("a file beside the vault")
    config = ZoneConfig(
        root=folder / "zone", zone=recording.ZONE, admin=recording.ADMIN, password=recording.PASSWORDS["rods"]
    )
    with running_zone(config) as zone:
        with connect(zone) as session:
            for name, vault in _OTHER_RESOURCES.items():
                session.resources.create(name, "unixfilesystem", host="localhost", path=vault)
        replay = recording.Replay(
            zone.host, zone.port, vault=zone.vault.resolve(), registered_file=registered
        )
        try:
            return list(replay.run(recording.frames()))
        finally:
            replay.close()


def test_the_recording_is_whole() -> None:
    recorded = recording.frames()
    assert len(recorded) == _FRAMES
    assert {one.number for one in recorded} == set(range(_FRAMES))
    assert sum(one.is_request for one in recorded) == 227


def test_every_reply_has_the_recorded_status_and_structure(found: list[Difference]) -> None:
    unexpected = [one for one in found if (one.frame, one.where) not in ACCEPTED]
    assert not unexpected, "\n".join(map(str, unexpected))


def test_every_accepted_difference_is_there(found: list[Difference]) -> None:
    """An entry that no longer applies would hide the next difference at the same place."""
    assert ACCEPTED.keys() <= {(one.frame, one.where) for one in found}
