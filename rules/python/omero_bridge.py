"""Rules of the OMERO-iRODS bridge, for the Python rule engine plugin of iRODS.

*Tell*: what arrives in a collection that opted in (AVU ``omero::ingest`` on it or on one above) gets the
AVU ``omero::ingest_state`` = ``waiting``, and a small program is run a little later. *Protect*: what OMERO
links in place (AVU ``omero::linked`` = ``in-place``) is not removed, renamed, moved or written.

Telling never fails a client: what goes wrong is written to the server's log, and the bridge's scan finds what
was not told. Nor does protecting when it cannot find out whether something is linked. Every hook returns
RULE_ENGINE_CONTINUE, so that those of other rule engines run too.

Installation, order of rule engines, hooks of the site's own: README.md of the rules. Only the standard
library, Python 3.6.
"""

import binascii
import json
import os
import time

import omero_bridge_protection as protection
from omero_bridge_catalog import avus_of, below, carrier_of, exactly, normal, place, rows
from omero_bridge_settings import log, log_problems, named, printable, settings

VERSION = "1"
RULE_ENGINE_CONTINUE = 5_000_000  # irods_state_table.h

_PROGRAM = "omero_bridge_wake"
_CAT_NO_ACCESS_PERMISSION = "-818000"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC


def _has(keywords, name):
    try:
        return keywords[name] is not None
    except KeyError:
        return False


def _keyword(keywords, name):
    return keywords[name] if _has(keywords, name) else ""


# -- tell


def _tell(callback, act):
    try:
        log_problems(callback)
        if settings["tell"]:
            act()
    except Exception as error:
        log(callback, f"an arrival was not told, the next scan will find it: {printable(str(error))}")
    return RULE_ENGINE_CONTINUE


def _is_ours(path):
    """Packets that are being written, and probes of mappings."""
    parts = path.split("/")
    return ".incoming" in parts or parts[-1].startswith(".omero-irods-probe-")


def _arrived(callback, path):
    """The data object ``path`` is at rest."""
    path = normal(path)
    if _is_ours(path) or not carrier_of(callback, place(path)["COLL_NAME"], "ingest"):
        return
    known = avus_of(callback, path, "linked", "override")
    if ("linked", protection.IN_PLACE) in known and len(known) == 1:
        return  # it was replicated or touched: nobody could write it
    _mark(callback, path)
    _wake(callback)


def _arrived_by_name(callback, path):
    """The same for what may be a collection: then what is in it is marked later, in nobody's time."""
    path = normal(path)
    if any(exactly(callback, ["DATA_ID"], place(path))):
        _arrived(callback, path)
    elif not _is_ours(path) and carrier_of(callback, path, "ingest"):
        token = binascii.hexlify(path.encode()).decode()
        _delay(callback, 0, f"callback.omero_bridge_mark_below('{token}')")


def _mark(callback, path):
    callback.msiModAVUMetadata("-d", path, "set", named("ingest_state"), "waiting", "")


def _delay(callback, seconds, text):
    instance = settings["instance"]
    callback.delayExec(f"<PLUSET>{seconds}s</PLUSET><INST_NAME>{instance}</INST_NAME>", text, "")


def _wake(callback):
    """Run the program soon, unless a run is ahead already: one that is due later than now sees this mark."""
    now = int(time.time())
    pending = rows(callback, ["RULE_EXEC_TIME"], f"RULE_EXEC_NAME like '%{_PROGRAM}%'")
    if not any(int(due) > now for (due,) in pending):
        _delay(callback, settings["wake_after_s"], f"callback.{_PROGRAM}()")


def omero_bridge_wake(rule_args, callback, rei):
    """Delayed: run the program. Its argument is a constant; what arrived is in the catalog."""
    try:
        callback.msiExecCmd(_PROGRAM, "wake", "null", "null", "null", "null")
    except Exception as error:
        # Without a code it is none: the program ran, and the plugin cannot hand its output over.
        if "iRods__Error__Code" in str(error):
            log(callback, f"{_PROGRAM} could not be run: {printable(str(error))}")


def omero_bridge_mark_below(rule_args, callback, rei):
    """Delayed: mark what came with a collection and is neither marked nor linked. Its path is in hex."""

    def act():
        collection = binascii.unhexlify(rule_args[0]).decode()
        if not carrier_of(callback, collection, "ingest"):
            return
        condition = f"META_DATA_ATTR_NAME = '{named('ingest_state')}' || = '{named('linked')}'"
        known = set(below(callback, collection, condition))
        for path in list(below(callback, collection)):
            if path not in known and not _is_ours(path):
                _mark(callback, path)
        omero_bridge_wake([], callback, rei)

    _tell(callback, act)


def pep_resource_modified_post(rule_args, callback, rei):
    return _tell(callback, lambda: _arrived(callback, rule_args[1].map()["logical_path"]))


def pep_api_phy_path_reg_post(rule_args, callback, rei):
    def act():
        if not _has(rule_args[2].condInput, "regRepl"):
            _arrived_by_name(callback, str(rule_args[2].objPath))

    return _tell(callback, act)


