"""What the bridge's rules refuse, and why: decisions for the hooks in ``omero_bridge``.

Each function returns the text of a refusal, "" when the operation may go on. ``what`` is the operation in
words, ``rule_args`` are those of the hook. An override of an administrator lets it go on, and is written
down. Whether something is linked may be impossible to find out: that raises. Once it is known to be linked,
nothing that goes wrong lets the operation go on. Only the standard library, Python 3.6.
"""

import re
import time

from omero_bridge_catalog import avus_of, below, carrier_of, exactly, normal, place
from omero_bridge_settings import log, named, printable, settings

IN_PLACE = "in-place"
_LOCAL_PRIV_USER_AUTH = 5  # rodsUser.h
_OF_A_LINK = ("linked", "fileset", "image", "file", "server", "imported_at", "ingest_version")
_ADDS = ("add", "adda", "addw")
_AVU_CHARACTERS = 600  # of at most 4 bytes; the catalog holds 2,700
_SHOWN_IMAGES = 3
_ALREADY_THERE = "Error__Code:-809000]"  # CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME


# -- objects and collections


def of_object(callback, rule_args, what, path):
    path = normal(path)
    if ("linked", IN_PLACE) not in avus_of(callback, path, "linked"):
        return ""
    return _of_linked(callback, rule_args, what, path)


def _of_linked(callback, rule_args, what, path):
    override = _override_on(callback, path) or _override_above(callback, place(path)["COLL_NAME"])
    return _passed(callback, rule_args, what, path, override) if override else _reason(callback, what, path)


def of_collection(callback, rule_args, what, path):
    """The first object below that no override releases decides."""
    path = normal(path)
    name = f"META_DATA_ATTR_NAME = '{named('linked')}'"
    override = None
    for linked in below(callback, path, name, f"META_DATA_ATTR_VALUE = '{IN_PLACE}'"):
        override = override or _override_above(callback, path)
        if override:
            return _passed(callback, rule_args, what, path, override)
        refusal = _of_linked(callback, rule_args, what, linked)
        if refusal:
            return refusal
    return ""


def of_trim(callback, rule_args, path, number):
    """``number`` of the replica that the client named, "" for none: one that is not good may go."""
    columns = ["DATA_REPL_NUM", "DATA_REPL_STATUS"]

    def is_good():
        return [number, "1"] in [list(row) for row in exactly(callback, columns, place(normal(path)))]

    may_matter = not number or _found_out(callback, is_good, True)
    return of_object(callback, rule_args, "trim", path) if may_matter else ""


def _override_on(callback, path):
    found = _found_out(callback, lambda: avus_of(callback, path, "override"), [])
    return ("-d", path, found[0][1]) if found else None


def _override_above(callback, collection):
    found = _found_out(callback, lambda: carrier_of(callback, collection, "override"), None)
    return ("-C", *found) if found else None


def _found_out(callback, ask, otherwise):
    """What ``ask`` returns, ``otherwise`` when it cannot be found out."""
    try:
        return ask()
    except Exception as error:
        log(callback, f"this cannot be found out, so what is linked stays protected: {printable(str(error))}")
        return otherwise


