"""What users change about themselves."""

from __future__ import annotations

from typing import Any, Final

from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, internal_error, security_violation
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.services.service import Service

_OWN_FIELDS: Final = ("firstName", "middleName", "lastName", "email", "institution")


class OwnAccount(Service):
    """Names, password, photo."""

    def updateSelf(self, user: IObject, call: Call) -> None:
        """The caller's names, e-mail address and institution; nothing else of it (AdminImpl.updateSelf)."""
        if user.id is None or user.id.val != call.caller.user_id:
            raise security_violation("updateSelf changes the caller only")
        columns = {name: unwrap(getattr(user, f"_{name}")) for name in _OWN_FIELDS}
        with call.store.work(call.server.internal_caller()) as work:
            work.update("Experimenter", call.caller.user_id, **columns)

    def changePassword(self, password: RType, call: Call) -> None:
        """Only in a session that was opened with the old one."""
        if not call.session.has_password:
            raise security_violation("Bad credentials: log in with the password to change it")
        call.server.passwords.set(call.caller.user_id, unwrap(password) or "")

    def changePasswordWithOldPassword(self, old: RType, new: RType, call: Call) -> None:
        if not call.server.passwords.check(call.caller.user_id, unwrap(old) or ""):
            raise security_violation("Old password is invalid")
        call.server.passwords.set(call.caller.user_id, unwrap(new) or "")

    def changeExpiredCredentials(self, name: str, old: str, new: str, call: Call) -> None:
        raise api_usage("passwords do not expire here")

    def reportForgottenPassword(self, name: str, email: str, call: Call) -> None:
        raise api_usage("this server sends no mail")

    def synchronizeLoginCache(self, call: Call) -> None:
        """There is no cache."""

    def getMyUserPhotos(self, call: Call) -> list[IObject]:
        """Photos linked to the caller."""
        return call.store.objects(
            "select f from FileAnnotation a join a.file f"
            " where a.ns = :ns and a.id in"
            " (select l.child.id from ExperimenterAnnotationLink l where l.parent.id = :user)",
            call.caller,
            user=call.caller.user_id,
            ns="openmicroscopy.org/omero/experimenter/photo",
        )

    def uploadMyUserPhoto(self, name: str, format_: str, data: Any, call: Call) -> int:
        raise internal_error("photos are not kept by the embedded server")
