"""Rules for tests/wire/irods_zone/test_policy.py, fit for /etc/irods/core.py of a real server too.

They note each hook in a file beside this one, refuse changes of data objects that carry the AVU
omero::linked, and do a few things on request, by names of collections.
"""

import json
import os

import irods_errors
from genquery import AS_LIST, Query, row_iterator

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_NOTES = os.path.join(_FOLDER, "hooks.jsonl")
_REFUSED = "-818000"  # CAT_NO_ACCESS_PERMISSION
_WRITES = 3  # O_WRONLY | O_RDWR
_calls_of_this_agent = []


def _note(event, **details):
    with open(_NOTES, "a") as file:
        file.write(json.dumps({"event": event, **details}) + "\n")


def _json(buffer):
    return json.loads(bytes(buffer.get_bytes()).decode().rstrip("\0"))


# -- notes


def pep_resource_modified_post(rule_args, callback, rei):
    about = rule_args[1].map()
    _note(
        "at_rest",
        path=about["logical_path"],
        physical=about["physical_path"],
        hierarchy=about["resc_hier"],
        user=about["user_user_name"],
        proxy=about["proxy_user_name"],
    )


def acPostProcForPut(rule_args, callback, rei):
    _note("acPostProcForPut", path=str(rei.doi.objPath), size=rei.doi.dataSize)


def pep_database_reg_data_obj_post(rule_args, callback, rei):
    _note("database_reg_data_obj", path=str(rule_args[3].objPath))


def pep_api_data_obj_put_post(rule_args, callback, rei):
    _note("data_obj_put", path=str(rule_args[2].objPath))


def pep_api_data_obj_close_post(rule_args, callback, rei):
    _note("data_obj_close", descriptor=rule_args[2].l1descInx)


def pep_api_data_obj_copy_post(rule_args, callback, rei):
    _note("data_obj_copy", path=str(rule_args[2].destDataObjInp.objPath))


def pep_api_touch_post(rule_args, callback, rei):
    _note("touch", path=_json(rule_args[2])["logical_path"])


def pep_api_phy_path_reg_post(rule_args, callback, rei):
    _note("phy_path_reg", path=str(rule_args[2].objPath), physical=rule_args[2].condInput["filePath"])


def pep_api_data_obj_rename_post(rule_args, callback, rei):
    renamed = rule_args[2]
    _note("data_obj_rename", path=str(renamed.destDataObjInp.objPath), source=str(renamed.srcDataObjInp.objPath))


def pep_api_data_obj_unlink_post(rule_args, callback, rei):
    _note("data_obj_unlink", path=str(rule_args[2].objPath))


def pep_api_mod_avu_metadata_post(rule_args, callback, rei):
    _note("mod_avu_metadata", path=rule_args[2]["arg2"], arguments=rule_args[2])


def pep_api_atomic_apply_metadata_operations_post(rule_args, callback, rei):
    _note("atomic_apply_metadata_operations", path=_json(rule_args[2])["entity_name"])


def pep_api_data_obj_chksum_except(rule_args, callback, rei):
    _note("data_obj_chksum_except", path=str(rule_args[2].objPath))


def pep_api_data_obj_chksum_finally(rule_args, callback, rei):
    _note("data_obj_chksum_finally", path=str(rule_args[2].objPath))
    raise RuntimeError("what a finally hook raises is not heard")


# -- refusals


def _linked(callback, path):
    collection, _, name = path.rpartition("/")
    condition = "COLL_NAME = '%s' AND DATA_NAME = '%s' AND META_DATA_ATTR_NAME = 'omero::linked'"
    quoted = tuple(text.replace("'", "''") for text in (collection, name))  # as iRODS 5 wants it
    return any(row_iterator(["DATA_ID"], condition % quoted, AS_LIST, callback))


def _linked_below(callback, collection):
    for place in ("COLL_NAME = '%s'", "COLL_NAME like '%s/%%'"):
        condition = place % collection + " AND META_DATA_ATTR_NAME = 'omero::linked'"
        if any(row_iterator(["DATA_ID"], condition, AS_LIST, callback)):
            return True
    return False


def _refuse(callback, what, path):
    callback.msiExit(_REFUSED, "%s: %s is linked in place by OMERO." % (what, path))


def _keep(callback, what, path):
    if _linked(callback, path):
        _refuse(callback, what, path)


def pep_api_data_obj_unlink_pre(rule_args, callback, rei):
    _keep(callback, "removal refused", str(rule_args[2].objPath))


def pep_api_data_obj_rename_pre(rule_args, callback, rei):
    path = str(rule_args[2].srcDataObjInp.objPath)
    if _linked(callback, path) or _linked_below(callback, path):
        _refuse(callback, "rename refused", path)


