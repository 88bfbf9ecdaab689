"""The map annotation by which a load finds again what it made, also after it was killed.

It is saved with the fileset before the first byte is sent, and says ``importing`` until the import was heard
to end well: then it says ``complete`` and how many images there are. Jobs do not tell: of an import that has
ended only the UploadJob is Finished (reference/omero-semantics.md, 1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import omero
import omero.clients
import omero.model
import omero.sys
from omero.rtypes import rstring, unwrap

from omero_irods_bridge.adapters.omero.services import query_service, update_service, user_of_session
from omero_irods_bridge.model.imports import MARK_NAMESPACE, ImportMark, MarkedFileset

_IMPORTING: Final = "importing"
_COMPLETE: Final = "complete"

_IDS_AT_ONCE: Final = 500

IS_OF_LOAD: Final = (
    "(l.details.owner.id = l.parent.details.owner.id or l.details.owner.id = :me or l.details.owner.id in"
    " (select m.child.id from GroupExperimenterMap m"
    " where m.parent.name = 'system' or (m.parent.id = l.details.group.id and m.owner = true)))"
)
"""Of a link ``l`` to a mark: it is of who has the object, of who asks, or of one who may give objects away.

Other members of a group can annotate what is not theirs, and a mark lets objects be deleted.
"""

_FILESETS: Final = (
    "select l.parent.id from FilesetAnnotationLink l join l.child a join a.mapValue v"  # noqa: S608 -- constants
    f" where a.ns = :ns and v.name = 'load' and v.value = :load and {IS_OF_LOAD} order by l.parent.id"
)
_MARKS: Final = (
    "select l from FilesetAnnotationLink l join fetch l.parent join fetch l.child"  # noqa: S608 -- constants
    f" where l.parent.id in (:ids) and l.child.ns = :ns and {IS_OF_LOAD} order by l.id"
)
_IMAGES: Final = (
    "select i.fileset.id, i.id from Image i where i.fileset.id in (:ids)"
    " order by i.fileset.id, i.series, i.id"
)

_PLATES: Final = (
    "select distinct i.fileset.id, w.plate.id from WellSample s join s.image i join s.well w"
    " where i.fileset.id in (:ids) order by i.fileset.id, w.plate.id"
)


def mark_annotation(mark: ImportMark, *, images: int | None = None) -> Any:
    """The annotation of a fileset that is being imported, of a complete one when ``images`` are counted."""
    annotation = omero.model.MapAnnotationI()
    annotation.ns = rstring(MARK_NAMESPACE)
    annotation.mapValue = _values(mark, images)
    return annotation


def _values(mark: ImportMark, images: int | None) -> list[Any]:
    pairs = {"load": mark.load, "snapshot": mark.snapshot, "source": mark.source}
    if images is None:
        pairs["state"] = _IMPORTING
    else:
        pairs |= {"state": _COMPLETE, "images": str(images)}
    return [omero.model.NamedValue(name, value) for name, value in pairs.items()]


def record_complete(client: Any, fileset: int, mark: ImportMark, images: int) -> None:
    """Let the mark of a fileset say that all its images are there."""
    for link in _mark_links(client, [fileset]):
        annotation = link.child
        annotation.mapValue = _values(mark, images)
        update_service(client).saveObject(annotation)


def add_mark(client: Any, fileset: int, mark: ImportMark, images: int) -> None:
    """Mark a fileset that somebody else imported, all of whose images are there."""
    link = omero.model.FilesetAnnotationLinkI()
    link.parent = omero.model.FilesetI(fileset, False)
    link.child = mark_annotation(mark, images=images)
    update_service(client).saveObject(link)


def plates_of(query: Any, filesets: Sequence[int]) -> dict[int, list[int]]:
    """Ids of the plates that show an image of each fileset."""
    found: dict[int, list[int]] = defaultdict(list)
    parameters = omero.sys.ParametersI().addIds(list(filesets))
    for row in query.projection(_PLATES, parameters):
        fileset, plate = unwrap(row)
        found[fileset].append(plate)
    return found


def find_marked(client: Any, load: str) -> list[MarkedFileset]:
    """All filesets of a load that this session sees, by id; a few queries for each 500 of them."""
    query = query_service(client)
    parameters = omero.sys.ParametersI().addString("ns", MARK_NAMESPACE).addString("load", load)
    parameters.addLong("me", user_of_session(client))
    ids = sorted({row[0].val for row in query.projection(_FILESETS, parameters)})
    found = (one for some in batches(ids) for one in _describe(client, some))
    return [one for one in found if one.mark.load == load]


def _describe(client: Any, ids: Sequence[int]) -> Iterator[MarkedFileset]:
    query = query_service(client)
    images, plates = images_of(query, ids), plates_of(query, ids)
    for link in _mark_links(client, ids):
        id_ = link.parent.id.val
        pairs = {pair.name: pair.value for pair in link.child.mapValue if pair is not None}
        yield replace(_marked(id_, pairs, images[id_], plates[id_]), may_delete=may_delete(link.parent))


def may_delete(loaded: Any) -> bool:
    """Whether OMERO lets this user delete an object that was loaded."""
    return bool(loaded.details.permissions.canDelete())


def _marked(
    id_: int, pairs: Mapping[str, str], images: Sequence[int], plates: Sequence[int]
) -> MarkedFileset:
    mark = ImportMark(pairs.get("load", "?"), pairs.get("snapshot", ""), pairs.get("source", "?"))
    complete = pairs.get("state") == _COMPLETE and pairs.get("images") == str(len(images))
    return MarkedFileset(id_, mark, complete, tuple(images), tuple(plates))


def images_of(query: Any, filesets: Sequence[int]) -> dict[int, list[int]]:
    """Image ids of each fileset in the order of their series, which the server numbers as the reader does."""
    found: dict[int, list[int]] = defaultdict(list)
    parameters = omero.sys.ParametersI().addIds(list(filesets))
    for row in query.projection(_IMAGES, parameters):
        fileset, image = unwrap(row)
        found[fileset].append(image)
    return found


def batches(ids: Sequence[int]) -> Iterator[list[int]]:
    """The ids in lists that a query may name at once."""
    remaining = iter(ids)
    while some := list(islice(remaining, _IDS_AT_ONCE)):
        yield some


def _mark_links(client: Any, filesets: Sequence[int]) -> list[Any]:
    parameters = omero.sys.ParametersI().addString("ns", MARK_NAMESPACE).addIds(list(filesets))
    parameters.addLong("me", user_of_session(client))
    return list(query_service(client).findAllByQuery(_MARKS, parameters))
