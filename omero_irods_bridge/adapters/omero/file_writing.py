"""Bytes of an OriginalFile that is outside of repositories: of an attachment, a table, a figure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import omero
import omero.clients
import omero.sys
from omero.rtypes import rstring

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import FOREIGN, omero_errors
from omero_irods_bridge.model.checksums import PROOFS, Digest, OmeroHash, omero_digest
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch, NotFound
from omero_irods_bridge.ports import ByteSource

BLOCK_BYTES: Final = 2 << 20
"""One write; more is slower (reference/omero-wire.md, 5)."""

_HASHER: Final = "SHA1-160"
_FILE: Final = "select f from OriginalFile f left outer join fetch f.hasher where f.id = :id"
_ALGORITHM: Final = "select a from ChecksumAlgorithm a where a.value = :value"


def write_file(connection: OmeroConnection, file: int, source: ByteSource) -> None:
    """See ``GraphWriter.write_file``. A file without a hasher that proves content gets SHA1-160."""
    what = f"writing OriginalFile:{file}"
    context = connection.client.getContext(group=connection.identity.group_id)
    with omero_errors(what):
        hasher = _hasher(connection, file, context)
        digest = omero_digest(hasher)
        assert digest is not None
        with _store(connection, file, context) as store:
            _send(store, source, digest, what, context)
            saved = store.save(context)
    _compare(saved, file, source.size, hasher, digest)


def _hasher(connection: OmeroConnection, file: int, context: dict[str, str]) -> str:
    query = connection.session.getQueryService()
    found = query.findByQuery(_FILE, omero.sys.ParametersI().addId(file), context)
    if found is None:
        raise NotFound(f"OriginalFile:{file} is not there, or not for you to see.")
    if found.hasher is not None and found.hasher.value.val in PROOFS:
        return str(found.hasher.value.val)
    parameters = omero.sys.ParametersI().add("value", rstring(_HASHER))
    found.hasher = query.findByQuery(_ALGORITHM, parameters, context).proxy()
    found.hash = None
    connection.session.getUpdateService().saveObject(found, context)
    return _HASHER


@contextlib.contextmanager
def _store(connection: OmeroConnection, file: int, context: dict[str, str]) -> Iterator[Any]:
    """A store turned to the file. Closing it makes OMERO note what there is, also when that is not all."""
    store = connection.session.createRawFileStore()
    try:
        store.setFileId(file, context)
        yield store
    finally:
        with contextlib.suppress(*FOREIGN):
            store.close()


def _send(store: Any, source: ByteSource, digest: Digest, what: str, context: dict[str, str]) -> None:
    """All bytes from the start; while one block travels the next is read. Nothing is left behind them."""
    pending = None
    for offset, block in _blocks(source, what):
        digest.update(block)
        if pending is not None:
            store.end_write(pending)
        pending = store.begin_write(block, offset, len(block), _ctx=context)
    store.end_write(pending)
    store.truncate(source.size, context)


def _blocks(source: ByteSource, what: str) -> Iterator[tuple[int, bytes]]:
    """One empty block of an empty source, so that the file comes to be."""
    for offset in range(0, max(source.size, 1), BLOCK_BYTES):
        wanted = min(BLOCK_BYTES, source.size - offset)
        block = source.read_at(offset, wanted) if wanted else b""
        if len(block) != wanted:
            raise ChecksumMismatch(
                f"The source ends after {offset + len(block):,} of {source.size:,} bytes while {what}."
            )
        yield offset, block


def _compare(saved: Any, file: int, size: int, hasher: str, digest: Digest) -> None:
    if saved is None or saved.hash is None or saved.size is None:
        raise BridgeError(f"OMERO recorded no checksum of OriginalFile:{file}.", hint="Write it again.")
    if saved.size.val != size or not OmeroHash(hasher, saved.hash.val).fits(digest):
        raise ChecksumMismatch(
            f"OMERO has OriginalFile:{file} with {saved.size.val:,} bytes and the {hasher} {saved.hash.val}"
            f" instead of {size:,} bytes and {digest.hexdigest()}.",
            hint="Write it again. If that does not help, check the disk of the OMERO server.",
        )
