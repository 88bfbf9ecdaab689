"""One process at a time carries out a load: a claim on its record, which OMERO itself keeps unique.

A claim is a link of the record to itself. OMERO has one link of one owner between two annotations (a unique
constraint of its database), and all who carry out a load are one user, as the load's id tells the user; so of
two that are saved at once one fails. Saved with it is a note of who holds it. What other members of the group
link counts for nothing, and a note that cannot be read tells nothing.

A claim that is left behind is taken over: on the machine of its holder at once when that process is gone, on
another one when the OMERO session that it was made in is over. A process whose session is over cannot write
any more, so that it never works beside the one that took over.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import omero
import omero.clients
import omero.sys

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.import_marks import IS_OF_LOAD
from omero_irods_bridge.model.errors import BridgeError, Busy
from omero_irods_bridge.model.loads import CLAIM_NAMESPACE

_CLAIMS: Final = (
    "select l from AnnotationAnnotationLink l join fetch l.child where l.parent.id = :id"  # noqa: S608 -- constants
    f" and {IS_OF_LOAD} order by l.id"
)
_OPEN: Final = (
    "select s.id from AnnotationAnnotationLink l join l.details.creationEvent e join e.session s"
    " where l.id = :id and s.closed is null"
)
_TRIES: Final = 3
_PROCESS_ID: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE: Final = Path("/proc/self/ns/pid")

_held: set[str] = set()
"""Tokens of the claims that this process holds."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """``link`` is the id of the link, ``note`` that of the annotation that ``told`` stands in."""

    link: int
    note: int | None
    told: Mapping[str, str]


@contextlib.contextmanager
def claimed(connection: OmeroConnection, load: str, record: int) -> Iterator[None]:
    """Hold the claim on the record of a load, an annotation of this id; given back at the end.

    Raises:
        Busy: another process holds it.
    """
    claims = _Claims(connection, load, record)
    token = claims.take()
    try:
        yield
    finally:
        _held.discard(token)
        with contextlib.suppress(BridgeError):  # what is left behind is taken over
            claims.give_back(token)


def remove_left_claim(connection: OmeroConnection, load: str, record: int) -> None:
    """Remove a claim of a process that is gone; done when there is none, or a living one holds it."""
    _Claims(connection, load, record).remove_left()


class _Claims:
    def __init__(self, connection: OmeroConnection, load: str, record: int) -> None:
        self._connection, self._load, self._record = connection, load, record
        with omero_errors(f"claiming the load {load}"):
            self._query = connection.session.getQueryService()
        self._writer = OmeroGraphWriter(connection)

    def take(self) -> str:
        token = str(uuid.uuid4())
        for left in reversed(range(_TRIES)):
            found = self._find()
            if found is not None:
                self._take_from(found)
            _held.add(token)
            try:
                self._save(token)
            except BridgeError:
                _held.discard(token)
                if not left or self._find() is None:
                    raise
            else:
                return token
        raise AssertionError("the last try returns or raises")

    def give_back(self, token: str) -> None:
        found = self._find()
        if found is not None and found.told.get("token") == token:
            self._remove(found)

    def remove_left(self) -> None:
        found = self._find()
        if found is not None and self._is_left_behind(found):
            self._remove(found)

    def _take_from(self, found: _Claim) -> None:
        if not self._is_left_behind(found):
            where = f"process {found.told.get('pid', '?')} on {found.told.get('host', 'another machine')}"
            raise Busy(
                f"The load {self._load} is being carried out: by {where}.",
                hint="Wait for it. If it is gone, OMERO ends its session within minutes; then try again.",
            )
        self._remove(found)

    def _is_left_behind(self, found: _Claim) -> bool:
        here = _is_running_here(found.told)
        if here is not None:
            return not here
        with omero_errors(f"looking who carries out the load {self._load}"):
            rows = self._query.projection(_OPEN, omero.sys.ParametersI().addId(found.link), self._context)
        return not rows

    def _find(self) -> _Claim | None:
        parameters = omero.sys.ParametersI().addId(self._record)
        parameters.addLong("me", self._connection.identity.user_id)
        with omero_errors(f"looking who carries out the load {self._load}"):
            links = self._query.findAllByQuery(_CLAIMS, parameters, self._context)
        claims = [one for one in links if one.child.id.val == self._record]
        notes = [
            one.child for one in links if one.child.ns is not None and one.child.ns.val == CLAIM_NAMESPACE
        ]
        if not claims:
            return None
        told = {pair.name: pair.value or "" for pair in notes[0].mapValue or () if pair} if notes else {}
        return _Claim(claims[0].id.val, notes[0].id.val if notes else None, told)

    @property
    def _context(self) -> dict[str, str]:
        return self._connection.all_groups()

    def _save(self, token: str) -> None:
        record = f"MapAnnotation:{self._record}"
        told = {**_this_process(), "token": token}
        self._writer.save(
            [
                {"@": "AnnotationAnnotationLink:_1", "parent": record, "child": record},
                {
                    "@": "MapAnnotation:_2",
                    "ns": CLAIM_NAMESPACE,
                    "mapValue": [list(one) for one in told.items()],
                },
                {"@": "AnnotationAnnotationLink:_3", "parent": record, "child": "MapAnnotation:_2"},
            ]
        )

    def _remove(self, found: _Claim) -> None:
        """Just that claim: whoever came first may have made a new one meanwhile."""
        notes = [] if found.note is None else [found.note]
        objects = {"AnnotationAnnotationLink": [found.link], "MapAnnotation": notes}
        self._writer.delete(
            objects, keep=("MapAnnotation",)
        )  # the record too is an annotation that is linked


# -- processes


def _this_process() -> dict[str, str]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": _machine(), "pid": str(pid), "began": _began(pid) or ""}


def _is_running_here(told: Mapping[str, str]) -> bool | None:
    """Whether a process of this machine still holds its claim; none when the note tells of no such one."""
    if told.get("machine") != _machine() or not _PROCESS_ID.fullmatch(told.get("pid", "")):
        return None
    pid = int(told["pid"])
    if pid == os.getpid() and told.get("began") == (_began(pid) or ""):
        return told.get("token") in _held
    return _is_alive(pid, told.get("began", ""))


def _machine() -> str:
    """This machine since it was started, and of it the part whose process ids we see."""
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
    namespace = str(_PID_NAMESPACE.readlink()) if _PID_NAMESPACE.is_symlink() else ""
    return "/".join((socket.gethostname(), boot, namespace))


def _is_alive(pid: int, began: str) -> bool:
    if began:
        return _began(pid) == began
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _began(pid: int) -> str | None:
    """When a process began, in ticks since the machine did (proc(5)); none for one that is no more."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[18]
