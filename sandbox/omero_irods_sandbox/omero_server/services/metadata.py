"""omero.api.IMetadata: annotations, and how images were acquired (MetadataImpl)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import rlong, unwrap

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Parameters, RType
from omero_irods_sandbox.omero_server.services.options import Conditions, options_of
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_FETCH: Final = " left outer join fetch "
_TAG_SET: Final = "openmicroscopy.org/omero/insight/tagset"
_LOG_MIMETYPE: Final = "application/omero-log-file"
_TAGGED: Final = ("Image", "Dataset", "Project", "Screen", "Plate")
"""What MetadataImpl looks at for the content of a tag."""

_ANNOTATION: Final = ("a.details.creationEvent", "a.details.owner")
_FILE: Final = ("a.file f", "f.hasher")

_INSTRUMENT: Final = (
    "i.microscope m", "m.type", "i.objective o", "o.immersion", "o.correction", "i.detector d", "d.type",
    "i.filter f", "f.type", "f.transmittanceRange", "i.filterSet fs", "fs.dichroic", "i.dichroic",
    "i.otf otf", "otf.pixelsType", "otf.objective oo", "oo.immersion", "oo.correction", "otf.filterSet",
    "i.lightSource",
)  # fmt: skip

_CHANNEL: Final = (
    "c.mode", "c.illumination", "c.contrastMethod", "c.photometricInterpretation", "c.detectorSettings ds",
    "ds.detector d", "d.type", "ds.binning", "c.lightSourceSettings ls", "ls.microbeamManipulation",
    "ls.lightSource l", "l.instrument", "c.otf otf", "otf.pixelsType", "otf.objective o", "o.immersion",
    "o.correction", "otf.filterSet ofs", "ofs.dichroic", "c.filterSet fs", "fs.dichroic",
    "fs.emissionFilterLink fem", "fem.child fe", "fe.transmittanceRange", "fe.type",
    "fs.excitationFilterLink fex", "fex.child fx", "fx.transmittanceRange", "fx.type", "c.lightPath lp",
    "lp.dichroic", "lp.emissionFilterLink lem", "lem.child le", "le.transmittanceRange", "le.type",
    "lp.excitationFilterLink lex", "lex.child lx", "lx.transmittanceRange", "lx.type",
)  # fmt: skip

_LIGHT_SOURCES: Final = {
    # MetadataImpl.createLightQuery: enumerations of light sources are loaded by their own class.
    "Laser": ("s.type", "s.laserMedium", "s.pulse", "s.pump"),
    "Arc": ("s.type",),
    "Filament": ("s.type",),
}


def _fetched(paths: Iterable[str]) -> str:
    return "".join(_FETCH + path for path in paths)


@service(omero.api.IMetadata, getter="getMetadataService")
class MetadataService(Service):
    """Annotations come with owner and creation event; file annotations with the file and its hasher too."""

    # -- annotations

    def loadAnnotation(self, ids: Sequence[int], call: Call) -> list[IObject]:
        if not ids:
            return []
        query = (
            f"select a from Annotation a{_fetched(_ANNOTATION + _FILE)} where a.id in (:ids) order by a.id"
        )
        return call.store.objects(query, call.caller, ids=list(ids))

    def loadAnnotations(  # the slice's arguments
        self,
        root_type: str,
        ids: Sequence[int],
        annotation_types: Sequence[str],
        annotators: Sequence[int],
        _options: Parameters,
        call: Call,
    ) -> dict[int, list[IObject]]:
        """Annotations of each object that the caller can read; an object without any has an empty list."""
        if not ids:
            return {}
        entity = MODEL.entity(root_type)
        where = Conditions()
        where.add("l.parent.id in (:ids)", ids=list(ids))
        if annotation_types:
            names = [MODEL.entity(name).name for name in annotation_types]
            where.add("(" + " or ".join(f"TYPE(a) = {name}" for name in names) + ")")
        if annotators:
            where.add("a.details.owner.id in (:annotators)", annotators=list(annotators))
        found = _by_parent(_linked(entity.name, where, call))
        readable = call.store.query(
            f"select o.id from {entity.name} o where o.id in (:ids)", {"ids": list(ids)}, call.caller
        ).rows
        return {unwrap(row[0]): found.get(unwrap(row[0]), []) for row in readable}

    def loadSpecifiedAnnotations(
        self, type_: str, include: Sequence[str], exclude: Sequence[str], options: Parameters, call: Call
    ) -> list[IObject]:
        """Annotations of a class by namespace; file annotations without a file are left out."""
        kind = MODEL.entity(type_).name
        where = _namespaces(include, exclude)
        _of_annotator(where, options)
        paths = _ANNOTATION + (_FILE if MODEL.field(MODEL.entity(kind), "file") else ())
        query = f"select a from {kind} a{_fetched(paths)}{where} order by a.id"
        found = call.store.objects(query, call.caller, **where.values)
        return [one for one in found if kind != "FileAnnotation" or one.file is not None]

    def countSpecifiedAnnotations(
        self, type_: str, include: Sequence[str], exclude: Sequence[str], options: Parameters, call: Call
    ) -> RType:
        return rlong(len(self.loadSpecifiedAnnotations(type_, include, exclude, options, call)))

    def loadSpecifiedAnnotationsLinkedTo(  # the slice's arguments
        self,
        type_: str,
        include: Sequence[str],
        exclude: Sequence[str],
        root_type: str,
        ids: Sequence[int],
        options: Parameters,
        call: Call,
    ) -> dict[int, list[IObject]]:
        """As :meth:`loadSpecifiedAnnotations`, by object; objects without such annotations have no entry."""
        where = _namespaces(include, exclude)
        where.add(_is_a(type_))
        _of_annotator(where, options)
        if ids:
            where.add("l.parent.id in (:ids)", ids=list(ids))
        return _by_parent(_linked(MODEL.entity(root_type).name, where, call))

    def loadAnnotationsUsedNotOwned(self, type_: str, user_id: int, call: Call) -> list[IObject]:
        """Other users' annotations that this user has linked."""
        where = Conditions()
        where.add("a.details.owner.id != :user and l.details.owner.id = :user", user=user_id)
        where.add(_is_a(type_))
        links = [link for parent in _TAGGED for link in _linked(parent, where, call)]
        return list({unwrap(link.child.id): link.child for link in links}.values())

    def countAnnotationsUsedNotOwned(self, type_: str, user_id: int, call: Call) -> RType:
        return rlong(len(self.loadAnnotationsUsedNotOwned(type_, user_id, call)))

    # -- tags

    def loadTagSets(self, options: Parameters, call: Call) -> list[IObject]:
        """Tag sets with their tags; with ``orphan`` also the tags that are in none."""
        asked = options_of(options)
        where = Conditions()
        where.add("t.ns = :ns", ns=_TAG_SET)
        where.owned("t", asked)
        paths = _fetched(("t.details.owner", "t.annotationLinks l", "l.child c", "c.details.owner"))
        sets = call.store.objects(
            f"select t from TagAnnotation t{paths}{where} order by t.id", call.caller, **where.values
        )
        return sets + (self._tags_in_no_set(sets, options, call) if asked.orphan else [])

    def _tags_in_no_set(self, sets: list[IObject], options: Parameters, call: Call) -> list[IObject]:
        within = [unwrap(tag.id) for one in sets for tag in one.linkedAnnotationList()]
        where = Conditions()
        where.add("(t.ns is null or t.ns != :ns)", ns=_TAG_SET)
        if within:
            where.add("t.id not in (:within)", within=within)
        where.owned("t", options_of(options))
        return call.store.objects(
            f"select t from TagAnnotation t{where} order by t.id", call.caller, **where.values
        )

    def loadTagContent(
        self, ids: Sequence[int], _options: Parameters, call: Call
    ) -> dict[int, list[IObject]]:
        """What carries each tag; images with pixels and pixels type."""
        return {tag: [obj for kind in _TAGGED for obj in _tagged(kind, tag, call)] for tag in ids}

    def getTaggedObjectsCount(self, ids: Sequence[int], _options: Parameters, call: Call) -> dict[int, int]:
        return {tag: sum(len(_tagged(kind, tag, call)) for kind in _TAGGED) for tag in ids}

    # -- acquisition

    def loadInstrument(self, id: int, call: Call) -> IObject | None:  # the slice's name
        """An instrument with all its parts; None when there is none."""
        query = f"select i from Instrument i{_fetched(_INSTRUMENT)} where i.id = :id"
        found = call.store.objects(query, call.caller, id=id)
        if not found:
            return None
        instrument = found[0]
        sources = [_light_source(source, call) for source in instrument.copyLightSource()]
        instrument.clearLightSource()
        instrument.addAllLightSourceSet(sources)
        return instrument

    def loadChannelAcquisitionData(self, ids: Sequence[int], call: Call) -> list[IObject]:
        """Logical channels with settings, filters, light path, OTF and light source."""
        if not ids:
            return []
        query = f"select c from LogicalChannel c{_fetched(_CHANNEL)} where c.id in (:ids) order by c.id"
        channels = call.store.objects(query, call.caller, ids=list(ids))
        for channel in channels:
            settings = channel.lightSourceSettings
            if settings is not None and settings.lightSource is not None:
                settings.lightSource = _light_source(settings.lightSource, call)
        return channels

    # -- import logs

    def loadLogFiles(self, root_type: str, ids: Sequence[int], call: Call) -> dict[int, list[IObject]]:
        """The log of the import of each image or fileset."""
        kind = MODEL.entity(root_type).name
        if kind not in ("Image", "Fileset"):
            raise api_usage("can load log files only by Fileset or Image")
        if not ids:
            return {}
        root = "i.id" if kind == "Image" else "fs.id"
        images = " join fs.images i" if kind == "Image" else ""
        rows = call.store.query(
            f"select distinct {root}, f from Fileset fs{images} join fs.jobLinks fjl join fjl.child j"
            " join j.originalFileLinks jfl join jfl.child f"
            f" where {root} in (:ids) and TYPE(j) = UploadJob and f.mimetype = :mimetype",
            {"ids": list(ids), "mimetype": _LOG_MIMETYPE},
            call.caller,
        ).rows
        logs: dict[int, list[IObject]] = defaultdict(list)
        for id_, file in rows:
            logs[unwrap(id_)].append(file)
        return dict(logs)


