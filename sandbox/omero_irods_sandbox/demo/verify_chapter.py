"""Verify: a byte that changed on the disk of iRODS is found, and the image that needs it is named."""

from __future__ import annotations

import shlex
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from irods.session import iRODSSession

from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.stage import Stage
from omero_irods_sandbox.demo.zone_chapter import session_of

_VICTIM: Final = "retina.jpg"
_DAMAGED: Final = 4
"""Exit status of commands that find data that do not match their checksum."""


@dataclass(frozen=True, slots=True)
class _Byte:
    """A place in a file on disk, and what is there."""

    file: Path
    offset: int
    value: int

    def written(self, value: int) -> str:
        """The lines of a shell that put ``value`` there."""
        at = f"bs=1 seek={self.offset} conv=notrunc status=none"
        return f"FILE={shlex.quote(str(self.file))}\nprintf '\\{value:03o}' | dd of=\"$FILE\" {at}"


def play(stage: Stage, narrator: Narrator) -> None:
    """The snapshot is as it was before, and verified."""
    _verify(stage, narrator)
    with session_of(stage) as session:
        byte = _byte_of(_vault_file(session, stage.snapshot), _VICTIM)
    _damage(stage, byte, narrator)
    _find_damage(stage, narrator)
    _heal(stage, byte, narrator)


def _verify(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Verify it",
        "The server reads every byte, and what it finds is compared with what was sent. "
        "With --data=5% it takes a sample, without --data it compares metadata only.",
    )
    finished = stage.person.types(f"omero-irods verify {stage.snapshot} --data", narrator)
    narrator.check("all bytes were compared" in finished.out, "all is as it was packed")


def _vault_file(session: iRODSSession, path: str) -> Path:
    return Path(session.data_objects.get(path).replicas[0].path)


def _byte_of(file: Path, name: str) -> _Byte:
    """A byte in the middle of an image."""
    with zipfile.ZipFile(file) as packet:
        member = next(one for one in packet.infolist() if one.filename.endswith(f"/{name}"))
    offset = member.header_offset + member.file_size // 2
    return _Byte(file, offset, file.read_bytes()[offset])


def _damage(stage: Stage, byte: _Byte, narrator: Narrator) -> None:
    narrator.step(
        "Flip one bit on the disk of iRODS",
        f"As an ageing disk does it: inside {_VICTIM}, behind the back of iRODS, whose catalog still says "
        "that all is well.",
    )
    flipped = byte.value ^ 1
    stage.person.types(byte.written(flipped), narrator)
    narrator.check(
        byte.file.read_bytes()[byte.offset] == flipped,
        f"byte {byte.offset:,} was {byte.value} and is {flipped} now",
    )


def _find_damage(stage: Stage, narrator: Narrator) -> None:
    narrator.step("Verify it again", "The damage is found, and the image that needs this byte is named.")
    finished = stage.person.types(f"omero-irods verify {stage.snapshot} --data", narrator, status=_DAMAGED)
    victim = stage.images[_VICTIM]
    others = set(stage.images.values()) - {victim}
    named = f"Image:{victim}:" in finished.out and not any(
        f"Image:{other}:" in finished.out for other in others
    )
    narrator.check(named, f"Image:{victim} ({_VICTIM}) is named and no other; exit status {_DAMAGED}")
    listed = stage.person.types("omero-irods list --state damaged", narrator)
    narrator.check(stage.snapshot in listed.out, "the snapshot is marked as damaged in iRODS")


def _heal(stage: Stage, byte: _Byte, narrator: Narrator) -> None:
    narrator.step("Put the byte back", "In a real zone a good replica takes its place: irepl, or a backup.")
    stage.person.types(byte.written(byte.value), narrator)
    finished = stage.person.types(f"omero-irods verify {stage.snapshot} --data", narrator)
    narrator.check("sealed" in finished.out, "the snapshot is good and sealed again")
