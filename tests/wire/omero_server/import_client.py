"""A client that imports without Java, by upload or in place, and its steps for tests that want only some.

It does what ImportLibrary.importImage, UploadFileTransfer and AbstractExecFileTransfer
of omero-blitz do, through the unmodified omero-py.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import Ice
import omero
import omero.callbacks
import omero.clients
import omero.cmd
import omero.grid
from omero.constants.namespaces import NSFILETRANSFER
from omero.model import (
    ChecksumAlgorithmI,
    CommentAnnotationI,
    FilesetEntryI,
    FilesetI,
    NamedValue,
    UploadJobI,
)
from omero.rtypes import rbool, rstring

from omero_irods_sandbox.omero_server.storage.checksums import checksum, checksum_of

Client = Any
Proxy = Any

ALL_GROUPS: Final = {"omero.group": "-1"}
READ_ONLY: Final = {"omero.fs.mode": "r"}
WAIT_S: Final = 120


class Transfer(Enum):
    """How the server gets the bytes; the value is what ``omero import --transfer`` takes."""

    UPLOAD = "upload"
    UPLOAD_RM = "upload_rm"
    LN_S = "ln_s"
    LN = "ln"
    LN_RM = "ln_rm"
    CP = "cp"
    CP_RM = "cp_rm"

    @property
    def is_in_place(self) -> bool:
        """Whether the client writes to the repository's disk itself."""
        return self in _PUT_THERE

    @property
    def removes_sources(self) -> bool:
        return self.value.endswith("_rm")

    @property
    def java_class(self) -> str:
        """What OMERO's own importer notes on the fileset."""
        return f"ome.formats.importer.transfers.{_JAVA_NAMES[self]}FileTransfer"


_JAVA_NAMES: Final = {
    Transfer.UPLOAD: "Upload",
    Transfer.UPLOAD_RM: "UploadRm",
    Transfer.LN_S: "Symlink",
    Transfer.LN: "Hardlink",
    Transfer.LN_RM: "Move",
    Transfer.CP: "Copy",
    Transfer.CP_RM: "CopyMove",
}

_PUT_THERE: Final[Mapping[Transfer, Callable[[Path, Path], object]]] = {
    Transfer.LN_S: lambda source, place: place.symlink_to(source.absolute()),
    Transfer.LN: os.link,
    Transfer.LN_RM: os.link,
    Transfer.CP: shutil.copyfile,
    Transfer.CP_RM: shutil.copyfile,
}

_READERS: Final = {
    ".ome.tif": "OMETiff",
    ".ome.tiff": "OMETiff",
    ".companion.ome": "OMETiff",
    ".tif": "Tiff",
    ".tiff": "Tiff",
    ".png": "APNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".fake": "Fake",
}


class ImportFailed(Exception):
    """The server answered with an ERR, which is ``error``."""

    def __init__(self, error: Any) -> None:
        super().__init__(f"{error.name}: {error.parameters.get('message')}")
        self.error = error


@dataclass(frozen=True)
class Options:
    """What ``omero import`` has switches for. ``root`` is where the repository is mounted here."""

    transfer: Transfer = Transfer.UPLOAD
    target: Any = None
    name: str | None = None
    description: str | None = None
    pixel_sizes: Sequence[float] | None = None
    annotations: Sequence[Any] = ()
    thumbnails: bool | None = True
    statistics: bool = True
    algorithm: str = "SHA1-160"
    reader: str | None = None
    root: Path | None = None
    block_bytes: int = 5_000_000
    group: int | None = None


def import_files(client: Client, paths: Sequence[Path | str], options: Options | None = None) -> Any:
    """Import files as one fileset, the first is what the reader opens; the ImportResponse.

    A path as text keeps its ``.`` components in the fileset.

    Raises:
        ImportFailed: the server could not import what it got.
        ServerError: it did not take the files.
    """
    options = options or Options()
    files = [Path(path) for path in paths]
    reader = options.reader or _reader_of(files[0])
    process = start(client, [client_path(path) for path in paths], options, reader)
    try:
        hashes = [send(client, process, index, file, options) for index, file in enumerate(files)]
        response = finish(client, process.verifyUpload(hashes))
    finally:
        process.close()
    if options.transfer.removes_sources:
        for file in files:
            file.unlink()
    return response


def image_ids(response: Any) -> list[int]:
    """The images of a response, in the order of their series."""
    return [pixels.image.id.val for pixels in response.pixels]


# -- step by step


def repository(client: Client) -> Proxy:
    """The managed repository."""
    return client.getManagedRepository()


def client_path(path: Path | str) -> str:
    """A path as ClientFilePathTransformer sends it: absolute, without the leading slash, ``.`` kept."""
    text = str(path) if str(path).startswith("/") else f"{Path.cwd()}/{path}"
    return "/".join(component for component in text.split("/") if component)


def fileset(client_paths: Sequence[str], options: Options, reader: str | None = None) -> Any:
    """The fileset that is sent: entries, an UploadJob, and how the files travel."""
    made = FilesetI()
    for path in client_paths:
        entry = FilesetEntryI()
        entry.clientPath = rstring(path)
        made.addFilesetEntry(entry)
    if options.transfer is not Transfer.UPLOAD:
        note = CommentAnnotationI()
        note.ns, note.textValue = rstring(NSFILETRANSFER), rstring(options.transfer.java_class)
        made.linkAnnotation(note)
    made.linkJob(upload_job(reader or options.reader))
    return made


