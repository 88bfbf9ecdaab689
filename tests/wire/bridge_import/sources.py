"""Files to import, from memory, and a look at what became of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import omero
import tifffile
from omero.rtypes import unwrap

from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.ports import ImportFile

KINDS = (
    "Fileset",
    "FilesetEntry",
    "OriginalFile",
    "Image",
    "Pixels",
    "Plate",
    "Well",
    "Job",
    "Annotation",
)


class Bytes:
    """A ByteSource; ``before_read`` hears of every read and may raise."""

    def __init__(self, content: bytes, before_read: Callable[[int, int], None] | None = None) -> None:
        self._content = content
        self._before_read = before_read

    @property
    def size(self) -> int:
        return len(self._content)

    def read_at(self, offset: int, length: int) -> bytes:
        if self._before_read is not None:
            self._before_read(offset, length)
        return self._content[offset : offset + length]


def file_of(
    client_path: str,
    content: bytes,
    *,
    expected: OmeroHash | None = None,
    size: int | None = None,
    before_read: Callable[[int, int], None] | None = None,
) -> ImportFile:
    @contextmanager
    def opened() -> Iterator[Bytes]:
        yield Bytes(content, before_read)

    return ImportFile(client_path, len(content) if size is None else size, opened, expected)


def fake(tokens: str = "", name: str = "cells", folder: str = "zone/home/alice") -> ImportFile:
    return file_of(f"{folder}/{name}{tokens}.fake", b"")


def tiff(width: int = 64, height: int = 48) -> bytes:
    """A TIFF whose bytes do not repeat."""
    target = io.BytesIO()
    pixels = np.random.default_rng(width * height).integers(0, 65535, (height, width), np.uint16)
    tifffile.imwrite(target, pixels, metadata=None)
    return target.getvalue()


def sha1(content: bytes) -> OmeroHash:
    return OmeroHash("SHA1-160", hashlib.sha1(content).hexdigest())


def read_all(paths: Sequence[Path], folder: str) -> list[ImportFile]:
    return [file_of(f"{folder}/{path.name}", path.read_bytes()) for path in paths]


class Look:
    """Queries of a test."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def rows(self, hql: str, **values: Any) -> list[Any]:
        parameters = omero.sys.ParametersI()
        for name, value in values.items():
            add = parameters.addString if isinstance(value, str) else parameters.addLong
            add(name, value)
        rows = self._client.getSession().getQueryService().projection(hql, parameters)
        return [unwrap(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Own objects by kind, but for folders of the repository, which stay when all is deleted."""
        me = self._client.getSession().getAdminService().getEventContext().userId
        counted = {}
        for kind in KINDS:
            hql = f"select count(o.id) from {kind} o where o.details.owner.id = :me"
            if kind == "OriginalFile":
                hql += " and (o.mimetype is null or o.mimetype != 'Directory')"
            counted[kind] = self.rows(hql, me=me)[0][0]
        return counted

    def is_empty(self) -> bool:
        return not any(self.counts().values())

    def names(self, image_ids: Sequence[int]) -> list[str]:
        return [self.rows("select i.name from Image i where i.id = :id", id=id_)[0][0] for id_ in image_ids]

    def series(self, image_ids: Sequence[int]) -> list[int]:
        return [self.rows("select i.series from Image i where i.id = :id", id=id_)[0][0] for id_ in image_ids]

    def marks(self, fileset: int) -> list[dict[str, str]]:
        hql = (
            "select a from Fileset f join f.annotationLinks l join l.child a where f.id = :id"
            " and a.ns = 'omero-irods-bridge/load'"
        )
        parameters = omero.sys.ParametersI().addId(fileset)
        found = self._client.getSession().getQueryService().findAllByQuery(hql, parameters)
        return [{pair.name: pair.value for pair in one.mapValue} for one in found]
