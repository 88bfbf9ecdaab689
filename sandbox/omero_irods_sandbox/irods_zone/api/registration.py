"""Registering files and folders where they lie, without copying them.

Source: plugins/api/src/register_physical_path.cpp; ``acNoChkFilePathPerm`` of core.re (only a
rodsadmin may); PRC irods/manager/data_object_manager.py and collection_manager.py (``register``).
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NoReturn

import irods.keywords as kw

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api import at_rest, placing
from omero_irods_sandbox.irods_zone.api.policy_arguments import data_object_input
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, parent_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica, ReplicaStatus, Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError, system_error
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire.xml import to_integer


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file that is to become a replica. ``size`` in bytes."""

    path: str
    physical_path: str
    size: int
    checksum: str


@operation(630, "phy_path_reg", rules=data_object_input)
def register(session: Session, request: Request) -> Reply:
    """Make data objects of the file ``filePath``, or with ``collection`` of a folder and all below it.

    With ``regRepl`` a file becomes one more replica of what is there, with
    ``forceFlag`` a folder's files that are there already are passed over.
    All of a folder is registered or nothing. Symbolic links to folders are not followed.
    """
    path, keywords = normalized(request.body.string("objPath")), request.body.key_values()
    physical_path = _physical_path(keywords)
    if not session.user.is_admin:
        raise ZoneError("PATH_REG_NOT_ALLOWED", "Only a rodsadmin may register files.")
    leaf = placing.leaf_for(session, keywords)
    collections: list[str] = []
    files = {path: physical_path}
    if kw.COLLECTION_KW in keywords:
        collections, files = _folder(path, physical_path)
        files = _without_known(session, files, keywords)
    entries = [_entry(path, physical_path, keywords) for path, physical_path in files.items()]
    with session.catalog.transaction():
        for collection in collections:
            session.catalog.make_collection(session.user, collection, parents=True)
        replicas = [_insert(session, entry, leaf, keywords) for entry in entries]
    for replica in replicas:
        at_rest.announce_registered(session, replica)
    return Reply()


def _physical_path(keywords: dict[str, str]) -> str:
    path = keywords.get(kw.FILE_PATH_KW, "")
    if not path.startswith("/") or "\0" in path:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"{kw.FILE_PATH_KW} is not an absolute path: {path!r}")
    return path


def _folder(path: str, folder: str) -> tuple[list[str], dict[str, str]]:
    """(collections, physical by logical paths of the regular files) of a folder.

    Raises:
        ZoneError: UNIX_FILE_ERR with its errno when a folder can't be read.
    """
    collections: list[str] = []
    files: dict[str, str] = {}
    for base, _, names in os.walk(folder, onerror=_fail):
        collection = str(PurePosixPath(path, PurePosixPath(base).relative_to(folder)))
        collections.append(collection)
        physical_paths = {name: str(PurePosixPath(base, name)) for name in sorted(names)}
        files |= {f"{collection}/{name}": file for name, file in physical_paths.items() if _is_regular(file)}
    return collections, files


def _fail(error: OSError) -> NoReturn:
    raise system_error(error) from error


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 (not is_file(), which hides errors)
    except OSError as error:
        raise system_error(error) from error


def _without_known(session: Session, files: dict[str, str], keywords: dict[str, str]) -> dict[str, str]:
    if kw.FORCE_FLAG_KW not in keywords:
        return files
    replicas = session.catalog.data_objects.replicas
    return {path: physical_path for path, physical_path in files.items() if not replicas(path)}


def _entry(path: str, physical_path: str, keywords: dict[str, str]) -> _Entry:
    """What the file is like now.

    Raises:
        ZoneError: USER_CHKSUM_MISMATCH when ``verifyChksum`` names another checksum, or UNIX_FILE_ERR
            with its errno.
    """
    try:
        size = _size(physical_path, keywords)
        checksum = _checksum(physical_path, keywords)
    except OSError as error:
        raise system_error(error) from error
    return _Entry(path, physical_path, size, checksum)


def _size(physical_path: str, keywords: dict[str, str]) -> int:
    if keywords.get(kw.DATA_SIZE_KW):
        return to_integer(keywords[kw.DATA_SIZE_KW], kw.DATA_SIZE_KW)
    if not _is_regular(physical_path):
        raise IsADirectoryError(errno.EISDIR, f"Not a regular file: {physical_path}")
    return storage.size_of(physical_path)


def _checksum(physical_path: str, keywords: dict[str, str]) -> str:
    if not {kw.VERIFY_CHKSUM_KW, kw.REG_CHKSUM_KW} & keywords.keys():
        return keywords.get(kw.CHKSUM_KW, "")
    checksum = storage.checksum(physical_path)
    announced = keywords.get(kw.VERIFY_CHKSUM_KW)
    if announced and announced != checksum:
        message = f"The checksum of {physical_path} is {checksum}, {announced} was announced."
        raise ZoneError("USER_CHKSUM_MISMATCH", message)
    return checksum


def _insert(session: Session, entry: _Entry, leaf: Resource, keywords: dict[str, str]) -> Replica:
    catalog = session.catalog
    replicas = catalog.data_objects.replicas(entry.path)
    collection = catalog.collections.get(parent_of(entry.path))
    if replicas and kw.REG_REPL_KW not in keywords:
        raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", f"Data object exists: {entry.path}")
    if any(replica.resource_id == leaf.id for replica in replicas):
        raise ZoneError("SYS_COPY_ALREADY_IN_RESC", f"{leaf.name} has a replica of {entry.path} already.")
    if catalog.collections.find(entry.path) is not None:
        raise ZoneError("CAT_NAME_EXISTS_AS_COLLECTION", f"A collection has this name: {entry.path}")
    catalog.permissions.require(session.user, collection.id, AccessLevel.MODIFY_OBJECT)
    modified = keywords.get(kw.DATA_MODIFY_KW)
    replica = placing.new_replica(
        session,
        entry.path,
        collection,
        replicas,
        leaf,
        keywords,
        physical_path=entry.physical_path,
        size=entry.size,
        status=ReplicaStatus.GOOD,
        checksum=entry.checksum,
        modify_time=timestamp(to_integer(modified, kw.DATA_MODIFY_KW)) if modified else None,
    )
    catalog.collections.mark_modified(collection.path)
    return replica
