"""Verify: is a snapshot still what was packed? Looks, and tells; repairs nothing.

``plan`` reads AVUs, catalog, manifest and the directory of the packet, and holds each against the others:
that is all of the scope METADATA. ``apply`` has the bytes compared, by the iRODS server where it can, and
records the result as AVUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias

from omero_irods_bridge.model.errors import BadPacket, BridgeError, InArchive, NotFound, UsageError
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Description, Form, State
from omero_irods_bridge.model.stored import DataObject, Replica, ReplicaStatus
from omero_irods_bridge.model.verification import Finding, Problem, Scope, Verification
from omero_irods_bridge.operations.opening import found_at, open_snapshot, open_zip
from omero_irods_bridge.operations.verifying.checking import Checked, Checker
from omero_irods_bridge.operations.verifying.described import check_avus, recorded_sha256
from omero_irods_bridge.operations.verifying.marks import Marks, write_marks
from omero_irods_bridge.operations.verifying.members import (
    PACK_AGAIN,
    ImagesOf,
    Meter,
    check_members,
    is_about_data,
)
from omero_irods_bridge.operations.verifying.replicas import Expected, Target, check_catalog, named
from omero_irods_bridge.operations.verifying.sampling import sample as draw
from omero_irods_bridge.packet.manifest import MANIFEST_BYTES, ManifestMember, parse
from omero_irods_bridge.packet.reading import MANIFEST, Packet
from omero_irods_bridge.ports import Clock, ObjectStore


@dataclass(frozen=True, slots=True)
class VerifyPlan:
    """What AVUs, catalog and manifest say, and which bytes are to be compared.

    ``findings`` is all that is wrong without looking at bytes. ``members`` are those of the manifest, empty
    when it cannot be read. ``targets`` are the data objects that the server is to read, of a sample those of
    it. ``sample`` are the members that are read, none for all.
    """

    path: str
    form: Form
    scope: Scope
    prefix: str
    description: Description | None
    findings: tuple[Finding, ...]
    members: tuple[ManifestMember, ...]
    targets: tuple[Target, ...]
    sample: frozenset[str] | None = None

    @property
    def bytes_total(self) -> int:
        """How many bytes are compared at least; more are read when some are damaged."""
        if self.scope is Scope.METADATA:
            return 0
        if self.sample is not None and self.form is Form.ZIP:
            return sum(member.size for member in self.members if member.path in self.sample)
        return sum(replica.size for target in self.targets for replica in target.replicas(self.scope))

    @property
    def items_total(self) -> int:
        """How many data objects are compared, of a sample of a zip how many members."""
        is_of_zip = self.sample is not None and self.form is Form.ZIP
        return len(self.sample or ()) if is_of_zip else len(self.targets)


def plan(
    store: ObjectStore,
    path: str,
    *,
    scope: Scope = Scope.METADATA,
    sample: float | None = None,
    rng: Random | None = None,
    prefix: str = DEFAULT_PREFIX,
) -> VerifyPlan:
    """Look at all that is said of the snapshot at ``path``; its bytes are not compared yet.

    With ``sample`` (above 0, at most 1) and the scope DATA that part of the bytes is to be compared, in
    members that ``rng`` draws.

    Raises:
        NotFound: nothing is there, or this user may not see it.
        BadPacket: it has neither AVUs nor a manifest, so that there is nothing to hold it against.
        UsageError: the sample is no part of the data.
    """
    if sample is not None and (scope is not Scope.DATA or not 0 < sample <= 1):
        raise UsageError("A sample is a part of the data: above 0%, at most 100%, and not of all replicas.")
    found = found_at(store, path)
    description, findings = check_avus(path, store.avus(path), prefix)
    look = _look_at_zip if isinstance(found, DataObject) else _look_at_collection
    seen = look(store, path, description, scope)
    if description is None and not seen.members:
        raise BadPacket(
            f"{path} is no snapshot: it has neither AVUs of one nor a manifest.",
            hint="Only what omero-irods packed can be verified.",
        )
    drawn = None if sample is None else _drawn(seen.members, sample, rng or Random())  # noqa: S311
    return VerifyPlan(
        path=path,
        form=Form.ZIP if isinstance(found, DataObject) else Form.EXPANDED,
        scope=scope,
        prefix=prefix,
        description=description,
        findings=(*findings, *_miscounted(path, description, seen.members), *seen.findings),
        members=seen.members,
        targets=tuple(one for one in seen.targets if drawn is None or one.expected.member in {None, *drawn}),
        sample=drawn,
    )


def apply(
    plan: VerifyPlan,
    store: ObjectStore,
    *,
    clock: Clock,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Verification:
    """Compare the bytes that ``plan`` names, and record the result as AVUs. Safe to repeat.

    Without bytes (scope METADATA) nothing is recorded. ``verified_at`` is when all bytes were compared last,
    and ``state`` what came out; a sample only ever records damage. One bad member does not stop the others.

    Raises:
        StalePlan: there is another snapshot now than ``plan`` was made for.
        Interrupted: ``cancel`` asked to stop; nothing is recorded.
        BridgeError: it cannot be looked at: unreachable, busy.
    """
    planned = None if plan.description is None else plan.description.state
    base = Verification(
        plan.path, plan.scope, plan.findings, len(plan.members) or len(plan.targets), state=planned
    )
    if plan.scope is Scope.METADATA:
        return base
    meter = Meter(report, cancel or CancelToken())
    meter.begin(Step(f"Comparing the bytes of {plan.path}", plan.bytes_total, plan.items_total))
    checked = _check(plan, store, meter)
    findings = (*(one for one in plan.findings if not checked.settles(one)), *checked.findings)
    result = replace(
        base,
        findings=findings,
        members_checked=len(checked.members),
        bytes_checked=meter.by_server,
        bytes_read=meter.read,
        complete=checked.complete and plan.sample is None,
    )
    if plan.description is None:
        return result
    marks = decide_marks(result, plan, clock.now())
    return replace(result, state=write_marks(store, plan.path, plan.description, marks, plan.prefix, report))


def decide_marks(result: Verification, plan: VerifyPlan, now: float) -> Marks:
    """What to record of ``result``. Damaged becomes sealed only when every good replica was compared."""
    problems = {finding.problem for finding in result.findings}
    if problems & {Problem.DAMAGED, Problem.MISSING}:
        return Marks(State.DAMAGED, now if result.complete else None)
    if problems or not result.complete or plan.description is None:
        return Marks()
    was_damaged = plan.description.state is State.DAMAGED
    if was_damaged and not all(target.is_covered(plan.scope) for target in plan.targets):
        return Marks()
    return Marks(State.SEALED, now)


def _check(plan: VerifyPlan, store: ObjectStore, meter: Meter) -> Checked:
    checker = Checker(store, plan.path, plan.members, meter)
    if plan.sample is not None and plan.form is Form.ZIP:
        return checker.sample(plan.sample)
    return checker.objects(plan.targets, plan.scope)


# -- what there is


@dataclass(frozen=True, slots=True)
class _Seen:
    findings: Sequence[Finding] = ()
    members: tuple[ManifestMember, ...] = ()
    targets: tuple[Target, ...] = ()


def _look_at_zip(store: ObjectStore, path: str, description: Description | None, scope: Scope) -> _Seen:
    found = found_at(store, path)
    assert isinstance(found, DataObject)
    sha256 = None if description is None else recorded_sha256(description)
    expected = Expected(path, None if description is None else description.size, sha256)
    findings = list(check_catalog(expected, found, scope))
    members, problems = _manifest_of_zip(store, found)
    return _Seen([*findings, *problems], members, (Target(expected, found),))


def _look_at_collection(
    store: ObjectStore, path: str, description: Description | None, scope: Scope
) -> _Seen:
    members, findings = _manifest_of_collection(store, path)
    objects = {one.path: one for one in store.children(path, recursive=True) if isinstance(one, DataObject)}
    targets = tuple(
        Target(expected, objects[expected.path])
        for expected in _expected(path, description, members)
        if expected.path in objects
    )
    for target in targets:
        findings.extend(check_catalog(target.expected, target.found, scope))
    size = sum(one.size for one in objects.values())
    if description is not None and size != description.size:
        text = f"{path} has {size:,} bytes in all, {description.size:,} by its AVUs."
        findings.append(Finding(Problem.DIFFERS, path, text, "See the other findings."))
    return _Seen(findings, members, targets)


def _expected(
    path: str, description: Description | None, members: Sequence[ManifestMember]
) -> Iterator[Expected]:
    """What each data object should be; the manifest comes last, as it was written."""
    for member in members:
        yield Expected(f"{path}/{member.path}", member.size, member.sha256, member.path)
    sha256 = None if description is None else recorded_sha256(description)
    yield Expected(f"{path}/{MANIFEST}", None, sha256, MANIFEST)


_Manifest: TypeAlias = tuple[tuple[ManifestMember, ...], list[Finding]]
"""The members that a manifest names, and where packet and manifest do not agree."""


def _manifest_of_zip(store: ObjectStore, found: DataObject) -> _Manifest:
    """Of the first replica that has a manifest, so that the members of the others can be named."""
    findings: list[Finding] = []
    good = [one for one in found.replicas if one.status is ReplicaStatus.GOOD]
    for replica in good or found.replicas[:1]:
        try:
            with _open_replica(store, found.path, replica, is_alone=len(good) == 1) as packet:
                members, others = _read_manifest(found.path, packet)
                return members, [*findings, *others]
        except InArchive:
            continue
        except BridgeError as error:
            findings.append(_unreadable(error, found.path, replica))
    return (), findings


@contextmanager
def _open_replica(store: ObjectStore, path: str, replica: Replica, *, is_alone: bool) -> Iterator[Packet]:
    """From an archive iRODS fetches what it has no other good replica of."""
    with ExitStack() as opened:
        try:
            packet = opened.enter_context(open_zip(store, path, replica=replica.number))
        except InArchive:
            if not is_alone:
                raise
            packet = opened.enter_context(open_zip(store, path))
        yield packet


def _manifest_of_collection(store: ObjectStore, path: str) -> _Manifest:
    try:
        with open_snapshot(store, path) as packet:
            return _read_manifest(path, packet)
    except BridgeError as error:
        return (), [_unreadable(error, path)]


def _read_manifest(path: str, packet: Packet) -> _Manifest:
    members = parse(packet.read(MANIFEST, MANIFEST_BYTES)).members
    sizes = {name: member.size for name, member in packet.members.items()}
    return members, list(check_members(path, members, sizes, ImagesOf(packet)))


def _unreadable(error: BridgeError, path: str, replica: Replica | None = None) -> Finding:
    """What an error says of a manifest; one that says nothing of data is raised again."""
    if not is_about_data(error):
        raise error
    where = path if replica is None else f"{path}, {named(replica)},"
    problem = Problem.MISSING if isinstance(error, NotFound) else Problem.DAMAGED
    number, resource = (None, "") if replica is None else (replica.number, replica.resource)
    text = f"The manifest of {where} cannot be read: {error.message}"
    return Finding(problem, path, text, PACK_AGAIN, number, resource, MANIFEST)


def _miscounted(
    path: str, description: Description | None, members: Sequence[ManifestMember]
) -> Iterator[Finding]:
    files = sum(member.role is not FileRole.METADATA for member in members)
    if description is not None and members and files != description.files:
        text = f"{path} has {files:,} files by its manifest, {description.files:,} by its AVUs."
        yield Finding(Problem.DIFFERS, path, text, "Somebody changed the AVUs.")


def _drawn(members: Sequence[ManifestMember], fraction: float, rng: Random) -> frozenset[str]:
    return frozenset(draw({member.path: member.size for member in members}, fraction, rng))