def upload_job(reader: str | None = None) -> Any:
    """The job that each fileset comes with."""
    job = UploadJobI()
    job.versionInfo = [NamedValue("omero.version", "tests")]
    if reader is not None:
        job.versionInfo.append(NamedValue("bioformats.reader", reader))
    return job


def settings(options: Options) -> Any:
    """The omero.grid.ImportSettings of the options."""
    algorithm = ChecksumAlgorithmI()
    algorithm.value = rstring(options.algorithm)
    return omero.grid.ImportSettings(
        userSpecifiedTarget=options.target,
        userSpecifiedName=None if options.name is None else rstring(options.name),
        userSpecifiedDescription=None if options.description is None else rstring(options.description),
        userSpecifiedPixels=None if options.pixel_sizes is None else list(options.pixel_sizes),
        userSpecifiedAnnotationList=list(options.annotations),
        doThumbnails=None if options.thumbnails is None else rbool(options.thumbnails),
        noStatsInfo=rbool(not options.statistics),
        checksumAlgorithm=algorithm,
    )


def start(
    client: Client, client_paths: Sequence[str], options: Options | None = None, reader: str | None = None
) -> Proxy:
    """The ImportProcess of a fileset with these paths."""
    options = options or Options()
    made = fileset(client_paths, options, reader)
    # A context given by hand takes the place of the client's own, which says whose the session is.
    context = None if options.group is None else client.getContext(group=options.group)
    return repository(client).importFileset(made, settings(options), context)


def send(client: Client, process: Proxy, index: int, path: Path, options: Options) -> str:
    """Give the server one file as the options say; the client's checksum of it."""
    if options.transfer.is_in_place:
        return place(client, process, index, path, options)
    return upload(process, index, path.read_bytes(), options)


def upload(process: Proxy, index: int, content: bytes, options: Options | None = None) -> str:
    """Write a file through its uploader and close that; the client's checksum."""
    options = options or Options()
    store = process.getUploader(index)
    try:
        store.write(b"", 0, 0)  # so that an empty file comes to be, too
        for offset in range(0, len(content), options.block_bytes):
            block = content[offset : offset + options.block_bytes]
            store.write(block, offset, len(block))
    finally:
        store.close()
    return hash_of(content, options.algorithm)


def hash_of(content: bytes, algorithm: str = "SHA1-160") -> str:
    """The client's checksum of bytes at hand."""
    return checksum_of([content], algorithm)


def place(client: Client, process: Proxy, index: int, source: Path, options: Options) -> str:
    """Link or copy a file to where the server expects it; the client's checksum.

    Raises:
        RuntimeError: the disk that the client sees is not the server's.
    """
    probe_path = prove_same_disk(client, process, index, options)
    _PUT_THERE[options.transfer](source, probe_path)
    record(process, index)
    return checksum(source, options.algorithm)


def prove_same_disk(client: Client, process: Proxy, index: int, options: Options | None = None) -> Path:
    """Write some bytes through the server, read them here, and remove them; where the file has to go."""
    store = process.getUploader(index)
    token = str(uuid.uuid4()).encode()
    try:
        location = location_of(client, store, options)
        if os.path.lexists(location):
            raise RuntimeError(f"{location} exists!")
        store.write(token, 0, len(token))
    finally:
        store.close()
    try:
        if location.read_bytes() != token:
            raise RuntimeError(f"{location} does not match check text")
    finally:
        location.unlink()
    return location


def location_of(client: Client, store: Proxy, options: Options | None = None) -> Path:
    """Where the file of a store is on the server's disk, as this client sees it."""
    query = client.getSession().getQueryService()
    file = query.get("OriginalFile", store.getFileId().val, ALL_GROUPS)
    root = repository(client).root()
    mounted = (options or Options()).root or Path(root.path.val, root.name.val)
    return mounted.joinpath(file.path.val.lstrip("/"), file.name.val)


def record(process: Proxy, index: int) -> Any:
    """Let the server look at a file that it did not write; the OriginalFile, None when it saw nothing new."""
    store = process.getUploader(index, READ_ONLY)
    try:
        store.size()
        return store.save()
    finally:
        store.close()


def finish(client: Client, handle: Proxy) -> Any:
    """Wait for an import; its ImportResponse.

    Raises:
        ImportFailed: it did not succeed.
    """
    callback = omero.callbacks.CmdCallbackI(client, handle)
    try:
        callback.loop(WAIT_S * 10, 100)
        response = callback.getResponse()
    finally:
        callback.close(True)
    if isinstance(response, omero.cmd.ERR):
        raise ImportFailed(response)
    return response


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds.

    Raises:
        TimeoutError: it never does.
    """
    for _attempt in range(WAIT_S * 20):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError(f"waited {WAIT_S} s in vain")


def is_gone(proxy: Proxy) -> bool:
    """Whether the server knows nothing of a proxy any more."""
    try:
        proxy.ice_ping()
    except Ice.ObjectNotExistException:
        return True
    return False


def _reader_of(path: Path) -> str | None:
    """The class with which OMERO's importer would say it has opened the file."""
    name = path.name.lower()
    found = next((reader for suffix, reader in _READERS.items() if name.endswith(suffix)), None)
    return None if found is None else f"loci.formats.in.{found}Reader"
