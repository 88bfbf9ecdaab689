"""Which files belong to a graph, and where in the packet each one is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.model.errors import BadName, BridgeError, NotFound
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.files import FileRole, SourceFile
from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_bridge.packet.names import NameSet, quoted, safe_name
from omero_irods_bridge.ports import Row

FIGURE_NAMESPACE: Final = "omero.web.figure.json"
"""Of the file annotations that OMERO.figure keeps its figures in."""

OTHER_FILES: Final = "bridge/files"
"""Folder of the files that are neither of a fileset nor attached."""

_KNOWN_FILES: Final = {
    "FilesetEntry": "originalFile",
    "FileAnnotation": "file",
    "JobOriginalFileLink": "child",
}
"""What leads to files that have a place of their own in a packet, or none."""

_BROKEN_IMPORT: Final = "Leave out what it belongs to, or ask the administrator of OMERO what became of it."


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a packet in their order.

    With ``problems`` it cannot be packed as it is; ``notices`` say what is worth knowing. ``annotations`` has
    the file of each file annotation, by the annotation's id.
    """

    files: tuple[SourceFile, ...]
    problems: tuple[BridgeError, ...]
    notices: tuple[Notice, ...]
    annotations: dict[int, SourceFile]


def source_files(graph: Graph, *, figures: bool = False) -> FileList:
    """All files that ``graph`` speaks of: originals, pixels to export, attachments, figures, others.

    Others are what regions were made from (``Roi.source``) and what old servers archived
    (``PixelsOriginalFileMap``); the logs of jobs are left out. All images of the graph are packed, with the
    whole fileset that each one is of. Figures that are attached to a packed object always come with it, the
    others with ``figures``.
    """
    return _Listing(graph, _attached(graph) if not figures else None).done()


def is_figure(annotation: Row) -> bool:
    """Whether a file annotation is an OMERO.figure file."""
    return annotation.get("ns") == FIGURE_NAMESPACE


def _attached(graph: Graph) -> set[int]:
    """Ids of annotations that a packed object has."""
    links = (name for name in graph.classes() if name.endswith("AnnotationLink"))
    return {id_of(row["child"]) for name in links for row in graph.rows(name) if row.get("child")}


