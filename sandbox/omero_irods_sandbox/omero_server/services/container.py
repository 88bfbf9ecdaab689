"""omero.api.IContainer: containers with what is in them (PojosImpl and its query definitions)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject, Parameters
from omero_irods_sandbox.omero_server.services.options import Conditions, Options, options_of
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_FETCH: Final = " left outer join fetch "

_TREES: Final = {
    # PojosLoadHierarchyQueryDefinition: what is loaded below each kind of container.
    "Project": ("top.details.creationEvent", "top.datasetLinks pdl", "pdl.child ds"),
    "Dataset": ("top.details.creationEvent",),
    "Screen": (
        "top.details.creationEvent",
        "top.plateLinks spl",
        "spl.child pl",
        "pl.details.creationEvent",
        "pl.details.updateEvent",
        "pl.plateAcquisitions run",
    ),
    "Plate": ("top.details.creationEvent", "top.plateAcquisitions run"),
}

_LEAVES: Final = {
    "Project": ("ds.imageLinks dil", "dil.child img"),
    "Dataset": ("top.imageLinks dil", "dil.child img"),
    "Screen": ("run.wellSample ws", "ws.image img"),
    "Plate": ("run.wellSample ws", "ws.image img"),
}

_IMAGE: Final = (
    "img.details.creationEvent",
    "img.details.updateEvent",
    "img.pixels pix",
    "pix.pixelsType",
    "img.format",
)

_ACQUISITION: Final = (
    "img.stageLabel",
    "img.imagingEnvironment",
    "img.objectiveSettings os",
    "os.medium",
    "os.objective lens",
    "lens.immersion",
    "lens.correction",
)

_ORPHANS: Final = {"Project": ("Dataset", "ProjectDatasetLink"), "Screen": ("Plate", "ScreenPlateLink")}

_IMAGES_OF: Final = {
    "Image": ("", "img.id"),
    "Dataset": (" join img.datasetLinks in_ds", "in_ds.parent.id"),
    "Project": (
        " join img.datasetLinks in_ds join in_ds.parent ds join ds.projectLinks in_pr",
        "in_pr.parent.id",
    ),
}

_IMAGE_IDS: Final = {
    "Image": "select i.id from Image i where i.id in (:ids)",
    "Fileset": "select i.id from Image i where i.fileset.id in (:ids)",
    "Dataset": "select l.child.id from DatasetImageLink l where l.parent.id in (:ids)",
    "Project": "select l.child.id from ProjectDatasetLink p join p.child d join d.imageLinks l"
    " where p.parent.id in (:ids)",
    "Well": "select s.image.id from WellSample s where s.well.id in (:ids)",
    "Plate": "select s.image.id from WellSample s where s.well.plate.id in (:ids)",
    "Screen": "select s.image.id from ScreenPlateLink l join l.child p join p.wells w join w.wellSamples s"
    " where l.parent.id in (:ids)",
    "Folder": "select l.child.id from FolderImageLink l where l.parent.id in (:ids)",
}


def _fetched(paths: Iterable[str]) -> str:
    return "".join(_FETCH + path for path in paths)


def _image_paths(options: Options) -> tuple[str, ...]:
    return _IMAGE + (_ACQUISITION if options.acquisition_data else ())


@service(omero.api.IContainer, getter="getContainerService")
class ContainerService(Service):
    """Projects, datasets, screens and plates with their content, and images by where they are."""

    # -- trees

    def loadContainerHierarchy(
        self, root_type: str, ids: Sequence[int], options: Parameters, call: Call
    ) -> list[IObject]:
        """Containers with their children; with ``leaves`` images too, with ``orphan`` what is in none."""
        kind, asked = MODEL.entity(root_type).name, options_of(options)
        if kind not in _TREES:
            raise api_usage(f"loadContainerHierarchy takes {', '.join(_TREES)}, not {kind}")
        found = self._trees(kind, ids, asked, call)
        if asked.orphan and not ids and kind in _ORPHANS:
            found += self._orphans(kind, asked, call)
        return found

    def _trees(self, kind: str, ids: Sequence[int], options: Options, call: Call) -> list[IObject]:
        where = Conditions()
        where.owned("top", options)
        if ids:
            where.add("top.id in (:ids)", ids=list(ids))
        paths = _TREES[kind] + ((*_LEAVES[kind], *_image_paths(options)) if options.leaves else ())
        query = f"select top from {kind} top{_fetched(paths)}{where} order by top.id"
        return call.store.objects(query, call.caller, **where.values)

    def _orphans(self, kind: str, options: Options, call: Call) -> list[IObject]:
        child, link = _ORPHANS[kind]
        query = (
            f"select o.id from {child} o where not exists (select l from {link} l where l.child.id = o.id)"
        )
        ids = _ids(call, query)
        return self._trees(child, ids, options, call) if ids else []

    def findContainerHierarchies(
        self, root_type: str, image_ids: Sequence[int], options: Parameters, call: Call
    ) -> list[IObject]:
        """The projects above these images, with only these in them; datasets and images that are in none."""
        if MODEL.entity(root_type).name != "Project":
            raise api_usage(f"findContainerHierarchies takes Project, not {root_type}")
        wanted = list(image_ids)
        if not wanted:
            return []
        above = "join fetch top.datasetLinks pdl join fetch pdl.child ds join fetch ds.imageLinks dil"
        projects = call.store.objects(
            f"select top from Project top {above} join fetch dil.child img where img.id in (:ids)"
            " order by top.id",
            call.caller,
            ids=wanted,
        )
        datasets = call.store.objects(
            "select ds from Dataset ds join fetch ds.imageLinks dil join fetch dil.child img"
            " where img.id in (:ids)"
            " and not exists (select l from ProjectDatasetLink l where l.child.id = ds.id) order by ds.id",
            call.caller,
            ids=wanted,
        )
        images = call.store.objects(
            "select img from Image img where img.id in (:ids)"
            " and not exists (select l from DatasetImageLink l where l.child.id = img.id) order by img.id",
            call.caller,
            ids=wanted,
        )
        return projects + datasets + images

    # -- images

    def getImages(self, root_type: str, ids: Sequence[int], options: Parameters, call: Call) -> list[IObject]:
        """Images, or those in datasets or projects, with pixels, pixels type and format."""
        kind, asked = MODEL.entity(root_type).name, options_of(options)
        if kind not in _IMAGES_OF:
            raise api_usage(f"getImages takes {', '.join(_IMAGES_OF)}, not {kind}")
        if not ids:
            return []
        joins, place = _IMAGES_OF[kind]
        where = Conditions()
        where.add(f"{place} in (:ids)", ids=list(ids))
        return self._images(joins, where, asked, call)

    def getUserImages(self, options: Parameters, call: Call) -> list[IObject]:
        asked = options_of(options)
        if asked.owner_id is None and asked.group_id is None:
            raise api_usage("getUserImages needs an owner or a group in its options")
        return self._images("", Conditions(), asked, call)

    def getImagesByOptions(self, options: Parameters, call: Call) -> list[IObject]:
        """Images imported in a period."""
        asked = options_of(options)
        if asked.start_ms is None and asked.end_ms is None:
            raise api_usage("getImagesByOptions needs a start or an end time in its options")
        return self._images("", Conditions(), asked, call)

    def _images(self, joins: str, where: Conditions, options: Options, call: Call) -> list[IObject]:
        where.owned("img", options)
        if options.start_ms is not None:
            where.add("img.details.creationEvent.time > :start", start=options.start_ms)
        if options.end_ms is not None:
            where.add("img.details.creationEvent.time < :end", end=options.end_ms)
        paths = _fetched(_image_paths(options))
        query = f"select distinct img from Image img{paths}{joins}{where} order by img.id"
        answer = call.store.query(
            query, where.values, call.caller, limit=options.limit, offset=options.offset
        )
        return answer.objects()

    def getImagesBySplitFilesets(
        self, included: Mapping[str, Sequence[int]], _options: Parameters, call: Call
    ) -> dict[int, dict[bool, list[int]]]:
        """Filesets of which only a part is included: image ids inside (True) and outside (False)."""
        images = {id_ for kind, ids in included.items() for id_ in self._image_ids(kind, ids, call)}
        whole = {id_ for kind, ids in included.items() if MODEL.entity(kind).name == "Fileset" for id_ in ids}
        filesets: dict[int, dict[bool, list[int]]] = defaultdict(lambda: {True: [], False: []})
        for fileset, image in self._siblings(sorted(images), call):
            filesets[fileset][image in images].append(image)
        return {
            fileset: parts for fileset, parts in filesets.items() if parts[False] and fileset not in whole
        }

    def _image_ids(self, kind: str, ids: Sequence[int], call: Call) -> list[int]:
        query = _IMAGE_IDS.get(MODEL.entity(kind).name)
        if query is None or not ids:
            return []
        found = _ids(call, query, ids=list(ids))
        if MODEL.entity(kind).name == "Folder":
            below = _ids(call, "select f.id from Folder f where f.parentFolder.id in (:ids)", ids=list(ids))
            found += self._image_ids(kind, below, call)
        return found

    def _siblings(self, images: list[int], call: Call) -> list[tuple[int, int]]:
        """All images of the filesets of these: (fileset, image)."""
        if not images:
            return []
        filesets = _ids(call, "select distinct i.fileset.id from Image i where i.id in (:ids)", ids=images)
        if not filesets:
            return []
        rows = call.store.query(
            "select i.fileset.id, i.id from Image i where i.fileset.id in (:ids) order by i.id",
            {"ids": filesets},
            call.caller,
        ).rows
        return [(unwrap(fileset), unwrap(image)) for fileset, image in rows]

    # -- collections

    def getCollectionCount(
        self, type_: str, collection: str, ids: Sequence[int], _options: Parameters, call: Call
    ) -> dict[int, int]:
        """The size of a collection, e.g. ``imageLinks``, for each id; what is not there has no entry."""
        entity = MODEL.entity(type_)
        field = entity.fields.get(collection.rpartition("_")[2])
        if field is None or field.kind is not FieldKind.COLLECTION:
            raise api_usage(f"{entity.name} has no collection {collection}")
        if not ids:
            return {}
        rows = call.store.query(
            f"select o.id, size(o.{field.name}) from {entity.name} o where o.id in (:ids)",
            {"ids": list(ids)},
            call.caller,
        ).rows
        return {unwrap(id_): unwrap(size) for id_, size in rows}

    def retrieveCollection(
        self, obj: IObject, collection: str, _options: Parameters, call: Call
    ) -> list[IObject]:
        entity = MODEL.entity_of(obj)
        field = entity.fields.get(collection.rpartition("_")[2])
        if field is None or field.kind is not FieldKind.COLLECTION:
            raise api_usage(f"{entity.name} has no collection {collection}")
        query = f"select e from {field.target} e where e.{field.inverse}.id = :id order by e.id"
        return call.store.objects(query, call.caller, id=unwrap(obj.id))

    # -- writing

    def createDataObject(self, obj: IObject, _options: Parameters, call: Call) -> IObject:
        with call.store.work(call.caller) as work:
            return work.save_and_return(obj)

    def createDataObjects(
        self, objects: Sequence[IObject], _options: Parameters, call: Call
    ) -> list[IObject]:
        with call.store.work(call.caller) as work:
            return work.save_all(objects)

    def updateDataObject(self, obj: IObject, options: Parameters, call: Call) -> IObject:
        return self.createDataObject(obj, options, call)

    def updateDataObjects(self, objects: Sequence[IObject], options: Parameters, call: Call) -> list[IObject]:
        return self.createDataObjects(objects, options, call)

    def link(self, links: Sequence[IObject], options: Parameters, call: Call) -> list[IObject]:
        return self.createDataObjects(links, options, call)


def _ids(call: Call, query: str, **values: object) -> list[int]:
    rows = call.store.query(query, values, call.caller).rows
    return [unwrap(row[0]) for row in rows if row[0] is not None]
