"""Policy hooks, as the same rules were seen to work on iRODS 5.0.2 (reference/irods-rules.md)."""

from __future__ import annotations

import io
import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from irods import keywords as kw
from irods.exception import (
    CAT_NO_ACCESS_PERMISSION,
    SYS_NOT_ALLOWED,
    CollectionDoesNotExist,
    iRODSException,
)
from irods.meta import AVUOperation, iRODSMeta
from irods.rule import Rule
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.policy.rule_file import RuleFileError
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.arrivals import (
    Arrive,
    put_in_one_request,
    put_large,
    put_small,
    register,
    stream,
    touch_new,
)
from tests.wire.irods_zone.conftest import connect

RULES: Final = Path(__file__).parents[2] / "data" / "rules" / "core.py"
PYTHON: Final = "irods_rule_engine_plugin-python-instance"
NATIVE: Final = "irods_rule_engine_plugin-irods_rule_language-instance"
OBJ_STAT: Final = 633
_numbers = count(1)


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zone]:
    """Takes the place of the zone without rules, here only."""
    with running_zone(config(tmp_path_factory.mktemp("ruled"))) as running:
        yield running


def config(root: Path, **options: Any) -> ZoneConfig:
    """A zone with its own copy of the rules, and programs to run."""
    folder = root / "etc"
    programs = root / "bin"
    for made in (folder, programs):
        made.mkdir(exist_ok=True)
    rules = Path(shutil.copy(RULES, folder))
    program(programs / "hello", 'printf "%s|" "$@"; printf "%s\\n" "$@" > "$0.seen"')
    program(programs / "fails", "echo no such slide >&2; exit 3")
    return ZoneConfig(root=root / "zone", rules=rules, exec_bin=programs, delay_interval_s=0.05, **options)


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def notes(zone: Zone) -> list[dict[str, Any]]:
    """What the rules have written down."""
    assert zone.config.rules is not None
    path = zone.config.rules.with_name("hooks.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def noted(zone: Zone, event: str) -> list[dict[str, Any]]:
    return [note for note in notes(zone) if note["event"] == event]


def run(session: iRODSSession, text: str, **variables: str) -> str:
    """Run Python in the server, as irule does; what it wrote to stdout."""
    source = "def main(rule_args, callback, rei):\n" + "".join(f"    {line}\n" for line in text.splitlines())
    rule = Rule(
        session,
        rule_file=io.StringIO(source),
        params={f"*{name}": value for name, value in variables.items()},
        output="ruleExecOut",
        instance_name=PYTHON,
    )
    output = rule.execute(session_cleanup=False)
    return bytes(output.MsParam_PI[0].inOutStruct.stdoutBuf.buf).rstrip(b"\0").decode()


# -- which hook fires, and how often


ARRIVALS: Final[dict[Arrive, dict[str, int]]] = {
    put_small: {"at_rest": 1, "acPostProcForPut": 1, "database_reg_data_obj": 1, "data_obj_close": 1},
    # PRC 3.3.0 closes its other streams by replica_close, in the recorded frames of iRODS 5.0.2 too.
    put_large: {"at_rest": 1, "acPostProcForPut": 1, "database_reg_data_obj": 1, "data_obj_close": 1},
    put_in_one_request: {"at_rest": 1, "acPostProcForPut": 1, "database_reg_data_obj": 1, "data_obj_put": 1},
    stream: {"at_rest": 1, "acPostProcForPut": 1, "database_reg_data_obj": 1, "data_obj_close": 1},
    touch_new: {"at_rest": 1, "acPostProcForPut": 1, "database_reg_data_obj": 1, "touch": 1},
    register: {"database_reg_data_obj": 1, "phy_path_reg": 1},
}


@pytest.mark.parametrize("arrive", ARRIVALS, ids=lambda arrive: arrive.__name__)
def test_each_way_in_fires_the_hooks_a_real_server_fires(
    zone: Zone,
    session: iRODSSession,
    home: str,
    sample: Path,
    arrive: Arrive,
) -> None:
    before = len(notes(zone))
    arrive(session, f"{home}/arrived", sample)
    fired = notes(zone)[before:]
    assert Counter(note["event"] for note in fired) == ARRIVALS[arrive]
    assert {note["path"] for note in fired if "path" in note} == {f"{home}/arrived"}


def test_a_copy_is_at_rest_and_the_original_is_left_alone(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    do.write(session, f"{home}/original", b"x")
    before = len(notes(zone))
    session.data_objects.copy(f"{home}/original", f"{home}/copy")
    fired = Counter((note["event"], note["path"]) for note in notes(zone)[before:])
    assert fired[("at_rest", f"{home}/copy")] == fired[("data_obj_copy", f"{home}/copy")] == 1
    assert not [path for _, path in fired if path == f"{home}/original"]


@pytest.mark.parametrize("kind", ["data object", "collection"])
def test_a_move_fires_the_rename_hook_and_no_other(
    zone: Zone, session: iRODSSession, home: str, kind: str
) -> None:
    session.collections.create(f"{home}/old")
    do.write(session, f"{home}/old/object", b"x")
    source = f"{home}/old/object" if kind == "data object" else f"{home}/old"
    before = len(notes(zone))
    (session.data_objects if kind == "data object" else session.collections).move(source, f"{home}/new")
    assert notes(zone)[before:] == [{"event": "data_obj_rename", "path": f"{home}/new", "source": source}]


def test_avus_fire_one_hook_each_way(zone: Zone, session: iRODSSession, home: str) -> None:
    do.write(session, f"{home}/object", b"x")
    before = len(notes(zone))
    metadata = session.data_objects.get(f"{home}/object").metadata
    metadata.add("stain", "DAPI")
    metadata.apply_atomic_operations(AVUOperation(operation="add", avu=iRODSMeta("a", "b", "c")))
    plain, atomic = notes(zone)[before:]
    assert (plain["event"], atomic["event"]) == ("mod_avu_metadata", "atomic_apply_metadata_operations")
    assert plain["arguments"] == {
        "arg0": "add",
        "arg1": "-d",
        "arg2": f"{home}/object",
        "arg3": "stain",
        "arg4": "DAPI",
    }


def test_a_hook_knows_where_the_replica_is_and_who_wrote_it(
    zone: Zone, session: iRODSSession, make_user: Callable[[str], iRODSSession]
) -> None:
    ann = make_user("ann")
    path = f"/{zone.name}/home/{ann.username}/object"
    with connect(zone, client_user=ann.username, client_zone=zone.name) as as_ann:
        do.write(as_ann, path, b"x")
    (note,) = [note for note in noted(zone, "at_rest") if note["path"] == path]
    assert note["physical"] == do.replicas(zone, path)[0].physical_path
    assert note["hierarchy"] == session.resources.get("demoResc").name
    assert (note["user"], note["proxy"]) == (ann.username, zone.config.admin)


def test_an_object_in_a_name_that_looks_like_code_arrives_as_it_is(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    path = f"""{home}/it's "$(id)" `id` %s <&> \\"""
    do.write(session, path, b"x")
    assert path in {note["path"] for note in noted(zone, "at_rest")}


# -- refusing with a reason


@pytest.fixture
def linked(session: iRODSSession, home: str) -> str:
    """A data object that the rules protect."""
    path = f"{home}/below/linked"
    session.collections.create(f"{home}/below")
    do.write(session, path, b"kept")
    session.data_objects.get(path).metadata.add("omero::linked", "in-place")
    return path


def above(path: str, levels: int) -> str:
    return path.rsplit("/", levels)[0]


Refused = Callable[[iRODSSession, str, Path], Any]
REFUSED: Final[dict[str, tuple[str, Refused]]] = {
    "unlink by force": ("removal", lambda s, p, _: s.data_objects.unlink(p, force=True)),
    "unlink to the trash": ("removal", lambda s, p, _: s.data_objects.unlink(p)),
    "unregister": ("removal", lambda s, p, _: s.data_objects.unregister(p)),
    "move": ("rename", lambda s, p, _: s.data_objects.move(p, f"{p}-moved")),
    "move of its collection": (
        "rename",
        lambda s, p, _: s.collections.move(above(p, 1), f"{above(p, 1)}-moved"),
    ),
    "move of a collection above": (
        "rename",
        lambda s, p, _: s.collections.move(above(p, 2), f"{above(p, 2)}-moved"),
    ),
    "put": ("write", lambda s, p, local: s.data_objects.put(str(local), p)),
    "put by force in one request": ("overwrite", lambda s, p, _: do.put(s, p, b"new", forceFlag="")),
    "open for writing": ("write", lambda s, p, _: do.write(s, p, b"new")),
    "open for appending": ("write", lambda s, p, _: do.write(s, p, b"new", "a")),
    "truncate": ("truncate", lambda s, p, _: s.data_objects.truncate(p, 1)),
    "replica truncate": ("truncate", lambda s, p, _: s.data_objects.replica_truncate(p, 1)),
    "trim": ("trim", lambda s, p, _: s.data_objects.trim(p, **{kw.COPIES_KW: "0", kw.REPL_NUM_KW: "0"})),
    "removal of its collection": ("removal", lambda s, p, _: s.collections.remove(above(p, 1), force=True)),
    "removal of a collection above": ("removal", lambda s, p, _: s.collections.remove(above(p, 2))),
    "copy onto it": ("overwrite", lambda s, p, _: copy_onto(s, p)),
    "removal of the AVU": (
        "change of omero:: AVUs",
        lambda s, p, _: s.data_objects.get(p).metadata.remove("omero::linked", "in-place"),
    ),
    "another value of the AVU": (
        "change of omero:: AVUs",
        lambda s, p, _: s.data_objects.get(p).metadata.set("omero::linked", "no more"),
    ),
    "atomic removal of the AVU": ("change of omero:: AVUs", lambda s, p, _: remove_atomically(s, p)),
}


def copy_onto(session: iRODSSession, path: str) -> None:
    do.write(session, f"{path}-other", b"other")
    session.data_objects.copy(f"{path}-other", path, **{kw.FORCE_FLAG_KW: ""})


def remove_atomically(session: iRODSSession, path: str) -> None:
    operation = AVUOperation(operation="remove", avu=iRODSMeta("omero::linked", "in-place"))
    session.data_objects.get(path).metadata.apply_atomic_operations(operation)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_reaches_the_client_with_its_reason_and_nothing_changes(
    zone: Zone, session: iRODSSession, linked: str, sample: Path, name: str
) -> None:
    what, attempt = REFUSED[name]
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match=f"{what} refused: .* is linked in place by OMERO"):
        attempt(session, linked, sample)
    assert do.read(session, linked) == b"kept"
    assert do.states(zone, linked) == [do.GOOD]
    assert session.data_objects.get(linked).metadata["omero::linked"].value == "in-place"


def test_what_does_no_harm_is_allowed(zone: Zone, session: iRODSSession, linked: str) -> None:
    with do.storage(session, zone, "second"):
        session.data_objects.replicate(linked, resource="second")
        session.data_objects.touch(linked)
        metadata = session.data_objects.get(linked).metadata
        metadata.add("stain", "DAPI")
        metadata.remove("stain", "DAPI")
        assert do.read(session, linked) == b"kept"
        zone.catalog.metadata.remove(do.replicas(zone, linked)[0].data_id, "omero::linked", "in-place", "")
        session.data_objects.unlink(linked, force=True)


def test_a_negative_result_refuses_with_that_code(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/protected")
    with pytest.raises(SYS_NOT_ALLOWED):
        session.collections.remove(f"{home}/protected", force=True)
    assert session.collections.exists(f"{home}/protected")


def test_a_hook_that_raises_without_a_code_refuses_too(session: iRODSSession, home: str) -> None:
    with pytest.raises(iRODSException) as refused:
        session.collections.create(f"{home}/without-code")
    assert refused.value.code == -1
    assert not session.collections.exists(f"{home}/without-code")


def test_skip_operation_answers_well_and_does_nothing(zone: Zone, session: iRODSSession, home: str) -> None:
    before = len(noted(zone, "coll_create"))
    with pytest.raises(CollectionDoesNotExist):  # not from the server: PRC looks for what it has made
        session.collections.create(f"{home}/skipped")
    assert zone.catalog.collections.find(f"{home}/skipped") is None
    assert len(noted(zone, "coll_create")) == before + 1


def test_a_failing_post_hook_is_reported_and_undoes_nothing(session: iRODSSession, home: str) -> None:
    with pytest.raises(SYS_NOT_ALLOWED, match="too late to refuse"):
        session.collections.create(f"{home}/post-fails")
    assert session.collections.exists(f"{home}/post-fails")


def test_a_char_array_is_no_string_to_a_rule(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/text-as-path")
    assert session.collections.exists(f"{home}/text-as-path")


def test_a_failed_operation_fires_except_and_finally_and_keeps_its_own_error(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    before = len(notes(zone))
    assert do.failure(session.data_objects.chksum, f"{home}/missing") < -1000
    fired = [note["event"] for note in notes(zone)[before:]]
    assert fired == ["data_obj_chksum_except", "data_obj_chksum_finally"]


def test_module_globals_last_as_long_as_a_connection(zone: Zone, home: str) -> None:
    for _ in range(2):
        with connect(zone) as session:
            for _ in range(2):
                session.collections.create(f"{home}/{next(_numbers)}")
    calls = [note["calls"] for note in noted(zone, "coll_create") if note["path"].startswith(f"{home}/")]
    assert calls == [1, 2, 1, 2]


def test_two_zones_in_one_process_keep_their_rules_apart(tmp_path: Path, zone: Zone) -> None:
    other = config(tmp_path)
    assert other.rules is not None
    other.rules.write_text("from genquery import *\ndef pep_api_coll_create_pre(a, c, r): return -169000\n")
    with running_zone(other) as strict, connect(strict) as there, connect(zone) as here:
        path = f"/{zone.name}/home/{zone.config.admin}/{next(_numbers)}"
        with pytest.raises(SYS_NOT_ALLOWED):
            there.collections.create(path)
        here.collections.create(path)


def test_a_zone_does_not_start_with_rules_that_can_not_be_loaded(tmp_path: Path) -> None:
    broken = config(tmp_path)
    assert broken.rules is not None
    broken.rules.write_text("x = 1\ndef pep_api_coll_create_pre(:\n")
    with pytest.raises(RuleFileError, match=r"core\.py, line 2: SyntaxError"):
        Zone(broken)


# -- rules that a client sends


def test_an_administrator_runs_python_and_sees_its_output(session: iRODSSession) -> None:
    text = "callback.writeLine('stdout', irods_rule_vars['*word'] + ' ' + str(rei.uoic.userName))"
    assert run(session, text, word="hello") == "hello rods\n"


def test_an_administrator_runs_a_rule_of_the_rule_file_by_name(session: iRODSSession) -> None:
    with pytest.raises(iRODSException, match="this rule always fails") as refused:
        Rule(session, body="fail_with_message", instance_name=PYTHON).execute()
    assert refused.value.code == do.code("RULE_ENGINE_ERROR")


def test_without_an_engine_named_errors_stay_in_the_server(session: iRODSSession) -> None:
    Rule(session, body="fail_with_message").execute()


def test_an_engine_that_is_not_there_is_refused(session: iRODSSession) -> None:
    rule = Rule(
        session,
        body="fail_with_message",
        instance_name="irods_rule_engine_plugin-audit_amqp-instance",
    )
    assert do.is_error(do.failure(rule.execute), "SYS_INVALID_INPUT_PARAM")


def test_anybody_may_call_microservices_in_the_native_language(
    make_user: Callable[[str], iRODSSession], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ann = make_user("ann")
    Rule(ann, body="writeLine('serverLog', 'from a native rule')", instance_name=NATIVE).execute()
    assert "from a native rule" in caplog.text


def test_more_of_the_native_language_is_refused(session: iRODSSession) -> None:
    rule = Rule(session, body="*x = 1", instance_name=NATIVE)
    assert do.is_error(do.failure(rule.execute), "RE_PARSER_ERROR")


def test_only_administrators_run_python(make_user: Callable[[str], iRODSSession]) -> None:
    ann = make_user("ann")
    assert do.is_error(do.failure(run, ann, "pass"), "SYS_NO_API_PRIV")


def test_a_rule_calls_another_and_gets_its_arguments_back(session: iRODSSession) -> None:
    text = "callback.writeLine('stdout', callback.note_argument('this')['arguments'][0])"
    assert run(session, text) == "noted this\n"


def errors_of(session: iRODSSession, call: str) -> str:
    """The text of the RuntimeError that ``call`` raises in a rule."""
    return run(
        session, f"try:\n    {call}\nexcept RuntimeError as e:\n    callback.writeLine('stdout', str(e))"
    )


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("callback.no_such_thing()", "[iRods__Error__Code:-1102000]"),
        ("callback.msiSleep('0')", "[iRods__Error__Code:-1021000]"),
        ("callback.msiGoodFailure()", "[iRods__Error__Code:-1088000]"),
        ("callback.fail_with_message()", "[iRods__Error__Code:-169000]"),
        ("callback.writeLine('serverLog', rei.uoic.userName)", "non-conforming type"),
        ("callback.msiModAVUMetadata('-d', '/x', 'rmw', 'a', 'b', '')", "[iRods__Error__Code:-130000]"),
        ("callback.msiModAVUMetadata('-d', 'null', 'set', 'a', 'b', '')", "[iRods__Error__Code:-130000]"),
        ("callback.msiString2KeyValPair('a=b', '')", "bad_any_cast"),
    ],
)
def test_a_call_that_fails_raises_with_the_code_in_its_text(
    session: iRODSSession, call: str, error: str
) -> None:
    assert error in errors_of(session, call)


# -- microservices


def test_avus_set_by_a_rule_fire_no_api_hook(zone: Zone, session: iRODSSession, home: str) -> None:
    before = len(notes(zone))
    run(session, f"callback.msiModAVUMetadata('-C', {home!r}, 'set', 'omero::ingest', 'in-place', '')")
    pairs = "callback.msiString2KeyValPair('a=1%b=2=3', irods_types.KeyValPair())['arguments'][1]"
    run(session, f"callback.msiSetKeyValuePairsToObj({pairs}, {home!r}, '-C')")
    assert notes(zone)[before:] == []
    carried = {(avu.name, avu.value) for avu in session.collections.get(home).metadata.items()}
    assert carried == {("omero::ingest", "in-place"), ("a", "1"), ("b", "2=3")}


def test_a_rule_has_the_rights_of_the_user_and_no_more(
    zone: Zone, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    ann = make_user("ann")
    with connect(zone, client_user=ann.username, client_zone=zone.name) as as_ann:
        text = f"callback.msiModAVUMetadata('-C', {home!r}, 'set', 'a', 'b', '')"
        assert do.failure(run, as_ann, text) < 0
    assert zone.catalog.metadata.of(zone.catalog.object_id(home)) == []


def test_queries_page_count_and_stop(session: iRODSSession, home: str) -> None:
    for number in range(5):
        do.write(session, f"{home}/{number}", b"x")
    text = f"""
from genquery import AS_DICT, AS_LIST, Parser, Query, paged_iterator, row_iterator
where = "COLL_NAME = '{home}' AND DATA_NAME like '_'"
show = lambda value: callback.writeLine('stdout', repr(value))
show(list(Query(callback, 'DATA_NAME', where)))
show(list(Query(callback, ['DATA_NAME', 'DATA_SIZE'], where, limit=2, offset=1)))
show(list(Query(callback, 'ORDER_DESC(DATA_NAME)', where, limit=1)))
show(dict(next(iter(row_iterator('DATA_NAME', where, AS_DICT, callback)))))
show([len(page) for page in paged_iterator('DATA_NAME', where, AS_LIST, callback, N_rows_per_page=2)])
show(Query(callback, 'DATA_NAME', where, offset=3).total_rows())
show(Query(callback, 'DATA_NAME', where).first())
show(Query(callback, 'DATA_NAME', "COLL_NAME = '/nowhere'").first())
show(list(Query(callback, 'DATA_NAME', where, parser=Parser.GENQUERY2, order_by='DATA_NAME', limit=2)))
"""
    assert run(session, text).splitlines() == [
        "['0', '1', '2', '3', '4']",
        "[('1', '1'), ('2', '1')]",
        "['4']",
        "{'DATA_NAME': '0'}",
        "[2, 2, 1]",
        "5",
        "'0'",
        "None",
        "[['0'], ['1']]",
    ]


def test_queries_of_more_than_a_page_see_every_row_once(session: iRODSSession, zone: Zone, home: str) -> None:
    for number in range(300):
        zone.catalog.metadata.add(zone.catalog.object_id(home), "n", str(number), "")
    text = f"""
from genquery import Query
rows = Query(callback, 'META_COLL_ATTR_VALUE', "COLL_NAME = '{home}'")
values = list(rows)
callback.writeLine('stdout', '%d %d' % (len(values), len(set(values))))
"""
    assert run(session, text) == "300 300\n"


def test_access_and_properties_of_objects_can_be_asked_for(session: iRODSSession, home: str) -> None:
    do.write(session, f"{home}/object", b"four")
    text = f"""
show = lambda value: callback.writeLine('stdout', str(value))
show(callback.msiCheckAccess('{home}/object', 'own', 0)['arguments'][2])
stat = callback.msiObjStat('{home}/object', irods_types.RodsObjStat())['arguments'][1]
show((stat.objSize, stat.objType, str(stat.ownerName)))
show(callback.msiObjStat('{home}', irods_types.RodsObjStat())['arguments'][1].objType)
show(len(callback.msiGetSystemTime('', '')['arguments'][0]))
"""
    assert run(session, text).splitlines() == ["1", "(4, 1, 'rods')", "2", "11"]


# -- programs


def ran(zone: Zone) -> list[str]:
    """The arguments that the program hello was last run with."""
    assert zone.config.exec_bin is not None
    return (zone.config.exec_bin / "hello.seen").read_text().splitlines()


def execute(session: iRODSSession, name: str, arguments: str, out: str = "''") -> str:
    return errors_of(session, f"callback.msiExecCmd({name!r}, {arguments!r}, '', '', '', {out})")


def test_a_program_runs_without_a_shell_on_arguments_cut_at_blanks_and_quotes(
    zone: Zone, session: iRODSSession
) -> None:
    execute(session, "hello", "a 'b c' $(id) ; \"*\"")
    assert ran(zone) == ["a", "b c", "$(id)", ";", "*"]


def test_after_a_program_that_succeeded_a_python_rule_gets_an_exception_without_a_code(
    session: iRODSSession,
) -> None:
    """irods_rule_engine_plugin_python issue 11: its output can't be handed over."""
    assert execute(session, "hello", "a") == "boost::bad_any_cast: failed conversion using boost::any_cast\n"
    assert "Unknown type in msParam" in execute(session, "hello", "a", "irods_types.KeyValPair()")


@pytest.mark.parametrize(
    ("name", "error"),
    [("fails", -344_000), ("absent", -344_002), ("../bin/hello", -342_000), ("/bin/sh", -342_000)],
)
def test_a_program_that_fails_or_may_not_run_has_a_code(session: iRODSSession, name: str, error: int) -> None:
    assert f"[iRods__Error__Code:{error}]" in execute(session, name, "")


def test_a_program_gets_the_physical_path_of_a_data_object_first_when_asked(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    do.write(session, f"{home}/object", b"x")
    errors_of(session, f"callback.msiExecCmd('hello', 'b', '', '{home}/object', '1', '')")
    assert ran(zone) == [do.replicas(zone, f"{home}/object")[0].physical_path, "b"]


def test_the_user_anonymous_runs_no_programs(zone: Zone, session: iRODSSession) -> None:
    session.users.create("anonymous", "rodsuser")
    with connect(zone, client_user="anonymous", client_zone=zone.name) as anonymous:
        refused = do.failure(do.request, anonymous, OBJ_STAT, f"/{zone.name}/run-a-program")
    assert refused == -370_000  # USER_NOT_ALLOWED_TO_EXEC_CMD


# -- delayed rules


def queue(zone: Zone) -> dict[str, dict[str, Any]]:
    """The rows of delayed rules, by their text."""
    rows = zone.catalog.database.rows("select * from R_RULE_EXEC")
    return {row["rule_name"]: dict(row) for row in rows}


def submit(session: iRODSSession, hints: str, text: str) -> None:
    run(session, f"callback.delayExec({hints!r}, {text!r}, '')")


def note_text() -> tuple[str, str]:
    """A rule text that leaves a note, and what it notes."""
    mark = f"mark-{next(_numbers)}"
    return f"callback.note_argument('{mark}')", mark


def runs(zone: Zone, mark: str) -> int:
    return [note["argument"] for note in noted(zone, "note_argument")].count(mark)


def open_gate(zone: Zone, name: str) -> None:
    """Let the rules go on that wait for it."""
    assert zone.config.rules is not None
    zone.config.rules.with_name(name).touch()


def test_a_delayed_rule_runs_as_the_user_who_submitted_it(
    zone: Zone, make_user: Callable[[str], iRODSSession]
) -> None:
    ann = make_user("ann")
    path = f"/{zone.name}/{next(_numbers)}/delay-a-note"
    with connect(zone, client_user=ann.username, client_zone=zone.name) as as_ann:
        do.failure(do.request, as_ann, OBJ_STAT, path)
    do.wait_until(lambda: runs(zone, path) == 1)
    note = next(note for note in noted(zone, "note_argument") if note["argument"] == path)
    assert (note["user"], note["proxy"]) == (ann.username, ann.username)


def test_delayed_rules_outlive_a_restart(tmp_path: Path) -> None:
    settings = config(tmp_path)
    text, mark = note_text()
    with running_zone(settings) as first, connect(first) as session:
        submit(session, "<PLUSET>1h</PLUSET>", text)
    with running_zone(settings) as second:
        assert runs(second, mark) == 0
        assert text in queue(second)
        second.catalog.database.execute("update R_RULE_EXEC set exe_time = '00000000000'")
        do.wait_until(lambda: runs(second, mark) == 1 and not queue(second))


def test_a_rule_waits_for_its_time(zone: Zone, session: iRODSSession) -> None:
    (late, late_mark), (soon, soon_mark) = note_text(), note_text()
    earliest = int(time.time()) + 3600
    submit(session, "<PLUSET>1h</PLUSET>", late)
    submit(session, "<PLUSET>0s</PLUSET>", soon)
    do.wait_until(lambda: runs(zone, soon_mark) == 1)
    assert runs(zone, late_mark) == 0
    row = queue(zone)[late]
    assert earliest <= int(row["exe_time"]) <= int(time.time()) + 3600
    assert (row["priority"], row["exe_frequency"], row["user_name"]) == ("5", "", "rods")


def test_a_repeated_rule_runs_as_often_as_it_was_asked_to(zone: Zone, session: iRODSSession) -> None:
    text, mark = note_text()
    submit(session, "<EF>0s REPEAT 3 TIMES</EF>", text)
    do.wait_until(lambda: text not in queue(zone))
    assert runs(zone, mark) == 3


def test_until_success_repeats_a_rule_that_fails(zone: Zone, session: iRODSSession) -> None:
    text = "callback.succeed_at_the_third_try('patient')"
    submit(session, f"<EF>0s REPEAT UNTIL SUCCESS OR 9 TIMES</EF><INST_NAME>{PYTHON}</INST_NAME>", text)
    do.wait_until(lambda: text not in queue(zone))
    assert len([note for note in noted(zone, "try") if note["argument"] == "patient"]) == 3


def test_a_failure_counts_only_when_the_engine_was_named(zone: Zone, session: iRODSSession) -> None:
    """irods issue 8075: without INST_NAME all engines are asked and none is heard."""
    text = "callback.succeed_at_the_third_try('unheard')"
    submit(session, "<EF>0s REPEAT UNTIL SUCCESS OR 9 TIMES</EF>", text)
    do.wait_until(lambda: text not in queue(zone))
    assert len([note for note in noted(zone, "try") if note["argument"] == "unheard"]) == 1


def test_a_failed_rule_is_logged_and_dropped_unless_it_repeats(
    zone: Zone, session: iRODSSession, caplog: pytest.LogCaptureFixture
) -> None:
    once, again = "callback.fail_with_message()", "callback.fail_with_message() "
    submit(session, "", once)
    submit(session, f"<EF>1h REPEAT FOR EVER</EF><INST_NAME>{PYTHON}</INST_NAME>", again)
    do.wait_until(lambda: once not in queue(zone) and queue(zone)[again]["last_exe_time"] != "")
    assert int(queue(zone)[again]["exe_time"]) > int(time.time())
    assert (
        len([line for line in caplog.messages if "failed with" in line and "fail_with_message" in line]) == 2
    )


def test_a_rule_text_does_not_see_the_names_of_the_rule_file(
    zone: Zone, session: iRODSSession, caplog: pytest.LogCaptureFixture
) -> None:
    text = "_note('unseen')"
    submit(session, "", text)
    do.wait_until(lambda: text not in queue(zone))
    assert "name '_note' is not defined" in caplog.text


def test_a_rule_for_an_engine_that_is_not_there_is_dropped_with_a_word(
    zone: Zone, session: iRODSSession, caplog: pytest.LogCaptureFixture
) -> None:
    text, mark = note_text()
    submit(session, "<INST_NAME>irods_rule_engine_plugin-irods_rule_language-instance</INST_NAME>", text)
    do.wait_until(lambda: text not in queue(zone))
    assert runs(zone, mark) == 0
    assert "no rule engine irods_rule_engine_plugin-irods_rule_language-instance" in caplog.text


def test_rules_of_high_priority_run_first_and_four_at_once(zone: Zone, session: iRODSSession) -> None:
    for number in range(4):
        submit(session, "", f"callback.note_and_wait('first-{number}', 'gate-1')")
    do.wait_until(lambda: waiting(zone, "first-") == {"0", "1", "2", "3"})
    for priority in range(1, 10):
        text = f"callback.note_and_wait('priority-{priority}', 'gate-2')"
        submit(session, f"<PRIORITY>{priority}</PRIORITY>", text)
    assert waiting(zone, "priority-") == set()
    open_gate(zone, "gate-1")
    do.wait_until(lambda: len(waiting(zone, "priority-")) == 4)
    assert waiting(zone, "priority-") == {"9", "8", "7", "6"}
    open_gate(zone, "gate-2")
    do.wait_until(lambda: waiting(zone, "priority-") == set("123456789"))


def waiting(zone: Zone, prefix: str) -> set[str]:
    marks = [note["argument"] for note in noted(zone, "note_and_wait")]
    return {mark.removeprefix(prefix) for mark in marks if mark.startswith(prefix)}


@pytest.mark.parametrize(
    ("hints", "error"),
    [
        ("<PLUSET>soon</PLUSET>", -1_084_000),
        ("<PLUSET>1s", -1_084_000),
        ("<PRIORITY>10</PRIORITY>", -130_000),
    ],
)
def test_hints_that_mean_nothing_are_refused_at_once(
    zone: Zone, session: iRODSSession, hints: str, error: int
) -> None:
    assert f"Code:{error}]" in errors_of(session, f"callback.delayExec({hints!r}, 'unwanted', '')")
    assert "unwanted" not in queue(zone)


def test_a_delayed_rule_can_be_taken_back_by_its_owner_and_by_administrators(
    zone: Zone, session: iRODSSession, make_user: Callable[[str], iRODSSession]
) -> None:
    ids = []
    for _ in range(2):
        text, _mark = note_text()
        submit(session, "<PLUSET>1h</PLUSET>", text)
        ids.append(queue(zone)[text]["rule_exec_id"])
    ann = make_user("ann")
    assert do.is_error(do.failure(Rule(ann).remove_by_id, ids[0]), "USER_ACCESS_DENIED")
    zone.catalog.database.execute(
        "update R_RULE_EXEC set exe_context = replace(exe_context, '\"rods\"', ?) where rule_exec_id = ?",
        json.dumps(ann.username),
        ids[0],
    )
    for owner, rule_id in zip((ann, session), ids, strict=True):
        Rule(owner).remove_by_id(rule_id)
    assert not {row["rule_exec_id"] for row in queue(zone).values()} & set(ids)
    assert do.is_error(do.failure(Rule(session).remove_by_id, ids[0]), "CAT_SUCCESS_BUT_WITH_NO_INFO")
    assert do.is_error(do.failure(Rule(ann).remove_by_id, ids[0]), "CAT_NO_ROWS_FOUND")
