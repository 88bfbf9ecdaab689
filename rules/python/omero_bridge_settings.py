"""Settings of the bridge's rules: ``omero_bridge_settings.json`` beside this file, and the log.

A setting that is wrong never breaks an operation: it has its default, and the log says so once a connection.
Only the standard library, Python 3.6.
"""

import json
import re
from pathlib import Path

SETTINGS_FILE = Path(__file__).resolve().parent / "omero_bridge_settings.json"

_SHOWN_CHARACTERS = 400  # the server cuts messages after 1,023 bytes


def _is_word(value, pattern):
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_user(value):
    return _is_word(value, r"[^#]+#[^#]+")


_SETTINGS = {
    # name: (default, what is right, how to say it)
    "prefix": ("omero::", lambda v: _is_word(v, r"[\w.:/-]{1,100}"), "a short text"),
    "tell": (True, lambda v: isinstance(v, bool), "true or false"),
    "protect": (True, lambda v: isinstance(v, bool), "true or false"),
    "service_users": ([], lambda v: isinstance(v, list) and all(map(_is_user, v)), 'a list of "name#zone"'),
    "wake_after_s": (5, lambda v: type(v) is int and 1 <= v <= 3600, "seconds, 1 to 3600"),
    "instance": (
        "irods_rule_engine_plugin-python-instance",
        lambda v: _is_word(v, r"[\w.-]{1,200}"),
        "the instance_name of the plugin in server_config.json",
    ),
}


def read_settings(text):
    """``(settings, problems)`` of the JSON ``text``; what is wrong has its default, and a problem."""
    found = {name: default for name, (default, _, _) in _SETTINGS.items()}
    try:
        given = json.loads(text)
    except ValueError as error:
        return found, [f"the settings are no JSON ({error}): all have their defaults"]
    if not isinstance(given, dict):
        return found, ["the settings are no JSON object: all have their defaults"]
    wrong = []
    for name, value in given.items():
        default, is_right, right = _SETTINGS.get(name, (None, None, None))
        if is_right is None:
            wrong.append(f"there is no setting {name!r}")
        elif not is_right(value):
            wrong.append(f"{name} must be {right}, not {value!r}: it is {default!r}")
        else:
            found[name] = value
    return found, wrong


def _load_settings():
    try:
        return read_settings(SETTINGS_FILE.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return read_settings("{}")[0], [f"{SETTINGS_FILE} cannot be read ({error}): defaults are used"]


settings, problems = _load_settings()


def named(attribute):
    """The attribute with the prefix of the bridge's AVUs."""
    return settings["prefix"] + attribute


def printable(text):
    """``text`` for a message: not too long, in one line."""
    shown = text if len(text) <= _SHOWN_CHARACTERS else text[:150] + " ... " + text[-200:]
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)


def log(callback, text):
    """To the server's log. Never raises."""
    try:
        callback.writeLine("serverLog", "omero_bridge: " + text)
    except Exception:
        return  # there is nobody left to tell


def log_problems(callback):
    """What is wrong with the settings; once a connection."""
    while problems:
        log(callback, problems.pop(0))
