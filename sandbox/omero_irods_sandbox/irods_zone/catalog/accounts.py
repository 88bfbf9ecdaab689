"""Making and removing users and groups, with their home collections.

Source: ``administration_utilities.cpp`` and ``user_validation_utilities.cpp`` of iRODS, ``acCreateUser`` and
``acDeleteUser`` of ``core.re``, ``db_mod_group_op`` of ``db_plugin.cpp``.
"""

from __future__ import annotations

import re
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.values import User
from omero_irods_sandbox.irods_zone.errors import ZoneError

GROUP: Final = "rodsgroup"
ACCOUNT_TYPES: Final = frozenset({"rodsuser", "rodsadmin", "groupadmin", GROUP})

_NAME: Final = re.compile(r"[\w.@-]{1,63}(#[^#/]{0,63})?", re.ASCII)


def create(catalog: Catalog, name: str, account_type: str, zone: str = "") -> User:
    """A new user or group with home (and trash); ``name`` may be ``name#zone``.

    Raises:
        ZoneError: CAT_INVALID_USER_TYPE, USER_INVALID_USERNAME_FORMAT, CAT_INVALID_ZONE,
            SYS_NOT_ALLOWED (a group of another zone), CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME.
    """
    if account_type not in ACCOUNT_TYPES:
        raise ZoneError("CAT_INVALID_USER_TYPE", f"No such user type: {account_type}")
    check_name(name)
    user_name, named_zone = catalog.users.split(name)
    zone = _one_zone(zone, named_zone if "#" in name else "") or catalog.zone
    if account_type == GROUP and zone != catalog.zone:
        raise ZoneError("SYS_NOT_ALLOWED", "groups cannot be made for a remote zone")
    user = catalog.users.insert(user_name, account_type, zone)
    for path in catalog.home_collections(user):
        if catalog.collections.find(path) is None:
            catalog.collections.insert(path, user)
    return user


def check_name(name: str) -> None:
    """Raises ZoneError USER_INVALID_USERNAME_FORMAT: names become names of collections."""
    if not _NAME.fullmatch(name) or name.partition("#")[0] in (".", ".."):
        raise ZoneError("USER_INVALID_USERNAME_FORMAT", f"Not a user name: {name!r}")


def _one_zone(zone: str, named_zone: str) -> str:
    if zone and named_zone and zone != named_zone:
        raise ZoneError("CAT_INVALID_ZONE", f"Both {zone} and {named_zone} are named.")
    return zone or named_zone


def remove(catalog: Catalog, user: User) -> None:
    """Remove the user or group with the homes, which must be empty.

    Raises:
        ZoneError: CAT_COLLECTION_NOT_EMPTY.
    """
    for path in catalog.home_collections(user):
        collection = catalog.collections.find(path)
        if collection is None:
            continue
        if not catalog.collections.is_empty(collection):
            raise ZoneError("CAT_COLLECTION_NOT_EMPTY", f"Collection is not empty: {path}")
        catalog.forget(collection.id)
        catalog.collections.delete(collection)
    catalog.users.delete(user)


def change_membership(catalog: Catalog, group_name: str, verb: str, user_name: str, zone: str) -> None:
    """``verb`` is add or remove.

    Raises:
        ZoneError: CAT_INVALID_USER, CAT_INVALID_GROUP, CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME (is a member),
            USER_NOT_IN_GROUP, CAT_INVALID_ARGUMENT.
    """
    user = catalog.users.get(user_name, "" if "#" in user_name else zone)
    if user.is_group:
        raise ZoneError("CAT_INVALID_USER", f"A group cannot be in a group: {user_name}")
    group = catalog.users.group(group_name)
    if verb == "add":
        catalog.users.add_member(group, user)
    elif verb != "remove":
        raise ZoneError("CAT_INVALID_ARGUMENT", f"No change of a group is called {verb!r}.")
    elif not catalog.users.remove_member(group, user):
        raise ZoneError("USER_NOT_IN_GROUP", f"{user_name} is not in group {group_name}.")
