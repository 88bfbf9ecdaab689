"""OriginalFiles that are scripts, those of users and of the server. Source: ScriptI of omero-blitz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import rstring, unwrap

from omero_irods_sandbox.omero_server.errors import resource_error, validation
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.scripts.official import MIMETYPES, mimetype_of
from omero_irods_sandbox.omero_server.storage.files import DEFAULT_HASHER, DEFAULT_MIMETYPE

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller

_SCRIPTS: Final = "select o from OriginalFile o where o.mimetype in (:mimetypes)"

_OF_JOB: Final = (
    "select o from Job j join j.originalFileLinks links join links.child o"
    " where o.mimetype in (:mimetypes) and j.id = :id"
)

DISABLED: Final = "text/plain"
"""The mimetype of a script whose parameters cannot be read: it is no script any more."""


def find_script(call: Call, script_id: int, *, caller: Caller | None = None) -> IObject | None:
    """A script that the caller may read; None for any other file, or none."""
    found = call.store.objects(
        f"{_SCRIPTS} and o.id = :id",
        caller or call.caller,
        mimetypes=list(MIMETYPES.values()),
        id=script_id,
    )
    return found[0] if found else None


def user_scripts(call: Call, accepted: Sequence[IObject], official: Sequence[int]) -> list[IObject]:
    """Scripts that are not the server's: of the users and groups given, of the caller's group when none is.

    Raises:
        ValidationException: something else is given.
    """
    conditions, values = accept_conditions(accepted)
    if not accepted:
        conditions, values = ["o.details.group.id = :gid"], {"gid": call.session.group_id}
    if official:
        conditions.append("o.id not in (:official)")
        values["official"] = list(official)
    query = " and ".join([_SCRIPTS, *conditions])
    return call.store.objects(
        f"{query} order by o.id", call.caller, mimetypes=list(MIMETYPES.values()), **values
    )


def accept_conditions(accepted: Sequence[IObject]) -> tuple[list[str], dict[str, object]]:
    """Conditions on ``o`` from a list of users and groups, all of which must hold (ScriptI.parseAcceptsList).

    Raises:
        ValidationException: something else is in it.
    """
    conditions: list[str] = []
    values: dict[str, object] = {}
    for one in accepted:
        if isinstance(one, omero.model.Experimenter):
            part, name = "owner", "oid"
        elif isinstance(one, omero.model.ExperimenterGroup):
            part, name = "group", "gid"
        else:
            raise validation(f"Unsupported accept-type: {type(one).__name__}")
        conditions.append(f"o.details.{part}.id = :{name}")
        values[name] = unwrap(one.id)
    return conditions, values


def script_of_job(call: Call, job_id: int, accepted: Sequence[IObject], caller: Caller) -> IObject:
    """The one script that is linked to a job; its output is linked too, but is none.

    Raises:
        ValidationException: there is none that is accepted, or there are several.
    """
    conditions, values = accept_conditions(accepted)
    query = " and ".join([_OF_JOB, *conditions])
    found = call.store.objects(query, caller, mimetypes=list(MIMETYPES.values()), id=job_id, **values)
    if len(found) != 1:
        raise validation(f"Found wrong number of files: {len(found)}")
    return found[0]


def create_user_script(call: Call, path: str, text: str) -> int:
    """A script of the caller's in the group of the call; its id.

    Raises:
        SecurityViolation: he may not create files there.
    """
    folder, slash, name = path.rpartition("/")
    file = omero.model.OriginalFileI()
    file.path, file.name = rstring(f"{folder}{slash}"), rstring(name)
    file.mimetype = rstring(mimetype_of(name) or DEFAULT_MIMETYPE)
    with call.store.work(call.caller) as work:
        script_id = work.save(file)
    write_user_script(call, script_id, text)
    return script_id


def write_user_script(call: Call, script_id: int, text: str) -> None:
    """Replace the text of a script; its size and checksum follow."""
    path = call.server.storage.path_by_id(script_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with call.store.work(call.caller) as work:
        call.server.storage.record(work, script_id, path, DEFAULT_HASHER)


def text_of(call: Call, script_id: int) -> str:
    """What a script says.

    Raises:
        ResourceError: its file is not there.
    """
    try:
        return call.server.storage.path_by_id(script_id).read_text()
    except OSError as error:
        raise resource_error(f"Failed to load OriginalFile:{script_id}: {error.strerror}") from error


def set_mimetype(call: Call, script_id: int, mimetype: str) -> None:
    """As ``omero script enable`` and ``disable`` do; nothing happens when it is that already."""
    row = call.store.row("OriginalFile", script_id)
    if row is not None and row["mimetype"] != mimetype:
        with call.store.work(call.caller) as work:
            work.update("OriginalFile", script_id, mimetype=mimetype)