def _passed(callback, rule_args, what, path, override):
    """Write down who made use of an override: in the log, and at what carries it if he may do so."""
    kind, carrier, reason = override
    use = f"{what} by {_person(rule_args, 'user')}"
    why = f"({printable(reason)})"
    log(callback, f"{named('override')} of {printable(carrier)}: {use}: {printable(path)} {why}")
    # Of a collection a use a day, not thousands of AVUs when all that is below goes; the log has each path.
    when = time.strftime("%Y-%m-%d" if kind == "-C" else "%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    value = f"{when} {use} {why}"[:_AVU_CHARACTERS]
    try:
        callback.msiModAVUMetadata(kind, carrier, "add", named("overridden"), value, "")
    except Exception as error:
        if _ALREADY_THERE not in str(error):
            log(callback, f"{named('overridden')} could not be set: {printable(str(error))}")
    return ""


def _reason(callback, what, path):
    found = _found_out(callback, lambda: avus_of(callback, path, "image"), [])
    images = [value for _, value in found][:_SHOWN_IMAGES]
    shown = f" (Image:{','.join(map(printable, images))})" if images else ""
    return (
        f"{what} refused: {printable(path)} is linked in place by OMERO{shown}, where it would break. "
        f"Delete the image in OMERO, or ask an administrator of iRODS for the AVU {named('override')} on it."
    )


# -- AVUs


def of_avu_change(callback, rule_args, given):
    """``given`` has ``arg0`` to ``arg9`` of ModAVUMetadataInp, as imeta sends them."""
    verb, kind, name, attribute = (given.get(f"arg{number}", "") for number in range(4))
    if verb == "cp":
        return _of_avu_copy(callback, rule_args, kind, normal(attribute))
    news = [given.get(f"arg{number}", "") for number in range(5, 9)]
    made = [new[2:] for new in news if new.startswith("n:")] + ([] if verb.startswith("rm") else [attribute])
    if named("override") in made:
        return of_override(rule_args)
    if verb in _ADDS or not _is_data(kind) or _is_service(rule_args):
        return ""
    changed = _changed(callback, normal(name), verb, attribute)
    return of_object(callback, rule_args, f"change of {changed}", name) if changed else ""


def of_avu_changes(callback, rule_args, document):
    """``document`` is what atomic_apply_metadata_operations gets."""
    changes = [(one["operation"], one["attribute"]) for one in document["operations"]]
    refusal = of_override(rule_args) if ("add", named("override")) in changes else ""
    if refusal or document["entity_type"] != "data_object" or _is_service(rule_args):
        return refusal
    guarded = {named(name) for name in _OF_A_LINK}
    changed = next((name for verb, name in changes if verb == "remove" and name in guarded), "")
    return of_object(callback, rule_args, f"change of {changed}", document["entity_name"]) if changed else ""


def of_metadata_brought(rule_args, brought):
    """``brought``: AVUs that come with data, ``attribute;value;unit;...`` (``iput --metadata``)."""
    return of_override(rule_args) if named("override") in brought.split(";") else ""


def of_override(rule_args):
    """Who may override: an administrator who acts for himself."""
    himself = _person(rule_args, "user") == _person(rule_args, "proxy")
    rights = int(rule_args[1].map().get("user_auth_info_auth_flag") or 0)
    if himself and rights >= _LOCAL_PRIV_USER_AUTH:
        return ""
    return (
        f"{named('override')} refused: only an administrator of iRODS who acts for himself may set it. "
        "Ask one, and tell why what OMERO links in place has to change."
    )


def _changed(callback, path, verb, attribute):
    """Which of the AVUs of a link would change, "" when none would."""
    guarded = [named(name) for name in _OF_A_LINK]
    if verb == "rmi":  # by the number of the AVU
        number = f"META_DATA_ATTR_ID = '{int(attribute)}'"

        def names():
            return [name for (name,) in exactly(callback, ["META_DATA_ATTR_NAME"], place(path), number)]

        found = _found_out(callback, names, guarded)
        return next((name for name in guarded if name in found), "")
    if verb == "rmw":
        wanted = re.compile(_like(attribute), re.DOTALL)
        return next((name for name in guarded if wanted.fullmatch(name)), "")
    return attribute if attribute in guarded else ""


def _like(pattern):
    """A pattern of LIKE as a regular expression."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join({"%": ".*", "_": "."}.get(part) or re.escape(part[-1]) for part in parts)


def _of_avu_copy(callback, rule_args, kind, source):
    """A copy would protect what is no link, or override without an administrator."""
    if _is_data(kind):
        if avus_of(callback, source, "override"):
            return of_override(rule_args)
        return "" if _is_service(rule_args) else of_object(callback, rule_args, "copy of AVUs", source)
    condition = f"META_COLL_ATTR_NAME = '{named('override')}'"
    carried = any(exactly(callback, ["META_COLL_ATTR_VALUE"], {"COLL_NAME": source}, condition))
    return of_override(rule_args) if carried else ""


def _is_data(kind):
    return kind.lstrip("-").startswith("d")


def _is_service(rule_args):
    people = {_person(rule_args, role) for role in ("user", "proxy")}
    return not people.isdisjoint(settings["service_users"])


def _person(rule_args, role):
    about = rule_args[1].map()
    return f"{about.get(role + '_user_name')}#{about.get(role + '_rods_zone')}"
