"""omero.api.IScript. Source: ScriptI of omero-blitz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import omero
from omero.rtypes import robject, unwrap

from omero_irods_sandbox.omero_server.errors import api_usage, security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy, RType
from omero_irods_sandbox.omero_server.scripts.interactive import params_of
from omero_irods_sandbox.omero_server.scripts.official import LOOKUP_TABLE, mimetype_of
from omero_irods_sandbox.omero_server.scripts.script_files import (
    DISABLED,
    create_user_script,
    find_script,
    script_of_job,
    set_mimetype,
    text_of,
    user_scripts,
    write_user_script,
)
from omero_irods_sandbox.omero_server.scripts.script_process import run_script
from omero_irods_sandbox.omero_server.scripts.scripting import Scripting, scripting_of
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_DEFAULT_WAIT_S: Final = 5


@service(omero.api.IScript, getter="getScriptService")
class ScriptService(Service):
    """Finding, changing and running scripts."""

    @property
    def _scripting(self) -> Scripting:
        return scripting_of(self.server)

    # -- finding

    def getScripts(self, call: Call) -> list[IObject]:
        """The server's own, as they are on disk now, without lookup tables."""
        return [one for one in self._official(call) if unwrap(one.mimetype) != LOOKUP_TABLE]

    def getScriptsByMimetype(self, mimetype: str, call: Call) -> list[IObject]:
        return [one for one in self._official(call) if unwrap(one.mimetype) == mimetype]

    def _official(self, call: Call) -> list[IObject]:
        self._scripting.official.refresh()
        found = (call.store.find("OriginalFile", id_, call.caller) for id_ in self._scripting.official.ids())
        return [file for file in found if file is not None]

    def getUserScripts(self, accepted: Sequence[IObject], call: Call) -> list[IObject]:
        """Scripts of all these users and groups; of the caller's group when none is named."""
        return user_scripts(call, accepted or [], self._scripting.official.ids())

    def getScriptID(self, path: str, call: Call) -> int:
        """The server's script at this path, -1 when there is none."""
        found = self._scripting.official.find(path, scripts_only=True)
        return -1 if found is None else found

    def getScriptText(self, script_id: int, call: Call) -> str | None:
        """None when it is no script for the caller."""
        return None if find_script(call, script_id) is None else text_of(call, script_id)

    def getScriptWithDetails(self, script_id: int, call: Call) -> Mapping[str, RType] | None:
        """Its text, and the OriginalFile that goes with it."""
        script = find_script(call, script_id)
        return None if script is None else {text_of(call, script_id): robject(script)}

    def getParams(self, script_id: int, call: Call) -> Any:
        """What the script takes and gives; None when it is no script for the caller.

        Raises:
            ValidationException: it does not say.
            NoProcessorAvailable: nobody can run it to ask.
        """
        script = find_script(call, script_id)
        return None if script is None else params_of(call, script)

    def validateScript(self, job: IObject, accepted: Sequence[IObject] | None, call: Call) -> IObject:
        """The script of a job when it belongs to all of ``accepted``.

        An empty list accepts the server's only, and the answer is None for any other.

        Raises:
            ValidationException: the job has none of these, or several.
        """
        found = script_of_job(call, job.id.val, accepted or [], call.caller)
        official_only = accepted is not None and not accepted
        if official_only and not self._scripting.official.is_official(found.id.val):
            return None
        return found

    # -- changing

    def uploadScript(self, path: str, text: str, call: Call) -> int:
        """A script of the caller's own. One whose parameters cannot be read becomes plain text.

        Raises:
            SecurityViolation: he may not create files in this group.
            ValidationException: it was run and did not say its parameters.
        """
        try:
            script_id = create_user_script(call, path, text)
        except omero.SecurityViolation:
            raise security_violation("No permission to upload script") from None
        self._validate(script_id, call)
        return script_id

    def uploadOfficialScript(self, path: str, text: str, call: Call) -> int:
        """A script of the server's.

        Raises:
            SecurityViolation: the caller is no administrator with the privilege WriteScriptRepo.
            ApiUsageException: there is one already.
        """
        if not call.caller.may(Privilege.WRITE_SCRIPT_REPO):
            raise security_violation("No permission to upload script")
        official = self._scripting.official
        if official.find(path, scripts_only=True) is not None:
            raise api_usage(
                f"Path already exists: {path}\nUse editScript to modify existing official scripts."
            )
        official.write(path, text)
        script_id = official.register(path)
        if mimetype_of(path) != LOOKUP_TABLE:
            self._validate(script_id, call)
        return script_id

    def editScript(self, file: IObject, text: str, call: Call) -> None:
        """Replace the text of a script; one that was disabled is a script again.

        Raises:
            ApiUsageException: there is no such file for the caller.
            SecurityViolation: he may not change it.
        """
        if file is None or file.id is None:
            raise api_usage("file object cannot be null")
        script_id = file.id.val
        row = call.store.row("OriginalFile", script_id)
        if row is None or call.store.find("OriginalFile", script_id, call.caller) is None:
            raise api_usage(f"could not find file: {script_id}")
        self._must_be_allowed(Right.EDIT, script_id, call)
        path = f"{row['path']}{row['name']}"
        if self._scripting.official.is_official(script_id):
            self._scripting.official.write(path, text)
            self._scripting.official.record(script_id, path)
        else:
            write_user_script(call, script_id, text)
        set_mimetype(call, script_id, mimetype_of(path) or row["mimetype"])
        self._validate(script_id, call)

    def deleteScript(self, script_id: int, call: Call) -> None:
        """Delete a script; the jobs that ran it stay.

        Raises:
            ApiUsageException: there is no such script for the caller.
            SecurityViolation: he may not delete it.
        """
        row = call.store.row("OriginalFile", script_id)
        if row is None or find_script(call, script_id) is None:
            raise api_usage(f"No script with id {script_id} on server.")
        self._must_be_allowed(Right.DELETE, script_id, call)
        links = call.store.database.tuples(
            'select id from "JobOriginalFileLink" where child_id = ?', [script_id]
        )
        with call.store.work(call.caller) as work:
            work.delete("JobOriginalFileLink", [int(link[0]) for link in links])
            work.delete("OriginalFile", [script_id])
            work.after_commit(lambda: self.server.storage.remove(row))

    def _must_be_allowed(self, right: Right, script_id: int, call: Call) -> None:
        """Refuse whoever has not this right, or not the privilege for scripts of the server's.

        Raises:
            SecurityViolation: he has not.
        """
        row = call.store.row("OriginalFile", script_id)
        assert row is not None
        if self._scripting.official.is_official(script_id):
            needed = Privilege.DELETE_SCRIPT_REPO if right is Right.DELETE else Privilege.WRITE_SCRIPT_REPO
            allowed = call.caller.may(needed)
        else:
            entity = MODEL.entity("OriginalFile")
            allowed = is_allowed(call.caller, right, entity, row["d_owner"], row["d_group"])
        if not allowed:
            raise security_violation(f"No permission to {right.name.lower()} script with id {script_id}")

    def _validate(self, script_id: int, call: Call) -> None:
        """Read the parameters of a new text, if there is a processor that can.

        Raises:
            ValidationException: there are none; the file is no script any more.
        """
        script = find_script(call, script_id)
        if script is None:
            return
        try:
            params_of(call, script)
        except omero.ResourceError:
            pass  # nobody runs scripts of users now: the parameters are read when they are asked for
        except omero.ValidationException:
            set_mimetype(call, script_id, DISABLED)
            raise

    # -- running

    def runScript(self, script_id: int, inputs: Mapping[str, RType], seconds: RType, call: Call) -> Proxy:
        """Start a script as the caller, in the group of the call.

        Raises:
            NoProcessorAvailable: none took it within ``seconds``.
            ValidationException: the inputs are not what its parameters ask for.
        """
        wait_s = _DEFAULT_WAIT_S if seconds is None else seconds.val
        return run_script(call, script_id, inputs or {}, wait_s)

    def canRunScript(self, script_id: int, call: Call) -> bool:
        """Whether it is the server's, or a processor of the caller's is there."""
        if self._scripting.official.is_official(script_id):
            return True
        return self._scripting.processors.is_any_for(call, _DEFAULT_WAIT_S)
