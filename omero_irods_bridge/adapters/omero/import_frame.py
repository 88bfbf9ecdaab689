"""The frame of an import, by upload or in place: what ImportLibrary of omero-blitz does.

The order is one of promises: the fileset is marked when it is made; files are sent, compared with what was
expected, and compared again by the server (verifyUpload) before it starts; the mark says complete after the
answer was counted. Whatever fails before that takes the fileset back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import Ice
import omero
import omero.clients
import omero.cmd
import omero.sys
from omero.rtypes import unwrap

from omero_irods_bridge.adapters.omero import import_discard, import_marks
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_errors import failed_import
from omero_irods_bridge.adapters.omero.import_paths import check_client_paths
from omero_irods_bridge.adapters.omero.import_request import new_fileset, new_settings
from omero_irods_bridge.adapters.omero.import_upload import opened
from omero_irods_bridge.adapters.omero.import_waiting import wait_for
from omero_irods_bridge.adapters.omero.services import managed_repository, query_service
from omero_irods_bridge.model.errors import (
    BridgeError,
    ChecksumMismatch,
    ImportFailed,
    NotFound,
    TargetExists,
)
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step, silent
from omero_irods_bridge.model.imports import Imported, ImportOptions

_ENTRIES: Final = (
    "select s.id, e.clientPath, f.id, f.path, f.name from FilesetEntry first join first.fileset s"
    " join s.usedFiles e join e.originalFile f where first.originalFile.id = :id"
)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of an import, and may stop it."""

    report: Report = silent
    cancel: CancelToken | None = None

    def check(self) -> None:
        if self.cancel is not None:
            self.cancel.check()


@dataclass(frozen=True, slots=True)
class Started:
    """A fileset that OMERO has made for an import; files and paths in the order of the entries."""

    process: Any
    fileset: int
    files: tuple[int, ...]
    paths: tuple[str, ...]


class Transfer(Protocol):
    """How the server gets the bytes of the files."""

    def send(self, indexes: Sequence[int]) -> Mapping[int, str]:
        """Give the server these files, once more if need be; the SHA-1 of each."""
        ...


def run_import(
    client: Any,
    client_paths: Sequence[str],
    options: ImportOptions,
    transfer_of: Callable[[Started], Transfer],
    watch: Watch,
    java_class: str | None = None,
) -> Imported:
    """Everything from the first check to the complete mark; see ``Importer.import_fileset``.

    ``java_class`` is noted on the fileset where the files do not come by upload.
    """
    check_client_paths(client_paths, options.reader)
    with omero_errors(f"importing {client_paths[0]}"):
        _check_target(client, options)
        watch.check()
        request = new_fileset(client_paths, options, java_class)
        process = managed_repository(client).importFileset(request, new_settings(options))
        with _closing(process):
            started = _started(client, process, client_paths)
            with _nothing_left_on_error(client, started):
                return _finish(client, started, options, transfer_of(started), watch)


def _check_target(client: Any, options: ImportOptions) -> None:
    """Before gigabytes are sent to be imported into nothing."""
    if options.target is None:
        return
    found = query_service(client).find(str(options.target.kind), options.target.id)
    if found is None:
        raise NotFound(f"{options.target} is not there, or not for you to see.")


@contextlib.contextmanager
def _closing(process: Any) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(Ice.Exception, omero.ServerError):
            process.close()


def _started(client: Any, process: Any, client_paths: Sequence[str]) -> Started:
    """Which rows OMERO has made; entries are told apart by their client paths, which it keeps verbatim."""
    first = opened(process, 0, client_paths[0]).getFileId()  # not closed: an empty file would come to be
    rows = query_service(client).projection(_ENTRIES, omero.sys.ParametersI().addId(first))
    entries = {row[1]: (row[0], row[2], row[3] + row[4]) for row in map(unwrap, rows)}
    found = [entries[path] for path in client_paths]
    return Started(
        process, found[0][0], tuple(file for _, file, _ in found), tuple(path for _, _, path in found)
    )


@contextlib.contextmanager
def _nothing_left_on_error(client: Any, started: Started) -> Iterator[None]:
    try:
        with omero_errors(f"importing Fileset:{started.fileset}"):
            yield
    except TargetExists as error:  # OMERO would delete with the fileset what is in its place
        error.hint = f"Fileset:{started.fileset} is left in OMERO. Look at that file before you delete it."
        raise
    except BridgeError as error:
        try:
            import_discard.discard(client, [started.fileset])
        except BridgeError as left:
            error.hint = f"{error.hint} Fileset:{started.fileset} is left in OMERO: {left.message}".strip()
        raise


def _finish(
    client: Any, started: Started, options: ImportOptions, transfer: Transfer, watch: Watch
) -> Imported:
    hashes = dict(transfer.send(range(len(started.files))))
    watch.check()
    handle = _verified(started, transfer, hashes)
    imported = _awaited(client, started, handle, watch)
    _check_count(imported, options)
    if options.mark is not None:
        import_marks.record_complete(client, started.fileset, options.mark, len(imported.images))
    return imported


def _verified(started: Started, transfer: Transfer, hashes: dict[int, str]) -> Any:
    """The handle of the import, once the server has what was sent; what it has not is sent once more."""
    try:
        return _verify(started, hashes)
    except omero.ChecksumValidationException as error:
        hashes.update(transfer.send(sorted(error.failingChecksums)))
    try:
        return _verify(started, hashes)
    except omero.ChecksumValidationException as error:
        raise _still_different(started, hashes, error.failingChecksums) from error


def _verify(started: Started, hashes: Mapping[int, str]) -> Any:
    return started.process.verifyUpload([hashes[index] for index in range(len(started.files))])


def _still_different(
    started: Started, sent: Mapping[int, str], failing: Mapping[int, str]
) -> ChecksumMismatch:
    index = min(failing)
    return ChecksumMismatch(
        f"OMERO has {started.paths[index]} with the checksum {failing[index] or 'none'}"
        f" instead of {sent[index]}, twice.",
        hint="Check the disk of the OMERO server.",
    )


def _awaited(client: Any, started: Started, handle: Any, watch: Watch) -> Imported:
    watch.report(Step(f"OMERO imports Fileset:{started.fileset}"))
    response = wait_for(client, handle, partial(_tell, watch.report), watch.cancel)
    if isinstance(response, omero.cmd.ERR):
        raise failed_import(response, started.paths[0])
    images = tuple(pixels.image.id.val for pixels in response.pixels)
    plates = tuple(one.id.val for one in response.objects if isinstance(one, omero.model.Plate))
    return Imported(started.fileset, images, plates, started.files, started.paths)


def _tell(report: Report, done: int, _total: int) -> None:
    report(Progress(items_done=done))


def _check_count(imported: Imported, options: ImportOptions) -> None:
    if len(set(imported.images)) != len(imported.images) or not imported.images:
        raise ImportFailed(f"OMERO answered the import of {imported.paths[0]} with no images.")
    if options.images is not None and len(imported.images) != options.images:
        raise ImportFailed(
            f"OMERO made {len(imported.images)} image(s) of {imported.paths[0]} instead of {options.images}.",
            hint="Another version of Bio-Formats may read the format differently. Nothing was kept.",
        )
