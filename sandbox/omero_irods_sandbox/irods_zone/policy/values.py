"""What the rules of the Python rule engine plugin (PREP) see of requests, users and replicas.

Names and members are PREP's own (``types/irods.hpp``, ``irods_types``), so that one rule file runs
here and on a real server; reference/irods-rules.md, What PREP passes. Everything is a copy: what a
rule changes in it does not reach the operation.
"""
# ruff: noqa: N815 - members are named as PREP names them

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from omero_irods_sandbox.irods_zone.catalog.values import Replica, User

_LOCAL_PRIVILEGED_USER: Final = 5
_LOCAL_USER: Final = 3
_NOT_AUTHENTICATED: Final = 0


class CharArray:
    """A ``char[]`` member, PREP's ``array_ref<char>``: use ``str()``, ``len()`` and indexing only.

    It equals no string, as the real one doesn't: a rule that forgets ``str()`` fails here too.
    """

    def __init__(self, text: str = "") -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __len__(self) -> int:
        return len(self._text)

    def __getitem__(self, index: int) -> str:
        return self._text[index]


class KeyValPair:
    """Keys and values, e.g. the ``condInput`` of a request. What is not there raises KeyError."""

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._pairs = dict(pairs or {})

    @property
    def len(self) -> int:
        return len(self._pairs)

    @property
    def key(self) -> list[CharArray]:
        return [CharArray(key) for key in self._pairs]

    @property
    def value(self) -> list[CharArray]:
        return [CharArray(value) for value in self._pairs.values()]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, key: str) -> str:
        if key not in self._pairs:
            raise KeyError(f"{key} was not found in the list of keys.")
        return self._pairs[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._pairs[key] = value

    def items(self) -> Iterator[tuple[str, str]]:
        """For the microservices; PREP's own class has no such method."""
        yield from list(self._pairs.items())


class BytesBuf:
    """A buffer of bytes. JSON in it may end in a NUL."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytes(data)

    @property
    def len(self) -> int:
        return len(self._data)

    @property
    def buf(self) -> CharArray:
        return CharArray(self._data.decode("latin-1"))

    def get_byte(self, index: int) -> int:
        return self._data[index]

    def get_bytes(self, count: int = -1) -> list[int]:
        """The first ``count`` bytes as numbers, all of them when it is negative."""
        return list(self._data if count < 0 else self._data[:count])

    def set_byte(self, index: int, value: int) -> None:
        changed = bytearray(self._data)
        changed[index] = value
        self._data = bytes(changed)

    def set_buffer(self, data: bytes | Iterable[int], count: int = -1) -> None:
        whole = bytes(data)
        self._data = whole if count < 0 else whole[:count]

    def clear_buffer(self) -> None:
        self._data = b""


@dataclass
class DataObjInp:
    """One data object that an operation is about."""

    objPath: CharArray = field(default_factory=CharArray)
    condInput: KeyValPair = field(default_factory=KeyValPair)
    createMode: int = 0
    openFlags: int = 0
    offset: int = 0
    dataSize: int = -1
    numThreads: int = 0
    oprType: int = 0
    specColl: None = None


@dataclass
class OpenedDataObjInp:
    """An open data object, known by its descriptor alone: there is no path in it."""

    l1descInx: int = 0
    len: int = 0
    whence: int = 0
    oprType: int = 0
    offset: int = 0
    bytesWritten: int = 0
    condInput: KeyValPair = field(default_factory=KeyValPair)


@dataclass
class DataObjCopyInp:
    """Source and destination, of a copy or of a rename; a rename may be one of a collection."""

    srcDataObjInp: DataObjInp
    destDataObjInp: DataObjInp


@dataclass
class CollInp:
    """One collection that an operation is about."""

    collName: CharArray = field(default_factory=CharArray)
    condInput: KeyValPair = field(default_factory=KeyValPair)
    flags: int = 0
    oprType: int = 0


@dataclass
class ModAccessControlInp:
    """A change of permissions, as ``ichmod`` asks for it."""

    recursiveFlag: int
    accessLevel: CharArray
    userName: CharArray
    zone: CharArray
    path: CharArray


@dataclass
class DataObjInfo:
    """One replica as the catalog knows it. ``dataSize`` in bytes."""

    objPath: CharArray
    filePath: CharArray
    dataSize: int
    rescName: CharArray
    rescHier: CharArray
    replNum: int
    replStatus: int
    dataId: int
    chksum: CharArray
    dataType: CharArray
    dataOwnerName: CharArray
    dataOwnerZone: CharArray
    dataMode: CharArray
    dataCreate: CharArray
    dataModify: CharArray
    collId: int = 0
    writeFlag: int = 0

    @classmethod
    def of(cls, replica: Replica, hierarchy: str, *, is_written: bool = False) -> DataObjInfo:
        """``hierarchy`` is the replica's resource hierarchy, root first, separated by semicolons."""
        return cls(
            objPath=CharArray(replica.path),
            filePath=CharArray(replica.physical_path),
            dataSize=replica.size,
            rescName=CharArray(hierarchy.rpartition(";")[2]),
            rescHier=CharArray(hierarchy),
            replNum=replica.number,
            replStatus=int(replica.status),
            dataId=replica.data_id,
            chksum=CharArray(replica.checksum),
            dataType=CharArray(replica.type),
            dataOwnerName=CharArray(replica.owner_name),
            dataOwnerZone=CharArray(replica.owner_zone),
            dataMode=CharArray(replica.mode),
            dataCreate=CharArray(replica.create_time),
            dataModify=CharArray(replica.modify_time),
            writeFlag=int(is_written),
        )


@dataclass
class AuthInfo:
    """How a user logged in."""

    authFlag: int = _NOT_AUTHENTICATED
    authScheme: CharArray = field(default_factory=CharArray)
    flag: int = 0
    ppid: int = 0
    host: CharArray = field(default_factory=CharArray)
    authStr: CharArray = field(default_factory=CharArray)


@dataclass
class UserOtherInfo:
    """The rest of a user's row; the server leaves it empty in a connection."""

    userInfo: CharArray = field(default_factory=CharArray)
    userComments: CharArray = field(default_factory=CharArray)
    userCreate: CharArray = field(default_factory=CharArray)
    userModify: CharArray = field(default_factory=CharArray)


@dataclass
class UserInfo:
    """``authInfo.authFlag`` is 5 for a rodsadmin, 3 for any other user, 0 before login (``rodsUser.h``)."""

    userName: CharArray = field(default_factory=CharArray)
    rodsZone: CharArray = field(default_factory=CharArray)
    userType: CharArray = field(default_factory=CharArray)
    sysUid: int = 0
    authInfo: AuthInfo = field(default_factory=AuthInfo)
    userOtherInfo: UserOtherInfo = field(default_factory=UserOtherInfo)

    @classmethod
    def of(cls, user: User | None) -> UserInfo:
        """``None`` is a client that has not logged in yet."""
        if user is None:
            return cls()
        return cls(
            userName=CharArray(user.name),
            rodsZone=CharArray(user.zone),
            userType=CharArray(user.type),
            authInfo=AuthInfo(authFlag=auth_flag(user), authScheme=CharArray("native")),
        )


def auth_flag(user: User) -> int:
    """LOCAL_PRIV_USER_AUTH or LOCAL_USER_AUTH of ``rodsUser.h``."""
    return _LOCAL_PRIVILEGED_USER if user.is_admin else _LOCAL_USER


@dataclass
class RsComm:
    """The connection, ``rei.rsComm``."""

    clientAddr: CharArray
    clientUser: UserInfo
    proxyUser: UserInfo
    sock: int
    apiInx: int
    option: CharArray
    connectCnt: int = 0
    status: int = 0
    auth_scheme: CharArray = field(default_factory=lambda: CharArray("native"))


@dataclass
class ExecCmdOut:
    """What a program that ``msiExecCmd`` ran has written, and its exit status."""

    stdoutBuf: BytesBuf
    stderrBuf: BytesBuf
    status: int


@dataclass
class RodsObjStat:
    """Answer of ``msiObjStat``. ``objSize`` in bytes; ``objType`` 1 data object, 2 collection."""

    objSize: int = 0
    objType: int = 0
    dataMode: int = 0
    dataId: CharArray = field(default_factory=CharArray)
    chksum: CharArray = field(default_factory=CharArray)
    ownerName: CharArray = field(default_factory=CharArray)
    ownerZone: CharArray = field(default_factory=CharArray)
    createTime: CharArray = field(default_factory=CharArray)
    modifyTime: CharArray = field(default_factory=CharArray)
    rescHier: CharArray = field(default_factory=CharArray)
    specColl: None = None


@dataclass
class Pairs:
    """InxIvalPair and InxValPair: column numbers with what is asked of each."""

    inx: list[int] = field(default_factory=list)
    value: list[Any] = field(default_factory=list)

    @property
    def len(self) -> int:
        return len(self.inx)

    def add(self, index: int, value: object) -> None:
        self.inx.append(index)
        self.value.append(value)


@dataclass
class GenQueryInp:
    """A GenQuery 1 as ``msiMakeGenQuery`` makes it."""

    maxRows: int = 0
    continueInx: int = 0
    rowOffset: int = 0
    options: int = 0
    condInput: KeyValPair = field(default_factory=KeyValPair)
    selectInp: Pairs = field(default_factory=Pairs)
    sqlCondInp: Pairs = field(default_factory=Pairs)


@dataclass
class SqlResult:
    """One column of an answer."""

    attriInx: int
    rows: list[str]

    def row(self, number: int) -> str:
        return self.rows[number]


@dataclass
class GenQueryOut:
    """A page of an answer; ``continueInx`` above 0 means there is another."""

    rowCnt: int = 0
    attriCnt: int = 0
    continueInx: int = 0
    totalRowCount: int = 0
    sqlResult: list[SqlResult] = field(default_factory=list)
