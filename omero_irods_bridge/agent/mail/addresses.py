"""Which address a user has: by a pattern, or as OMERO knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from omero_irods_bridge.adapters.omero.email_addresses import email_of
from omero_irods_bridge.agent.accounts import open_service
from omero_irods_bridge.mail_settings import NAME, OF_OMERO, is_address
from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.settings import OmeroSettings

FindAddress: TypeAlias = Callable[[str], str]
"""The address of an OMERO user. Raises NotFound when he has none, another BridgeError when nobody answers."""


def address_finder(addresses: str, omero: OmeroSettings) -> FindAddress:
    """As the setting ``agent.mail.addresses`` says."""

    def find(user: str) -> str:
        found = _ask(omero, user) if addresses == OF_OMERO else addresses.replace(NAME, user)
        if not is_address(found):
            raise NotFound(f"{user} has no usable e-mail address.", hint="Set it in OMERO.")
        return found

    return find


def _ask(omero: OmeroSettings, user: str) -> str:
    """With the agent's own account, on a connection that is closed at once."""
    with open_service(omero) as service:
        return email_of(service, user)