def pep_api_data_obj_rename_post(rule_args, callback, rei):
    def act():
        if not _is_ours(str(rule_args[2].srcDataObjInp.objPath)):  # else: a packet got its name
            _arrived_by_name(callback, str(rule_args[2].destDataObjInp.objPath))

    return _tell(callback, act)


# -- protect


def _protect(callback, decide):
    """Refuse the operation when ``decide`` returns a text; the client gets to see it."""
    refusal = ""
    try:
        log_problems(callback)
        if settings["protect"]:
            refusal = decide()
    except Exception as error:
        log(callback, f"an operation was not checked, and was let through: {printable(str(error))}")
    if refusal:
        callback.msiExit(_CAT_NO_ACCESS_PERMISSION, refusal)
    return RULE_ENGINE_CONTINUE


def _of_object(what):
    def hook(rule_args, callback, rei):
        def decide():
            return protection.of_object(callback, rule_args, what, str(rule_args[2].objPath))

        return _protect(callback, decide)

    return hook


pep_api_data_obj_unlink_pre = _of_object("removal")
pep_api_data_obj_truncate_pre = _of_object("truncation")
pep_api_replica_truncate_pre = _of_object("truncation")
pep_api_data_obj_phymv_pre = _of_object("physical move")


def _of_writing(what, is_writing):
    def hook(rule_args, callback, rei):
        def decide():
            request = rule_args[2]
            if not is_writing(request):
                return ""
            brought = _keyword(request.condInput, "metadataIncluded")
            refusal = protection.of_metadata_brought(rule_args, brought)
            return refusal or protection.of_object(callback, rule_args, what, str(request.objPath))

        return _protect(callback, decide)

    return hook


def _always(_request):
    return True


def _opens_for_writing(request):
    return request.openFlags & _WRITING


pep_api_data_obj_put_pre = _of_writing("overwrite", _always)
pep_api_data_obj_create_pre = _of_writing("overwrite", _always)
pep_api_data_obj_open_pre = _of_writing("write", _opens_for_writing)
pep_api_replica_open_pre = _of_writing("write", _opens_for_writing)
pep_api_data_obj_open_and_stat_pre = _of_writing("write", _opens_for_writing)
pep_api_data_obj_create_and_stat_pre = _of_writing("overwrite", _always)


def pep_api_data_obj_rename_pre(rule_args, callback, rei):
    def decide():
        path = str(rule_args[2].srcDataObjInp.objPath)
        refusal = protection.of_object(callback, rule_args, "rename", path)
        return refusal or protection.of_collection(callback, rule_args, "rename", path)

    return _protect(callback, decide)


def pep_api_rm_coll_pre(rule_args, callback, rei):
    def decide():
        return protection.of_collection(callback, rule_args, "removal", str(rule_args[2].collName))

    return _protect(callback, decide)


def pep_api_data_obj_copy_pre(rule_args, callback, rei):
    def decide():
        path = str(rule_args[2].destDataObjInp.objPath)
        return protection.of_object(callback, rule_args, "overwrite", path)

    return _protect(callback, decide)


def pep_api_data_obj_rsync_pre(rule_args, callback, rei):
    def decide():
        path = _keyword(rule_args[2].condInput, "rsyncDestPath")
        return protection.of_object(callback, rule_args, "overwrite", path) if path else ""

    return _protect(callback, decide)


def pep_api_data_obj_trim_pre(rule_args, callback, rei):
    def decide():
        number = _keyword(rule_args[2].condInput, "replNum")
        return protection.of_trim(callback, rule_args, str(rule_args[2].objPath), number)

    return _protect(callback, decide)


def pep_api_mod_avu_metadata_pre(rule_args, callback, rei):
    return _protect(callback, lambda: protection.of_avu_change(callback, rule_args, rule_args[2]))


def pep_api_atomic_apply_metadata_operations_pre(rule_args, callback, rei):
    def decide():
        document = json.loads(bytes(rule_args[2].get_bytes()).decode().rstrip("\0"))
        return protection.of_avu_changes(callback, rule_args, document)

    return _protect(callback, decide)


# What `from omero_bridge import *` brings into core.py: the hooks and the two delayed rules.
__all__ = [
    "omero_bridge_mark_below",
    "omero_bridge_wake",
    "pep_api_atomic_apply_metadata_operations_pre",
    "pep_api_data_obj_copy_pre",
    "pep_api_data_obj_create_and_stat_pre",
    "pep_api_data_obj_create_pre",
    "pep_api_data_obj_open_and_stat_pre",
    "pep_api_data_obj_open_pre",
    "pep_api_data_obj_phymv_pre",
    "pep_api_data_obj_put_pre",
    "pep_api_data_obj_rename_post",
    "pep_api_data_obj_rename_pre",
    "pep_api_data_obj_rsync_pre",
    "pep_api_data_obj_trim_pre",
    "pep_api_data_obj_truncate_pre",
    "pep_api_data_obj_unlink_pre",
    "pep_api_mod_avu_metadata_pre",
    "pep_api_phy_path_reg_post",
    "pep_api_replica_open_pre",
    "pep_api_replica_truncate_pre",
    "pep_api_rm_coll_pre",
    "pep_resource_modified_post",
]
