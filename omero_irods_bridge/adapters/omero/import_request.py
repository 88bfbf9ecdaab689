"""What OMERO is sent to begin an import: a fileset with its entries, its job and its marks, and settings.

Annotations that are linked to the fileset are saved with it in the same transaction
(RepositoryDaoImpl.saveFileset of omero-blitz saves the fileset as it was sent; ImportContainer.fillData sends
its note on the transfer like that), so that no fileset of a marked import exists without its mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

import omero
import omero.clients
import omero.grid
import omero.model
from omero.constants.namespaces import NSFILETRANSFER
from omero.rtypes import rbool, rstring

from omero_irods_bridge.adapters.omero.import_marks import mark_annotation
from omero_irods_bridge.model.imports import ImportOptions
from omero_irods_bridge.model.objects import ObjectRef

SYMLINK_TRANSFER: Final = "ome.formats.importer.transfers.SymlinkFileTransfer"
"""What OMERO's own importer notes on a fileset of symbolic links."""

HASHER: Final = "SHA1-160"


def new_fileset(client_paths: Sequence[str], options: ImportOptions, transfer: str | None = None) -> Any:
    """The fileset; ``transfer`` is the Java class of a transfer that is no upload."""
    fileset = omero.model.FilesetI()
    for path in client_paths:
        entry = omero.model.FilesetEntryI()
        entry.clientPath = rstring(path)
        fileset.addFilesetEntry(entry)
    fileset.linkJob(_upload_job(options.reader))
    if transfer is not None:
        note = omero.model.CommentAnnotationI()
        note.ns, note.textValue = rstring(NSFILETRANSFER), rstring(transfer)
        fileset.linkAnnotation(note)
    if options.mark is not None:
        fileset.linkAnnotation(mark_annotation(options.mark))
    return fileset


def _upload_job(reader: str | None) -> Any:
    job = omero.model.UploadJobI()
    job.versionInfo = [omero.model.NamedValue("omero-irods-bridge.version", version("omero-irods-bridge"))]
    if reader is not None:
        job.versionInfo.append(omero.model.NamedValue("bioformats.reader", reader))
    return job


def new_settings(options: ImportOptions) -> Any:
    """The omero.grid.ImportSettings."""
    algorithm = omero.model.ChecksumAlgorithmI()
    algorithm.value = rstring(HASHER)
    return omero.grid.ImportSettings(
        userSpecifiedTarget=None if options.target is None else unloaded(options.target),
        userSpecifiedName=None if options.name is None else rstring(options.name),
        doThumbnails=rbool(options.thumbnails),
        noStatsInfo=rbool(not options.statistics),
        checksumAlgorithm=algorithm,
    )


def unloaded(ref: ObjectRef) -> Any:
    """A reference to an object."""
    return getattr(omero.model, f"{ref.kind}I")(ref.id, False)
