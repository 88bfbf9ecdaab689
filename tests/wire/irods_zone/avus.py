"""AVUs as the tests read them, and requests that no method of python-irodsclient would send."""

from __future__ import annotations

from typing import Final

from irods.message import MetadataRequest, iRODSMessage
from irods.meta import iRODSMetaCollection
from irods.session import iRODSSession

MOD_AVU: Final = 706

Avus = list[tuple[str, str, str]]


def triples(metadata: iRODSMetaCollection) -> Avus:
    metadata._reset_metadata()
    return sorted((avu.name, avu.value, avu.units or "") for avu in metadata.items())


def avus(session: iRODSSession, path: str) -> Avus:
    return triples(session.data_objects.get(path).metadata)


def modify(session: iRODSSession, *arguments: str, **keywords: str) -> None:
    """API 706. Raises what PRC raises."""
    with session.pool.get_connection() as connection:
        body = MetadataRequest(*arguments, **keywords)
        connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=MOD_AVU))
        connection.recv()
