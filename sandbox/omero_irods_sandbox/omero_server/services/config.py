"""omero.api.IConfig."""

from __future__ import annotations

import re
from typing import Final

import omero
from omero.rtypes import rtime

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, security_violation
from omero_irods_sandbox.omero_server.model.types import RType
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

VERSION: Final = "5.6.16"
"""The version this server says it is."""

_CLIENT_PREFIX: Final = "omero.client."


@service(omero.api.IConfig, getter="getConfigService")
class ConfigService(Service):
    """Settings, the server's identity, and its time."""

    def getVersion(self, call: Call) -> str:
        return VERSION

    def getDatabaseUuid(self, call: Call) -> str:
        return call.server.uuid

    def getServerTime(self, call: Call) -> RType:
        return rtime(call.server.clock.now_ms())

    def getDatabaseTime(self, call: Call) -> RType:
        return rtime(call.server.clock.now_ms())

    def getConfigValue(self, key: str, call: Call) -> str:
        """Empty when there is none."""
        return call.server.settings.get(key)

    def getConfigValues(self, pattern: str, call: Call) -> dict[str, str]:
        """Settings whose names match a regular expression from their beginning."""
        try:
            wanted = re.compile(pattern)
        except re.error as error:
            raise api_usage(f"{pattern} is no regular expression: {error}") from error
        return {name: value for name, value in call.server.settings.all().items() if wanted.match(name)}

    def getConfigDefaults(self, call: Call) -> dict[str, str]:
        return call.server.settings.defaults()

    def getClientConfigDefaults(self, call: Call) -> dict[str, str]:
        return _for_clients(call.server.settings.defaults())

    def getClientConfigValues(self, call: Call) -> dict[str, str]:
        return _for_clients(call.server.settings.all())

    def setConfigValue(self, key: str, value: str, call: Call) -> None:
        """By administrators; kept over a restart."""
        if not call.caller.is_admin:
            raise security_violation("only administrators change settings")
        call.server.settings.set(key, value)

    def setConfigValueIfEquals(self, key: str, value: str, expected: str, call: Call) -> bool:
        if call.server.settings.get(key) != expected:
            return False
        self.setConfigValue(key, value, call)
        return True


def _for_clients(settings: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name.startswith(_CLIENT_PREFIX)}