def pep_api_data_obj_put_pre(rule_args, callback, rei):
    _keep(callback, "overwrite refused", str(rule_args[2].objPath))


def pep_api_data_obj_open_pre(rule_args, callback, rei):
    if rule_args[2].openFlags & _WRITES:
        _keep(callback, "write refused", str(rule_args[2].objPath))


def pep_api_data_obj_truncate_pre(rule_args, callback, rei):
    _keep(callback, "truncate refused", str(rule_args[2].objPath))


pep_api_replica_truncate_pre = pep_api_data_obj_truncate_pre


def pep_api_data_obj_trim_pre(rule_args, callback, rei):
    _keep(callback, "trim refused", str(rule_args[2].objPath))


def pep_api_data_obj_copy_pre(rule_args, callback, rei):
    _keep(callback, "overwrite refused", str(rule_args[2].destDataObjInp.objPath))


def pep_api_rm_coll_pre(rule_args, callback, rei):
    path = str(rule_args[2].collName)
    if path.endswith("/protected"):
        return irods_errors.SYS_NOT_ALLOWED
    if _linked_below(callback, path):
        _refuse(callback, "removal refused", path)
    return irods_errors.RULE_ENGINE_CONTINUE


def pep_api_mod_avu_metadata_pre(rule_args, callback, rei):
    change = rule_args[2]
    verb, path = change["arg0"], change["arg2"]
    if verb in ("add", "adda") or change["arg1"] != "-d" or not _linked(callback, path):
        return
    if verb == "rmw" or change["arg3"].startswith("omero::"):
        _refuse(callback, "change of omero:: AVUs refused", path)


def pep_api_atomic_apply_metadata_operations_pre(rule_args, callback, rei):
    request = _json(rule_args[2])
    removed = [each["attribute"] for each in request["operations"] if each["operation"] == "remove"]
    if any(name.startswith("omero::") for name in removed) and _linked(callback, request["entity_name"]):
        _refuse(callback, "change of omero:: AVUs refused", request["entity_name"])


# -- on request


def pep_api_coll_create_pre(rule_args, callback, rei):
    path = str(rule_args[2].collName)
    if path.endswith("/skipped"):
        return irods_errors.RULE_ENGINE_SKIP_OPERATION
    if path.endswith("/without-code"):
        raise ValueError("no code in this one")
    if path.endswith("/text-as-path") and rule_args[2].collName == path:
        callback.msiExit(_REFUSED, "char[] members compare like strings")
    return None


def pep_api_coll_create_post(rule_args, callback, rei):
    path = str(rule_args[2].collName)
    _calls_of_this_agent.append(path)
    _note("coll_create", path=path, calls=len(_calls_of_this_agent))
    if path.endswith("/post-fails"):
        callback.msiExit("-169000", "too late to refuse %s" % path)


# -- rules that tests call by name


def note_argument(rule_args, callback, rei):
    _note("note_argument", argument=rule_args[0], user=str(rei.uoic.userName), proxy=str(rei.uoip.userName))
    rule_args[0] = "noted " + rule_args[0]


def fail_with_message(rule_args, callback, rei):
    callback.msiExit("-169000", "this rule always fails")


def submit(rule_args, callback, rei):
    callback.delayExec(rule_args[0], rule_args[1], "")


def count_data_objects(rule_args, callback, rei):
    rule_args[0] = str(Query(callback, "DATA_ID", "COLL_NAME = '%s'" % rule_args[0]).total_rows())


def succeed_at_the_third_try(rule_args, callback, rei):
    _note("try", argument=rule_args[0])
    with open(_NOTES) as file:
        tries = [note for note in map(json.loads, file) if note["event"] == "try" and note["argument"] == rule_args[0]]
    if len(tries) < 3:
        callback.msiExit("-169000", "not yet")


def note_and_wait(rule_args, callback, rei):
    _note("note_and_wait", argument=rule_args[0])
    for _ in range(1000):
        if os.path.exists(os.path.join(_FOLDER, rule_args[1])):
            return
        callback.msiSleep("0", "20000")


def pep_api_obj_stat_pre(rule_args, callback, rei):
    """Only administrators may run rules of their own: a path lets any user have one run."""
    path = str(rule_args[2].objPath)
    if path.endswith("/delay-a-note"):
        callback.delayExec("<PLUSET>0s</PLUSET>", "callback.note_argument(%r)" % path, "")
    if path.endswith("/run-a-program"):
        callback.msiExecCmd("hello", "", "", "", "", "")