@dataclass(slots=True)
class _Listing:
    """A list in the making; ``attached`` limits the figures, none for no limit."""

    graph: Graph
    attached: set[int] | None
    files: list[SourceFile] = field(default_factory=list)
    annotations: dict[int, SourceFile] = field(default_factory=dict)
    problems: list[BridgeError] = field(default_factory=list)
    names: NameSet = field(default_factory=NameSet)
    hashers: dict[str, str] = field(default_factory=dict)
    without: dict[str, list[str]] = field(default_factory=lambda: {"size": [], "hash": []})
    renamed: list[Notice] = field(default_factory=list)

    def done(self) -> FileList:
        self._list_images()
        annotations = [(id_of(row["@"]), row) for row in self.graph.rows("FileAnnotation")]
        self._list_attachments((number, row) for number, row in annotations if not is_figure(row))
        self._list_figures((number, row) for number, row in annotations if is_figure(row))
        self._list_others()
        notices = (*self.renamed, *_missing(self.without))
        return FileList(tuple(self.files), tuple(self.problems), notices, self.annotations)

    def _list_images(self) -> None:
        exported, filesets = [], dict[str, None]()
        for image in self.graph.rows("Image"):
            if fileset := image.get("fileset"):
                filesets[fileset] = None
            else:
                exported.append(id_of(image["@"]))
        for fileset in filesets:
            self._list_fileset(fileset)
        for number in exported:
            self._add(SourceFile(f"pixel_images/{number}.tiff", FileRole.PIXELS, number, None))

    def _list_fileset(self, fileset: str) -> None:
        row = self._told(fileset, "an image")
        used = [entry for entry in row.get("usedFiles") or () if entry]
        if row and not used:
            self.problems.append(NotFound(f"{fileset} has no files in OMERO.", hint=_BROKEN_IMPORT))
        for entry in used:
            told = self._told(entry, fileset)
            if told and (file := self._told(told.get("originalFile"), entry)):
                self._add(self._original(file, id_of(fileset)))

    def _original(self, file: Row, fileset: int) -> SourceFile:
        path = _path_of(file)
        return self._file(file, path, FileRole.ORIGINAL, repository_path=path, fileset=fileset)

    def _list_attachments(self, annotations: Iterator[tuple[int, Row]]) -> None:
        for number, annotation in annotations:
            if file := self._told(annotation.get("file"), annotation["@"]):
                name = self._attachment_name(annotation, file)
                made = self._file(file, f"file_annotations/{number}/{name}", FileRole.ATTACHMENT)
                self._add_annotation(number, made)

    def _attachment_name(self, annotation: Row, file: Row) -> str:
        """The last part, as stock has it (``create_filepath_annotations``), made safe."""
        true_name = file.get("name") or ""
        name = safe_name(true_name.rstrip("/").rpartition("/")[2])
        if name != true_name:
            self.renamed.append(
                Notice(f"The file {quoted(true_name)} of {annotation['@']} is {quoted(name)} in the packet.")
            )
        return name

    def _list_figures(self, annotations: Iterator[tuple[int, Row]]) -> None:
        for number, annotation in annotations:
            if self.attached is not None and number not in self.attached:
                continue
            if file := self._told(annotation.get("file"), annotation["@"]):
                made = self._file(file, f"figures/Figure_{number}.json", FileRole.FIGURE)
                self._add_annotation(number, made)

    def _list_others(self) -> None:
        known = {
            row.get(field)
            for name, field in _KNOWN_FILES.items()
            for row in self.graph.rows(name)
            if row.get(field)
        }
        for row in self.graph.rows("OriginalFile"):
            if row["@"] not in known:
                name = self._attachment_name(row, row)
                member = f"{OTHER_FILES}/{id_of(row['@'])}/{name}"
                self._add(self._file(row, member, FileRole.METADATA))

    def _add_annotation(self, number: int, file: SourceFile) -> None:
        self.annotations[number] = file
        self._add(file)

    def _file(self, row: Row, member: str, role: FileRole, **more: Any) -> SourceFile:
        made = SourceFile(member, role, id_of(row["@"]), row.get("size"), self._hash(row), **more)
        if made.size is None:
            self.without["size"].append(str(made))
        if made.hash is None:
            self.without["hash"].append(str(made))
        return made

    def _hash(self, file: Row) -> OmeroHash | None:
        value, hasher = file.get("hash"), file.get("hasher")
        if not value or not hasher:
            return None
        if hasher not in self.hashers:
            self.hashers[hasher] = (self.graph.one(hasher) or {}).get("value", "")
        return OmeroHash(self.hashers[hasher], value) if self.hashers[hasher] else None

    def _add(self, file: SourceFile) -> None:
        """List a file; where its name cannot be in a packet, a problem that names the object."""
        try:
            self.names.add(file.member)
        except BadName as error:
            self.problems.append(BadName(f"{_object(file)}: {error.message}", hint=error.hint))
        self.files.append(file)

    def _told(self, reference: str | None, by: str) -> Row:
        """The row of a reference, an empty one and a problem where there is none."""
        row = self.graph.one(reference)
        if row is None:
            what = f"{reference or 'The file'} of {by} cannot be read in OMERO."
            self.problems.append(NotFound(what, hint=_BROKEN_IMPORT))
        return row or {}


def _path_of(file: Row) -> str:
    """In the ManagedRepository, spelt without what means nothing: ``a//./b`` is ``a/b``."""
    parts = f"{file.get('path') or ''}/{file.get('name') or ''}".split("/")
    return "/".join(part for part in parts if part not in {"", "."})


def _object(file: SourceFile) -> str:
    where = "" if file.fileset is None else f" of Fileset:{file.fileset}"
    kind = "Image" if file.role is FileRole.PIXELS else "OriginalFile"
    return f"{kind}:{file.id}{where}"


def _missing(without: dict[str, list[str]]) -> Iterator[Notice]:
    for what, files in without.items():
        if files:
            others = f" and {len(files) - 1:,} other files" if len(files) > 1 else ""
            yield Notice(f"OMERO has no {what} of {files[0]}{others}.")
