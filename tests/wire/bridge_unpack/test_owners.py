"""Row U6: everybody keeps what was his (``--as-owner``), by equal names or by a file of names."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.agent.loading import Loader
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, ExitStatus, UsageError
from omero_irods_bridge.model.events import CancelToken, silent
from omero_irods_bridge.model.jobs import JobSpec, UnpackWork
from omero_irods_bridge.model.loads import LoadState
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.ownership import OwnerMap, PacketOwner
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import undo, unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.unpack import UnpackPlan
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.settings import Settings
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_import.sources import tiff
from tests.wire.bridge_pack.conftest import make_dataset
from tests.wire.bridge_pack.killed import Accounts
from tests.wire.bridge_unpack.canonical import assert_same, canonical
from tests.wire.bridge_unpack.conftest import People, Side, mounted, packed, row_counts, rows_of, unpacked
from tests.wire.bridge_unpack.content import put_tag, tag, varied_project
from tests.wire.bridge_unpack.killed import Load, finish, started
from tests.wire.bridge_unpack.test_bad_packets import transfer_xml
from tests.wire.bridge_unpack.test_killed import settled
from tests.wire.bridge_unpack.test_undo import take_back
from tests.wire.omero_server.conftest import Group, User

KEPT_BY = ("WriteOwned", "WriteFile", "Chown", "DeleteOwned", "WriteManagedRepo")
"""What an administrator needs to load for others, and to take it back."""


@dataclass(frozen=True)
class There:
    """A packet of what Ana and Ben have in one group of A: a dataset each, and Ben's tag on Ana's image."""

    path: str
    ana: str
    ben: str
    group: str
    rows: list[Any]


@pytest.fixture
def there(pair: Any, server: OmeroServer, store: IrodsStore, place: str, tmp_path: Path) -> There:
    ana, ben = pair("rwra--")
    refs = tuple(_dataset(gateway, tmp_path / name) for gateway, name in ((ana, "ana"), (ben, "ben")))
    (image,) = (int(one.getId()) for one in ana.getObject("Dataset", refs[0].id).listChildren())
    put_tag(ben, tag(ben, "mine"), "Image", image)
    rows: list[Any] = []
    with mounted(server, ana) as packing:
        packing.read_graph(refs, rows.append)
        path = packed(packing, store, place, refs)
    one, other = (gateway.getUser().getOmeName() for gateway in (ana, ben))
    return There(path, one, other, ana.getGroupFromContext().getName(), rows)


@pytest.fixture
def lab(there: There, people: People) -> Group:
    """A group of B in which both are."""
    return people.make_group_of(there.ana, there.ben)


def _dataset(gateway: Any, folder: Path) -> ObjectRef:
    folder.mkdir()
    return make_dataset(gateway, folder, [(16, 16)])


def planned(store: IrodsStore, path: str, side: Side, **more: Any) -> UnpackPlan:
    with open_snapshot(store, path) as packet:
        return unpack.plan(UnpackRequest(path, as_owner=True, **more), packet, side.receiver)


def whose(side: Side, loaded: Any, kind: str) -> Counter[str]:
    """Names of the owners of all objects of a class that a load has made."""
    rows = {row["@"]: row for row in rows_of(side, loaded.objects.values())}
    found = (row["details"]["owner"] for key, row in rows.items() if key.partition(":")[0] == kind)
    return Counter(rows[owner]["omeName"] for owner in found)


def owners_lost(loaded: Any) -> dict[str, int]:
    return {text: count for text, count in loaded.not_kept.items() if text.startswith("owner of")}


# -- users


def test_two_owners_keep_what_was_theirs_and_undo_leaves_nothing(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    side = people.root_in(lab)
    before = row_counts(side.omero)
    loaded = unpacked(store, there.path, side, as_owner=True)
    assert_same(
        canonical(there.rows, owners=True), canonical(rows_of(side, loaded.objects.values()), owners=True)
    )
    assert whose(side, loaded, "Pixels") == {there.ana: 1, there.ben: 1}
    assert owners_lost(loaded) == {}
    assert unpacked(store, there.path, side, as_owner=True).was_complete
    take_back(side, loaded.load)
    assert row_counts(side.omero) == before


def test_a_user_who_is_called_otherwise_here_gets_what_was_his(
    there: There, store: IrodsStore, people: People
) -> None:
    lab = people.make_group_of("carol", there.ben)
    side = people.root_in(lab)
    plan = planned(store, there.path, side, owners=OwnerMap({there.ana: "carol"}))
    assert {(one.there, one.here) for one in people_of(plan)} == {
        (there.ana, "carol"),
        (there.ben, there.ben),
    }
    loaded = unpacked(store, there.path, side, as_owner=True, owners=OwnerMap({there.ana: "carol"}))
    for kind in ("Image", "Fileset", "Dataset", "OriginalFile", "RenderingDef"):
        assert whose(side, loaded, kind).keys() == {"carol", there.ben}, kind
    assert owners_lost(loaded) == {}


def people_of(plan: UnpackPlan) -> tuple[PacketOwner, ...]:
    assert plan.owners is not None
    return plan.owners.people


def test_two_users_may_become_one(there: There, store: IrodsStore, people: People) -> None:
    lab = people.make_group_of("carol")
    side = people.root_in(lab)
    before = row_counts(side.omero)
    both = OwnerMap({there.ana: "carol", there.ben: "carol"})
    loaded = unpacked(store, there.path, side, as_owner=True, owners=both)
    assert whose(side, loaded, "Image") == {"carol": 2}
    assert unpacked(store, there.path, side, as_owner=True, owners=both).was_complete
    take_back(side, loaded.load)
    assert row_counts(side.omero) == before


def test_a_load_is_another_one_only_when_somebody_is_renamed(
    there: There, store: IrodsStore, people: People
) -> None:
    lab = people.make_group_of(there.ana, there.ben, "carol")
    side = people.root_in(lab)
    loads = [
        planned(store, there.path, side, owners=OwnerMap(users)).load
        for users in ({}, {there.ana: there.ana}, {there.ana: "carol"})
    ]
    assert loads[0] == loads[1] != loads[2]


def test_what_belonged_to_somebody_unknown_is_told_of_and_becomes_the_loaders(
    there: There, store: IrodsStore, people: People
) -> None:
    lab = people.make_group_of(there.ben)
    side = people.root_in(lab)
    plan = planned(store, there.path, side)
    assert not plan.problems
    assert any(f"Nobody here is called {there.ana}" in text for text in plan.notices)
    assert {one.there: one.id for one in people_of(plan)}[there.ana] is None
    loaded = unpacked(store, there.path, side, as_owner=True)
    assert whose(side, loaded, "Image") == {"root": 1, there.ben: 1}
    assert loaded.not_kept["owner of Image: nobody here is known to be the owner"] == 1
    mixed = {"as_owner": True, "owners": OwnerMap({there.ben: "root"})}
    assert whose(side, unpacked(store, there.path, side, **mixed), "Image") == {"root": 2}
    assert unpacked(store, there.path, side, **mixed).was_complete


def test_a_recipient_who_is_not_in_the_group_is_refused_before_anything_starts(
    there: There, store: IrodsStore, people: People
) -> None:
    lab = people.make_group_of(there.ana)
    people.make_group_of(there.ben, name="elsewhere")
    (problem,) = planned(store, there.path, people.root_in(lab)).problems
    assert isinstance(problem, AccessDenied)
    assert problem.message.endswith(f": {there.ben}.")
    assert "lab" in problem.message


def test_names_that_omero_does_not_have_are_refused_with_their_keys_if_the_packet_has_them(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    wrong = OwnerMap({"zoe": "no one", there.ben: "nobody"}, {"no lab": "no", there.group: "none"})
    problems = planned(store, there.path, people.root_in(lab), owners=wrong).problems
    told = [one.message for one in problems]
    assert told == [
        f'OMERO has no users of these names in --owners: users."{there.ben}" = "nobody".',
        f'OMERO has no groups of these names in --owners: groups."{there.group}" = "none".',
    ]
    assert all(isinstance(one, UsageError) for one in problems)


def test_a_map_of_a_whole_site_makes_the_same_load_whatever_else_it_names(
    there: There, store: IrodsStore, people: People
) -> None:
    lab = people.make_group_of("carol")
    maps = (
        {there.ana: "carol"},
        {there.ana: "carol", "zoe": "zoe2"},
        {there.ana: "carol", there.ben: there.ben},
    )
    loads = {planned(store, there.path, people.root_in(lab), owners=OwnerMap(one)).load for one in maps}
    assert len(loads) == 1
    (other,) = {planned(store, there.path, people.root_in(lab)).load} - loads
    assert other


def test_names_without_keeping_owners_are_a_mistake() -> None:
    with pytest.raises(UsageError, match="--owners"):
        UnpackRequest("x", owners=OwnerMap({"a": "b"}))


# -- rights


def test_an_administrator_with_just_the_privileges_loads_for_others_and_takes_it_back(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    side = people.log_in(people.make_administrator("keeper", lab, KEPT_BY))
    before = row_counts(side.omero)
    loaded = unpacked(store, there.path, side, as_owner=True)
    assert whose(side, loaded, "Image") == {there.ana: 1, there.ben: 1}
    take_back(side, loaded.load)
    assert row_counts(side.omero) == before


def test_the_plan_of_an_undo_says_what_others_own_that_one_may_not_delete(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    keeper = people.make_administrator("keeper", lab, KEPT_BY)
    side = people.log_in(keeper)
    loaded = unpacked(store, there.path, side, as_owner=True)
    assert undo.plan(loaded.load, side.receiver).problems == ()
    people.let(keeper, [one for one in KEPT_BY if one != "DeleteOwned"])
    before = row_counts(side.omero)
    (problem,) = undo.plan(loaded.load, side.receiver).problems
    assert isinstance(problem, AccessDenied)
    assert {word.partition(":")[0] for word in problem.message.split() if ":" in word} >= {
        "Fileset",
        "Dataset",
    }
    with pytest.raises(AccessDenied, match="does not let you delete Fileset:"):
        take_back(side, loaded.load)
    assert row_counts(side.omero) == before


def test_without_the_privilege_to_give_nothing_starts(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    side = people.log_in(people.make_administrator("keeper", lab, ("WriteOwned", "WriteFile")))
    (problem,) = planned(store, there.path, side).problems
    assert isinstance(problem, AccessDenied)
    assert "Chown" in problem.message


def test_what_omero_refuses_to_give_stays_the_loaders_and_the_load_is_complete(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    keeper = people.make_administrator("keeper", lab, KEPT_BY)
    side = people.log_in(keeper)
    told: list[Any] = []
    with open_snapshot(store, there.path) as packet:
        plan = unpack.plan(UnpackRequest(there.path, as_owner=True), packet, side.receiver)
        assert not plan.problems
        people.let(keeper, [one for one in KEPT_BY if one != "Chown"])
        loaded = unpack.apply(plan, packet, side.receiver, clock=SystemClock(), report=told.append)
    assert whose(side, loaded, "Image") == {"keeper": 2}
    assert whose(side, loaded, "Dataset") == {there.ana: 1, there.ben: 1}
    assert loaded.not_kept["owner of Image: it is somebody else's here"] == 2
    assert sum("It stays yours." in getattr(event, "text", "") for event in told) == 2


# -- private groups


def test_in_a_private_group_everything_of_one_owner_arrives_and_can_be_taken_back(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path, people: People, user: User
) -> None:
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),))
    side = people.root_in(people.make_group_of(user.name, name="den", permissions="rw----"))
    side.receiver.writer.save([{"@": "TagAnnotation:_1", "textValue": "good", "description": "in focus"}])
    before = row_counts(side.omero)
    loaded = unpacked(store, path, side, as_owner=True)
    assert unpacked(store, path, side, as_owner=True).was_complete
    assert owners_lost(loaded) == {}
    his = people.log_in(replace(user, password=f"{user.name}-pw"))
    seen = canonical(rows_of(his, loaded.objects.values()), owners=True)
    assert_same(seen, canonical(rows_of(side, loaded.objects.values()), owners=True))
    assert whose(his, loaded, "Image").keys() == {user.name}
    take_back(side, loaded.load)
    assert row_counts(side.omero) == before


def test_into_a_private_group_nothing_of_several_owners_is_loaded(
    there: There, store: IrodsStore, people: People
) -> None:
    den = people.make_group_of(there.ana, there.ben, name="den", permissions="rw----")
    (problem,) = planned(store, there.path, people.root_in(den)).problems
    assert isinstance(problem, UsageError)
    assert "den is private" in problem.message
    (problem,) = planned(
        store, there.path, people.root_in(den), owners=OwnerMap({there.ben: there.ana}), merge=True
    ).problems
    assert "--merge" in problem.hint


# -- killed


def test_killed_while_it_gives_it_goes_on_and_undo_leaves_nothing(
    there: There, store: IrodsStore, people: People, accounts: Accounts
) -> None:
    lab = people.make_group_of(there.ana, there.ben, name="keepers")
    keeper = people.make_administrator("keeper", lab, KEPT_BY)
    side = people.log_in(keeper)
    before = row_counts(side.omero)
    loaded = unpacked(store, there.path, side, as_owner=True)
    after, graph = row_counts(side.omero), graph_of(side, loaded)
    take_back(side, loaded.load)
    who = replace(accounts, omero_user=keeper.name, omero_password=keeper.password)
    load = Load(who, UnpackRequest(there.path, as_owner=True))
    for given in (0, 1):
        kill_while_giving(load, side, given)
        assert side.receiver.book.list_loads()[0].state is LoadState.RUNNING
        assert finish(started(load)) == ExitStatus.DONE
        (record,) = side.receiver.book.list_loads()
        assert row_counts(side.omero) == after
        again = unpacked(store, there.path, side, as_owner=True)
        assert again.was_complete
        assert_same(graph, graph_of(side, again))
        take_back(side, record.load)
        kill_while_giving(load, side, given)
        take_back(side, record.load)
        assert row_counts(side.omero) == before


def kill_while_giving(load: Load, side: Side, given: int) -> None:
    """Kill a run when it asks OMERO to give what one owner has, after that many that were given."""
    side.omero.faults.delay_calls("ServiceFactory.submit", 0.3)
    side.omero.counters.reset()
    process = started(load)
    while process.is_alive() and side.omero.counters.calls("ServiceFactory.submit") <= given:
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode != 0
    side.omero.faults.clear()
    settled(side.omero)


def graph_of(side: Side, loaded: Any) -> Any:
    return canonical(rows_of(side, loaded.objects.values()), owners=True)


def test_what_somebody_gave_to_a_third_person_meanwhile_stays_with_him(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    side = people.root_in(lab)
    carol = people.make_user("carol", lab)
    side.omero.faults.fail_call("ServiceFactory.submit")
    with pytest.raises(BridgeError):
        unpacked(store, there.path, side, as_owner=True)
    marked = side.receiver.importer.find_marked(planned(store, there.path, side).load)
    side.receiver.ownership.give([marked[0].id], [], carol.id)
    loaded = unpacked(store, there.path, side, as_owner=True)
    assert whose(side, loaded, "Image")["carol"] == 1
    assert loaded.not_kept["owner of Image: it is somebody else's here"] == 1


# -- groups


def group_problem(store: IrodsStore, path: str, side: Side, **more: Any) -> BridgeError | None:
    found = planned(store, path, side, keep_group=True, **more).problems
    return found[0] if found else None


def test_who_keeps_owners_is_in_the_group_of_the_packet_or_in_the_one_of_the_file(
    there: There, store: IrodsStore, people: People
) -> None:
    same, lab = people.make_group(there.group), people.make_group("lab")
    for name in (there.ana, there.ben):
        people.make_user(name, same, lab)
    to_lab = OwnerMap(groups={there.group: "lab"})
    assert group_problem(store, there.path, people.root_in(same)) is None
    assert group_problem(store, there.path, people.root_in(lab), owners=to_lab) is None
    for side, owners in ((people.root_in(lab), OwnerMap()), (people.root_in(same), to_lab)):
        problem = group_problem(store, there.path, side, owners=owners)
        assert isinstance(problem, AccessDenied)
        assert "--group" in problem.hint
    with open_snapshot(store, there.path) as packet:
        for owners, name in ((OwnerMap(), there.group), (to_lab, "lab")):
            request = UnpackRequest(there.path, as_owner=True, owners=owners, keep_group=True)
            assert unpack.group_of(unpack.read_content(request, packet), request) == name


def test_without_the_group_of_the_packet_nothing_starts(
    there: There, store: IrodsStore, people: People, lab: Group
) -> None:
    problem = group_problem(store, there.path, people.root_in(lab))
    assert isinstance(problem, UsageError)
    assert there.group in problem.message
    assert "--group" in problem.hint
    assert "--owners" in problem.hint


def test_a_job_of_the_agent_is_done_in_the_group_of_the_packet_and_with_its_names(
    there: There, store: IrodsStore, people: People
) -> None:
    lab = people.make_group_of("carol", there.ben)
    asked: list[str] = []

    @contextmanager
    def opened(user: str, group: str = "") -> Iterator[Receiver]:
        asked.append(f"{user} in {group}")
        yield people.root_in(Group(lab.id, group)).receiver

    names = OwnerMap({there.ana: "carol"}, {there.group: "lab"})
    work = UnpackWork(there.path, as_owner=True, owners=names)
    spec = JobSpec(work, "root", "request-1")
    assert JobSpec.from_json(spec.to_json()) == spec
    made = Loader(Settings(), opened, SystemClock())("root", work, store, silent, CancelToken())
    assert asked == ["root in lab"]
    side = people.root_in(lab)
    images = rows_of(side, [f"Image:{one}" for one in made["image_ids"]])
    assert {row["omeName"] for row in images if row["@"].startswith("Experimenter:")} >= {"carol", there.ben}
    assert not [text for text in made["not_kept"] if text.startswith("owner of")]


# -- packets of the stock tool


def test_images_of_a_stock_packet_go_to_whom_they_were_of(people: People, tmp_path: Path) -> None:
    side = people.root_in(people.make_group_of("ana"))
    (tmp_path / "packet" / "root_0").mkdir(parents=True)
    (tmp_path / "packet" / "root_0" / "a.tif").write_bytes(tiff())
    origin = (
        '<XMLAnnotation ID="Annotation:77" Namespace="openmicroscopy.org/cli/transfer"><Value>'
        "<CLITransferMetadata><original_user>ana</original_user><original_group>lab</original_group>"
        "</CLITransferMetadata></Value></XMLAnnotation></StructuredAnnotations>"
    )
    told = transfer_xml(1).replace("</StructuredAnnotations>", origin)
    told = told.replace("</Image>", '<AnnotationRef ID="Annotation:77"/></Image>')
    (tmp_path / "packet" / "transfer.xml").write_text(told)
    request = UnpackRequest("packet", as_owner=True, keep_group=True)
    with open_local(tmp_path / "packet") as packet:
        plan = unpack.plan(request, packet, side.receiver)
        assert not plan.problems
        loaded = unpack.apply(plan, packet, side.receiver, clock=SystemClock())
    for kind in ("Image", "Fileset", "MapAnnotation"):
        assert whose(side, loaded, kind).keys() - {"root"} == {"ana"}, kind
    assert whose(side, loaded, "Image") == {"ana": 1}
