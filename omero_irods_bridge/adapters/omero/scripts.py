"""The scripts that an OMERO server offers to everybody: omero.api.IScript.

Only administrators with the privileges WriteScriptRepo and DeleteScriptRepo may change them (omero-server,
ScriptI of omero-blitz).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import omero

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.model.errors import AccessDenied, BridgeError

_NONE: Final = -1
_LOG_IN: Final = (
    "Log in as an administrator of OMERO with the privileges WriteScriptRepo and DeleteScriptRepo."
)


class OmeroScripts:
    """The scripts of a server, over one connection; one thread at a time."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._connection = connection

    @property
    def _service(self) -> Any:
        return self._connection.session.getScriptService()

    def read(self, path: str) -> str | None:
        with omero_errors(f"reading the script {path}"):
            found = self._find(path)
            return None if found is None else self._service.getScriptText(found)

    def write(self, path: str, text: str) -> None:
        """OMERO runs a new text at once, to learn its parameters."""
        with _changing(f"installing the script {path}"):
            found = self._find(path)
            if found is None:
                self._service.uploadOfficialScript(path, text)
            else:
                file = self._connection.session.getQueryService().get("OriginalFile", found)
                self._service.editScript(file, text)

    def remove(self, path: str) -> None:
        with _changing(f"removing the script {path}"):
            found = self._find(path)
            if found is not None:
                self._service.deleteScript(found)

    def _find(self, path: str) -> int | None:
        found = int(self._service.getScriptID(path))
        return None if found == _NONE else found


@contextmanager
def _changing(what: str) -> Iterator[None]:
    try:
        with omero_errors(what):
            yield
    except AccessDenied as error:
        raise AccessDenied(error.message, hint=_LOG_IN) from error
    except BridgeError as error:
        if isinstance(error.__cause__, omero.ValidationException):
            raise BridgeError(
                error.message, hint="OMERO could not run it: see the log Processor-0.log."
            ) from error
        raise
