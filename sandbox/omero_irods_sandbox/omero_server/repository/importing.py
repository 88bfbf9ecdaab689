"""The steps of an import, once its files are there.

Source: ManagedImportRequestI and MetadataStoreI of omero-blitz. What a step has written
stays when a later one fails. Nothing but the log and the missing images tell a
fileset that failed before the first step from one that is still being imported.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import omero.grid

from omero_irods_sandbox.omero_server.errors import message_of, security_violation
from omero_irods_sandbox.omero_server.formats import (
    MissingLibrary,
    UnknownFormat,
    UnreadableFile,
    read_fileset,
)
from omero_irods_sandbox.omero_server.formats.description import FilesetDescription
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.repository.filesets import SavedFileset, record_log_size
from omero_irods_sandbox.omero_server.repository.image_graph import image_object
from omero_irods_sandbox.omero_server.repository.import_log import ImportLog
from omero_irods_sandbox.omero_server.repository.import_settings import Wishes
from omero_irods_sandbox.omero_server.repository.imported_pixels import (
    ImportedImage,
    make_viewable,
    measure,
    record_file,
)
from omero_irods_sandbox.omero_server.repository.placing import place
from omero_irods_sandbox.omero_server.repository.plate_graph import plate_objects
from omero_irods_sandbox.omero_server.requests.registry import Cancelled, CommandFailed

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.requests.registry import Progress

STEPS: Final = 5
"""Metadata, pixels, settings and thumbnails, processing of plates, the answer."""
STEP: Final = "ImportRequest.step"
"""Under which name faults and counters know the end of a step."""

_STEP_FAILURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (MissingLibrary, "import-missing-library"),
    (UnknownFormat, "import-unknown-format"),
    (UnreadableFile, "import-file-exception"),
    (OSError, "import-file-exception"),
)


@dataclass(frozen=True, slots=True)
class _Imported:
    """What the first step has made; images in the order of their series."""

    images: Sequence[ImportedImage]
    plate_ids: Sequence[int]
    image_ids_outside_plates: Sequence[int]


class Import:
    """One import; :meth:`run` is what its handle runs."""

    def __init__(self, saved: SavedFileset, wishes: Wishes, log: ImportLog) -> None:
        self._saved = saved
        self._wishes = wishes
        self._log = log

    def run(self, call: Call, progress: Progress) -> Any:
        """All steps; the omero.grid.ImportResponse.

        Raises:
            CommandFailed: with the name that OMERO gives to the failure.
            Cancelled: the client closed the handle.
        """
        progress.expect(STEPS)
        paths = call.server.storage.fileset_paths(self._saved.id)
        with self._failing_as(lambda _error: "error-on-init", paths):
            fileset = self._read(paths)
        with self._failing_as(_name_in_steps, paths):
            imported = self._save(call, fileset, paths)
            self._end_step(call, progress)
            self._look_at_pixels(call, imported)
            self._end_step(call, progress)
            self._make_viewable(call, imported)
            self._end_step(call, progress)
            self._process_plates(imported)
            self._end_step(call, progress)
            response = _response(call, imported)
            self._end_step(call, progress)
        self._log.info("Cleaning up import.")
        return response

    def _end_step(self, call: Call, progress: Progress) -> None:
        record_log_size(call, self._saved.log_id, self._log.size())
        call.server.counters.count_call(STEP)
        call.server.faults.before_call(STEP)
        progress.step()

    @contextmanager
    def _failing_as(self, name: Callable[[Exception], str], paths: Sequence[Path]) -> Iterator[None]:
        try:
            yield
        except Cancelled:
            self._log.info("Cancelled: the handle was closed")
            raise
        except Exception as error:
            self._log.error(f"{name(error)}: {message_of(error)}", error)
            parameters = {"filename": str(paths[0]), "stacktrace": "".join(traceback.format_exception(error))}
            raise CommandFailed(name(error), message_of(error), parameters=parameters) from error

    def _read(self, paths: Sequence[Path]) -> FilesetDescription:
        """What the files hold; a reader may look at nothing else (ManagedReaderSecurityCheck)."""
        fileset = read_fileset(paths)
        foreign = set(fileset.used_files) - set(paths)
        if foreign:
            raise security_violation(f"file {min(foreign)} does not have a unique readable fileset")
        self._log.info(f"File format: {fileset.format}, {len(fileset.images)} image(s)")
        return fileset

    # -- the steps

    def _save(self, call: Call, fileset: FilesetDescription, paths: Sequence[Path]) -> _Imported:
        base = self._wishes.name or paths[0].name
        images = [image_object(one, fileset, self._saved.id, base, self._wishes) for one in fileset.images]
        plates = plate_objects(fileset, images, base, self._wishes)
        place(images, plates, self._wishes)
        with call.store.work(call.caller) as work:
            _know_format(call, fileset.format)
            work.save_ids([*plates, *images])
        saved = list(zip(images, fileset.images, strict=True))
        self._log.info(f"Saved {len(images)} image(s) and {len(plates)} plate(s)")
        return _Imported(
            [ImportedImage.of(image, described, fileset.format) for image, described in saved],
            [plate.id.val for plate in plates],
            [image.id.val for image, described in saved if described.well is None],
        )

    def _look_at_pixels(self, call: Call, imported: _Imported) -> None:
        target = call.store.row("OriginalFile", self._saved.file_ids[0])
        assert target is not None
        record_file(call, imported.images, target)
        if self._wishes.with_statistics:
            for image in imported.images:
                measure(call, image)

    def _make_viewable(self, call: Call, imported: _Imported) -> None:
        if not self._wishes.with_thumbnails:
            self._log.info("Not creating thumbnails at user request!")
            return
        for image in imported.images:
            make_viewable(call, image)

    def _process_plates(self, imported: _Imported) -> None:
        """The Java server starts the script populateroi.py for each plate, and goes on when it cannot."""
        for plate_id in imported.plate_ids:
            self._log.info(f"Plate:{plate_id} is not post-processed")


def _name_in_steps(error: Exception) -> str:
    """By what it is, or by what it came from: a plane that cannot be decoded arrives as a ResourceError."""
    chain = (error, error.__cause__)
    found = (name for kind, name in _STEP_FAILURES if any(isinstance(one, kind) for one in chain))
    return next(found, "import-request-failure")


def _know_format(call: Call, value: str) -> None:
    """The server adds formats that it reads; users may not."""
    if call.store.database.value('select id from "Format" where value = ?', value) is None:
        with call.store.work(call.server.internal_caller()) as work:
            work.insert("Format", value=value)


def _response(call: Call, imported: _Imported) -> Any:
    """Pixels in the order of series; plates, then images that are in none."""
    ids = [image.pixels_id for image in imported.images]
    pixels = call.store.objects(
        "select p from Pixels p join fetch p.image i left outer join fetch i.fileset"
        " left outer join fetch i.format join fetch p.pixelsType join fetch p.dimensionOrder"
        " left outer join fetch p.channels where p.id in (:ids)",
        call.caller,
        ids=ids,
    )
    place_of = {id_: number for number, id_ in enumerate(ids)}
    pixels.sort(key=lambda one: place_of[one.id.val])
    return omero.grid.ImportResponse(
        pixels=pixels,
        objects=[
            *_loaded(call, "Plate", imported.plate_ids),
            *_loaded(call, "Image", imported.image_ids_outside_plates),
        ],
    )


def _loaded(call: Call, entity: str, ids: Sequence[int]) -> list[IObject]:
    if not ids:
        return []
    query = f"select o from {entity} o where o.id in (:ids) order by o.id"
    return call.store.objects(query, call.caller, ids=list(ids))