def _is_a(type_: str) -> str:
    """A test on the class of ``a``, subclasses included."""
    names = [name for name in MODEL.entity(type_).subclasses if not MODEL.entity(name).is_abstract]
    return "(" + " or ".join(f"TYPE(a) = {name}" for name in names) + ")"


def _namespaces(include: Sequence[str], exclude: Sequence[str]) -> Conditions:
    where = Conditions()
    if include:
        where.add("a.ns in (:include)", include=list(include))
    if exclude:
        where.add("(a.ns is null or a.ns not in (:exclude))", exclude=list(exclude))
    return where


def _of_annotator(where: Conditions, options: Parameters) -> None:
    owner_id = options_of(options).owner_id
    if owner_id is not None:
        where.add("a.details.owner.id = :annotator", annotator=owner_id)


def _linked(parent: str, where: Conditions, call: Call) -> list[IObject]:
    """Annotation links of a class of objects, with their annotations."""
    link = MODEL.annotation_link(parent)
    if link is None:
        raise api_usage(f"{parent} cannot be annotated")
    paths = _fetched(("l.parent", "l.child a", *_ANNOTATION, *_FILE))
    return call.store.objects(
        f"select l from {link.name} l{paths}{where} order by l.id", call.caller, **where.values
    )


def _by_parent(links: Iterable[IObject]) -> dict[int, list[IObject]]:
    """Each annotation once an object, however many users have linked it."""
    found: dict[int, dict[int, IObject]] = defaultdict(dict)
    for link in links:
        found[unwrap(link.parent.id)][unwrap(link.child.id)] = link.child
    return {parent: list(annotations.values()) for parent, annotations in found.items()}


def _tagged(kind: str, tag: int, call: Call) -> list[IObject]:
    pixels = _fetched(("o.pixels p", "p.pixelsType")) if kind == "Image" else ""
    query = (
        f"select o from {kind} o{pixels} where exists (select l from {kind}AnnotationLink l"
        " where l.parent.id = o.id and l.child.id = :tag) order by o.id"
    )
    return call.store.objects(query, call.caller, tag=tag)


def _light_source(source: IObject, call: Call) -> IObject:
    """A light source with its enumerations, a laser with its pump."""
    paths = _LIGHT_SOURCES.get(MODEL.entity_of(source).name)
    if paths is None:
        return source
    kind = MODEL.entity_of(source).name
    query = f"select s from {kind} s{_fetched(paths)} where s.id = :id"
    found = call.store.objects(query, call.caller, id=unwrap(source.id))
    return found[0] if found else source
