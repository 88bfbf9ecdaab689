"""omero.api.IRoi: regions of interest with their shapes (RoiI)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import omero
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.services.options import Conditions, Options
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_ROIS: Final = (
    "select distinct r from Roi r join r.image i join fetch r.shapes s"
    " left outer join fetch r.folderLinks l left outer join fetch l.parent"
)
_MEASURED: Final = (
    "select distinct r from Roi r join fetch r.shapes join r.image i join i.wellSamples ws join ws.well w"
    " join w.plate p join p.annotationLinks l where l.child.id = :annotation and i.id = :image order by r.id"
)
_MEASUREMENTS: Final = (
    "select distinct a from FileAnnotation a, RoiAnnotationLink rl, PlateAnnotationLink pl, WellSample ws"
    " where a.ns = :ns and rl.child.id = a.id and pl.child.id = a.id and rl.parent.image.id = :image"
    " and ws.image.id = :image and ws.well.plate.id = pl.parent.id"
)
_MEASUREMENT_NS: Final = "openmicroscopy.org/omero/measurement"

_EVERY_PLANE: Final = -1
"""The key of shapes that are on all planes (RoiResultMapper)."""


@service(omero.api.IRoi, getter="getRoiService")
class RoiService(Service):
    """ROIs that have no shape are not found, as in OMERO: it joins them to their shapes."""

    def findByImage(self, image_id: int, options: Any, call: Call) -> Any:
        where = Conditions()
        where.add("i.id = :image", image=image_id)
        return self._result(where, options, call)

    def findByRoi(self, roi_id: int, options: Any, call: Call) -> Any:
        where = Conditions()
        where.add("r.id = :roi", roi=roi_id)
        return self._result(where, options, call)

    def findByPlane(self, image_id: int, z: int, t: int, options: Any, call: Call) -> Any:  # slice
        """ROIs with their shapes on this plane; a shape without Z or T is on all."""
        where = Conditions()
        where.add("i.id = :image", image=image_id)
        where.add("(s.theZ is null or s.theZ = :z)", z=z)
        where.add("(s.theT is null or s.theT = :t)", t=t)
        return self._result(where, options, call)

    def getMeasuredRois(self, image_id: int, annotation_id: int, options: Any, call: Call) -> Any:
        rois = call.store.objects(_MEASURED, call.caller, image=image_id, annotation=annotation_id)
        return _roi_result(options, rois)

    def getMeasuredRoisMap(
        self, image_id: int, annotation_ids: Iterable[int], options: Any, call: Call
    ) -> Mapping[int, Any]:
        return {id_: self.getMeasuredRois(image_id, id_, options, call) for id_ in annotation_ids}

    def getRoiMeasurements(self, image_id: int, _options: Any, call: Call) -> list[IObject]:
        """Files of measurements that are on a ROI of the image and on its plate."""
        return call.store.objects(_MEASUREMENTS, call.caller, ns=_MEASUREMENT_NS, image=image_id)

    def _result(self, where: Conditions, options: Any, call: Call) -> Any:
        asked = _roi_options(options)
        where.owned("r", asked)
        answer = call.store.query(
            f"{_ROIS}{where} order by r.id", where.values, call.caller, limit=asked.limit, offset=asked.offset
        )
        return _roi_result(options, answer.objects())


def _roi_options(options: Any) -> Options:
    if options is None:
        return Options()
    return Options(
        owner_id=unwrap(options.userId),
        group_id=unwrap(options.groupId),
        limit=unwrap(options.limit),
        offset=unwrap(options.offset),
    )


def _roi_result(options: Any, rois: list[IObject]) -> Any:
    by_z: dict[int, list[IObject]] = defaultdict(list)
    by_t: dict[int, list[IObject]] = defaultdict(list)
    for shape in (shape for roi in rois for shape in roi.copyShapes()):
        by_z[_plane(shape.theZ)].append(shape)
        by_t[_plane(shape.theT)].append(shape)
    return omero.api.RoiResult(opts=options, rois=rois, byZ=dict(by_z), byT=dict(by_t))


def _plane(index: Any) -> int:
    return _EVERY_PLANE if index is None else int(index.val)
