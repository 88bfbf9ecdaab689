"""An iRODS zone as the bridge's object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final

import irods.keywords as kw
from irods.constants import SYS_CLI_TO_SVR_COLL_STAT_REPLY, SYS_SVR_TO_CLI_COLL_STAT
from irods.message import CollectionRequest, FileOpenRequest, ObjCopyRequest, StringStringMap

from omero_irods_bridge.adapters.irods import access, checksums, listing, metadata, trees
from omero_irods_bridge.adapters.irods.connections import (
    DEFAULT_CONNECT_TIMEOUT_S,
    DEFAULT_TIMEOUT_S,
    Connections,
    exchange,
)
from omero_irods_bridge.adapters.irods.environment import Account
from omero_irods_bridge.adapters.irods.errors import CAT_COLLECTION_NOT_EMPTY, code_of, translated
from omero_irods_bridge.adapters.irods.paths import checked
from omero_irods_bridge.adapters.irods.queries import Column, Query, select
from omero_irods_bridge.adapters.irods.reading import ObjectSource
from omero_irods_bridge.adapters.irods.writing import ParallelWriter
from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, UsageError
from omero_irods_bridge.model.stored import Avu, Collection, DataObject
from omero_irods_bridge.ports import AvuCondition, ByteSource

_RENAME_WHATEVER_IT_IS: Final = 13
"""RENAME_UNKNOWN_TYPE of ``dataObjInpOut.h``: the server looks what the source is."""


class IrodsStore:
    """An ``ObjectStore`` over python-irodsclient. Any thread may use it; leaving it logs out.

    It connects when it is first used. Connections are kept and used again, as many as were in use at once.

    Args:
        account: who we are, see :mod:`.environment`.
        timeout_s: how long one answer may take; a checksum of a large object takes long.
        connect_timeout_s: how long connecting and logging in may take.
        as_admin: change AVUs of everybody's objects with the rights of an administrator (rodsadmin).
    """

    def __init__(
        self,
        account: Account,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S,
        as_admin: bool = False,
    ) -> None:
        self._as_admin = as_admin
        self._connections = Connections(account, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s)

    def __enter__(self) -> IrodsStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Log out; open readers and writers are cut off."""
        self._connections.close()

    @property
    def zone(self) -> str:
        return self._connections.zone

    @property
    def user(self) -> str:
        return self._connections.user

    @property
    def home(self) -> str:
        return f"/{self.zone}/home/{self.user}"

    # -- looking

    def known_zones(self) -> frozenset[str]:
        """One round trip."""
        with translated("Asking which zones there are"):
            rows = select(self._connections, Query((Column.ZONE_NAME,), ()))
        return frozenset(name for (name,) in rows)

    def find(self, path: str) -> DataObject | Collection | None:
        with translated(f"Looking for {checked(path)}"):
            return listing.find(self._connections, path)

    def children(self, collection: str, *, recursive: bool = False) -> Iterator[DataObject | Collection]:
        """Sorted by path. All of it is asked for before the first is given.

        Raises:
            NotFound: the collection is not there.
        """
        with translated(f"Listing {checked(collection)}"):
            found = list(listing.children(self._connections, collection, recursive=recursive))
            if not found and listing.find_collection(self._connections, collection) is None:
                raise NotFound(f"There is no collection {collection}.")
        return iter(found)

    def may_add_to(self, collection: str) -> bool:
        with translated(f"Looking who may write into {checked(collection)}"):
            return access.may_add_to(self._connections, collection)

    # -- bytes

    def open_writer(self, path: str, *, streams: int = 1, keep: bool = False) -> ParallelWriter:
        _check_streams(streams)
        return ParallelWriter(self._connections, checked(path), streams=streams, keep=keep)

    def open_source(
        self, path: str, *, streams: int = 1, replica: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        _check_streams(streams)
        return ObjectSource(self._connections, checked(path), streams=streams, replica=replica)

    def truncate(self, path: str, size: int) -> None:
        """Afterwards the replica is good, and its checksum is forgotten."""
        with translated(f"Cutting {checked(path)} to {size} bytes"), self._connections.lease() as connection:
            exchange(connection, _truncation(connection.server_version), _object_request(path, {}, size=size))

    def compute_checksum(self, path: str, *, replica: int | None = None) -> Sha256:
        return checksums.compute(self._connections, checked(path), replica)

    def verify_checksum(self, path: str, *, replica: int) -> bool:
        return checksums.verify(self._connections, checked(path), replica)

    # -- places

    def make_collection(self, path: str) -> None:
        body = _collection_request(checked(path), kw.RECURSIVE_OPR__KW)
        with translated(f"Making the collection {path}"):
            self._connections.call("COLL_CREATE_AN", body)

    def move(self, source: str, target: str) -> None:
        """One round trip.

        The server renames in the old collection before it moves to the new one: a sibling of ``source`` with
        the name of ``target`` counts as being in the way too (``rsDataObjRename.cpp``).
        """
        ends = [_rename_end(checked(path)) for path in (source, target)]
        body = ObjCopyRequest(srcDataObjInp_PI=ends[0], destDataObjInp_PI=ends[1])
        with translated(f"Moving {source} to {target}"):
            self._connections.call("DATA_OBJ_RENAME_AN", body)

    def remove(self, path: str) -> None:
        """Two or three round trips; not by way of the trash.

        Raises:
            AccessDenied: this user may not remove it.
        """
        with translated(f"Removing {checked(path)}"):
            found = listing.find(self._connections, path)
            if found is None:
                return
            try:
                self._remove(found)
            except NotFound as error:
                # iRODS says so too to somebody who may only read it (reference/irods-wire.md).
                if listing.find(self._connections, path) is not None:
                    raise AccessDenied(
                        f"{path} may not be removed by {self.user}.", hint="Ask its owner."
                    ) from error

    def remove_if_empty(self, collection: str) -> bool:
        """One round trip. True too when there is no such collection."""
        body = _collection_request(checked(collection))
        try:
            with translated(f"Removing the collection {collection} if it is empty"):
                self._connections.call("RM_COLL_AN", body)
        except NotFound:
            return True
        except BridgeError as error:
            if code_of(error.__cause__) != CAT_COLLECTION_NOT_EMPTY:
                raise
            return False
        return True

    def _remove(self, found: DataObject | Collection) -> None:
        with translated(f"Removing {found.path}"):
            if isinstance(found, Collection):
                self._remove_collection(found.path)
            else:
                body = _object_request(found.path, {kw.FORCE_FLAG_KW: ""})
                self._connections.call("DATA_OBJ_UNLINK_AN", body)

    def _remove_collection(self, path: str) -> None:
        body = _collection_request(path, kw.RECURSIVE_OPR__KW, kw.FORCE_FLAG_KW)
        with self._connections.lease() as connection:
            answer = exchange(connection, "RM_COLL_AN", body)
            while answer.int_info == SYS_SVR_TO_CLI_COLL_STAT:  # progress, which wants an answer
                connection.reply(SYS_CLI_TO_SVR_COLL_STAT_REPLY)
                answer = connection.recv()

    # -- AVUs

    def avus(self, path: str) -> tuple[Avu, ...]:
        """Raises NotFound when there is nothing at ``path``."""
        with translated(f"Reading the AVUs of {checked(path)}"):
            found = metadata.avus(self._connections, path)
            if not found:
                self._existing(path)
            return found

    def change_avus(self, path: str, *, add: Iterable[Avu] = (), remove: Iterable[Avu] = ()) -> None:
        """Adding what is there and removing what is not change nothing. Two or three round trips.

        Raises:
            NotFound: there is nothing at ``path``.
        """
        with translated(f"Changing the AVUs of {checked(path)}"):
            is_collection = isinstance(self._existing(path), Collection)
            metadata.change(
                self._connections,
                path,
                is_collection=is_collection,
                add=add,
                remove=remove,
                as_admin=self._as_admin,
            )

    def find_by_avus(
        self,
        conditions: Sequence[AvuCondition],
        *,
        below: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ) -> list[str]:
        """Paths ordered by collection, then name. Without any condition nothing is found."""
        with translated("Searching iRODS for AVUs"):
            place = checked(below) if below is not None else None
            return metadata.find(self._connections, conditions, place, skip, limit)

    def avus_of_many(self, paths: Sequence[str]) -> Mapping[str, tuple[Avu, ...]]:
        with translated("Reading AVUs from iRODS"):
            found = dict(metadata.avus_of_many(self._connections, [checked(path) for path in paths]))
            bare = [path for path in paths if path not in found]
            return found | {path: () for path in bare if listing.find(self._connections, path) is not None}

    # -- trees

    def avus_below(self, collection: str, prefix: str) -> Mapping[str, tuple[Avu, ...]]:
        with translated(f"Reading the AVUs below {checked(collection)}"):
            return trees.avus_below(self._connections, collection, prefix)

    def objects_named(self, ending: str, collection: str, *, recursive: bool = True) -> Sequence[DataObject]:
        with translated(f"Looking for *{ending} in {checked(collection)}"):
            return trees.objects_named(self._connections, ending, collection, recursive=recursive)

    def time_there(self) -> float:
        with translated("Asking iRODS for the time"):
            return trees.time_there(self._connections, self.home, as_admin=self._as_admin)

    def _existing(self, path: str) -> DataObject | Collection:
        found = listing.find(self._connections, path)
        if found is None:
            raise NotFound(f"There is nothing at {path}, or {self.user} may not see it.")
        return found


def _check_streams(streams: int) -> None:
    if streams < 1:
        raise UsageError(f"{streams} streams cannot carry anything.")


def _collection_request(path: str, *keywords: str) -> CollectionRequest:
    options = StringStringMap(dict.fromkeys(keywords, ""))
    return CollectionRequest(collName=path, flags=0, oprType=0, KeyValPair_PI=options)


def _truncation(server_version: tuple[int, ...]) -> str:
    """Before 4.3.2 there was only a call for all replicas at once, which is deprecated now."""
    return "REPLICA_TRUNCATE_AN" if server_version >= (4, 3, 2) else "DATA_OBJ_TRUNCATE_AN"


def _object_request(
    path: str, keywords: Mapping[str, str], *, operation: int = 0, size: int = 0
) -> FileOpenRequest:
    return FileOpenRequest(
        objPath=path,
        createMode=0,
        openFlags=0,
        offset=0,
        dataSize=size,
        numThreads=0,
        oprType=operation,
        KeyValPair_PI=StringStringMap(dict(keywords)),
    )


def _rename_end(path: str) -> FileOpenRequest:
    return _object_request(path, {}, operation=_RENAME_WHATEVER_IT_IS)
