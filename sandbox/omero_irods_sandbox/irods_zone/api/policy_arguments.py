"""What a policy hook sees of a request, after the plugin instance and the context.

Each function makes the arguments of one shape of API operation; they are what ``rules=`` of
:func:`..registry.operation` takes. Source: ``apiHandler.hpp`` and the ``api_*`` of each operation;
reference/irods-rules.md, What PREP passes. Structures: ``rodsPackInstruct.h``.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.api.registry import Request
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.values import (
    BytesBuf,
    CharArray,
    CollInp,
    DataObjCopyInp,
    DataObjInp,
    KeyValPair,
    ModAccessControlInp,
    OpenedDataObjInp,
)
from omero_irods_sandbox.irods_zone.wire.xml import Element

_AVU_ARGUMENTS: Final = tuple(f"arg{number}" for number in range(10))


def data_object_input(request: Request) -> tuple[DataObjInp]:
    """Operations that take a DataObjInp and answer with a number only, e.g. ``data_obj_unlink``."""
    return (_data_object(request.body),)


def data_object_input_and_none(request: Request) -> tuple[DataObjInp, None]:
    """The same with an output that the hooks see as None, e.g. ``obj_stat``."""
    return _data_object(request.body), None


def put_input(request: Request) -> tuple[DataObjInp, BytesBuf, None]:
    """``data_obj_put``. The payload is not shown: it goes from the wire to the vault without a stop."""
    return _data_object(request.body), BytesBuf(), None


def copy_input(request: Request) -> tuple[DataObjCopyInp]:
    """``data_obj_rename``."""
    return (_copy(request.body),)


def copy_input_and_none(request: Request) -> tuple[DataObjCopyInp, None]:
    """``data_obj_copy``."""
    return _copy(request.body), None


def collection_input(request: Request) -> tuple[CollInp]:
    """``coll_create``."""
    return (_collection(request.body),)


def collection_input_and_none(request: Request) -> tuple[CollInp, None]:
    """``rm_coll``."""
    return _collection(request.body), None


def opened_input(request: Request) -> tuple[OpenedDataObjInp]:
    """``data_obj_close``."""
    return (_opened(request.body),)


def opened_input_and_none(request: Request) -> tuple[OpenedDataObjInp, None]:
    """``data_obj_read``, ``data_obj_write``, ``data_obj_lseek``."""
    return _opened(request.body), None


def buffer_input(request: Request) -> tuple[BytesBuf]:
    """Operations that take JSON and answer with a number only, e.g. ``touch``."""
    return (BytesBuf(request.buffer()),)


def buffer_input_and_none(request: Request) -> tuple[BytesBuf, None]:
    """Operations that take JSON and answer with some, e.g. ``atomic_apply_metadata_operations``."""
    return BytesBuf(request.buffer()), None


def avu_input(request: Request) -> tuple[dict[str, str]]:
    """``mod_avu_metadata``: a dict, as PREP knows no type for it; arguments not given are not in it."""
    body = request.body
    return ({name: body.string(name) for name in _AVU_ARGUMENTS if body.string(name)},)


def access_input(request: Request) -> tuple[ModAccessControlInp]:
    """``mod_access_control``."""
    body = request.body
    return (
        ModAccessControlInp(
            body.integer("recursiveFlag"),
            CharArray(body.string("accessLevel")),
            CharArray(body.string("userName")),
            CharArray(body.string("zone")),
            CharArray(body.string("path")),
        ),
    )


def _data_object(body: Element) -> DataObjInp:
    return DataObjInp(
        objPath=CharArray(body.string("objPath")),
        condInput=KeyValPair(body.key_values()),
        createMode=body.integer("createMode"),
        openFlags=body.integer("openFlags"),
        offset=body.integer("offset"),
        dataSize=body.integer("dataSize"),
        numThreads=body.integer("numThreads"),
        oprType=body.integer("oprType"),
    )


def _copy(body: Element) -> DataObjCopyInp:
    ends = body.all("DataObjInp_PI")
    if len(ends) != 2:
        raise ZoneError("USER_PACKSTRUCT_INPUT_ERR", "A source and a destination are needed.")
    return DataObjCopyInp(_data_object(ends[0]), _data_object(ends[1]))


def _collection(body: Element) -> CollInp:
    return CollInp(
        collName=CharArray(body.string("collName")),
        condInput=KeyValPair(body.key_values()),
        flags=body.integer("flags"),
        oprType=body.integer("oprType"),
    )


def _opened(body: Element) -> OpenedDataObjInp:
    return OpenedDataObjInp(
        l1descInx=body.integer("l1descInx"),
        len=body.integer("len"),
        whence=body.integer("whence"),
        oprType=body.integer("oprType"),
        offset=body.integer("offset"),
        bytesWritten=body.integer("bytesWritten"),
        condInput=KeyValPair(body.key_values()),
    )
