"""What an administrator does once: accounts on both servers, and the files that the agent reads.

Every step looks first at what is there, so that a second run changes nothing. The names are those of
docs/getting-started.md. The password of all accounts is that of the sandbox; it comes from the environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import omero.gateway
import omero.model
from irods.exception import UserDoesNotExist
from irods.password_obfuscation import encode
from irods.session import iRODSSession
from omero.rtypes import rbool, rstring

from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.operations.install_scripts import apply, plan_install
from omero_irods_bridge.operations.official_scripts import AgentAddress, script_texts

PEOPLE: Final = ("ada", "ben")
"""Ordinary users, of the same name on both servers."""

SERVICE: Final = "bridge"
"""The agent's account: in OMERO a light administrator with Sudo alone, in iRODS a rodsadmin."""

GROUP: Final = "imaging"
INBOX: Final = "inbox"
PATIENCE_S: Final = 300
_USER_GROUP: Final = 1


@dataclass(frozen=True, slots=True)
class Site:
    """Where the servers are, and where the agent keeps its files."""

    irods_host: str
    irods_port: int
    zone: str
    irods_admin: str
    irods_password: str
    omero_host: str
    omero_port: int
    omero_password: str
    password: str
    folder: Path
    agent: str
    """The address at which the OMERO server finds the agent."""

    @property
    def inbox(self) -> str:
        """The collection in which what lands appears in OMERO."""
        return f"/{self.zone}/home/{PEOPLE[0]}/{INBOX}"


def set_up(site: Site) -> None:
    """Make what is missing on both servers and in the folder."""
    with _irods(site) as session:
        _people_of_irods(site, session)
    with _omero(site) as gateway:
        _people_of_omero(site, gateway)
    _install_scripts(site)
    _opt_in(site)
    _write_files(site)


# -- iRODS


@contextmanager
def _irods(site: Site, user: str | None = None) -> Iterator[iRODSSession]:
    name, password = (user, site.password) if user else (site.irods_admin, site.irods_password)
    with iRODSSession(
        host=site.irods_host, port=site.irods_port, user=name, password=password, zone=site.zone
    ) as session:
        yield session


def _people_of_irods(site: Site, session: iRODSSession) -> None:
    for name, kind in [*((name, "rodsuser") for name in PEOPLE), (SERVICE, "rodsadmin")]:
        try:
            session.users.get(name)
        except UserDoesNotExist:
            session.users.create(name, kind)
            session.users.modify(name, "password", site.password)


def _opt_in(site: Site) -> None:
    """The first person's inbox: what lands in it is shown in OMERO in place, to her."""
    with _irods(site, PEOPLE[0]) as session:
        collection = session.collections.create(site.inbox)
        wanted = {"omero::ingest": "in-place", "omero::ingest_user": PEOPLE[0]}
        for name, value in wanted.items():
            if not collection.metadata.get_all(name):
                collection.metadata.add(name, value)


# -- OMERO


@contextmanager
def _omero(site: Site) -> Iterator[Any]:
    gateway = omero.gateway.BlitzGateway(
        "root", site.omero_password, host=site.omero_host, port=site.omero_port, secure=True
    )
    if not gateway.connect():
        raise ConnectionError(f"OMERO does not let root in: {gateway.getLastError()}")
    try:
        yield gateway
    finally:
        gateway.close()


def _people_of_omero(site: Site, gateway: Any) -> None:
    admin = gateway.getAdminService()
    group = _group(admin)
    there = {one.omeName.val for one in admin.lookupExperimenters()}
    for name in {*PEOPLE} - there:
        groups = [group, omero.model.ExperimenterGroupI(_USER_GROUP, False)]
        admin.createExperimenterWithPassword(_experimenter(name), rstring(site.password), group, groups)
    if SERVICE not in there:
        _make_service(admin, group, site.password)


def _group(admin: Any) -> Any:
    for one in admin.lookupGroups():
        if one.name.val == GROUP:
            return omero.model.ExperimenterGroupI(one.id.val, False)
    group = omero.model.ExperimenterGroupI()
    group.name, group.ldap = rstring(GROUP), rbool(False)
    group.details.permissions = omero.model.PermissionsI("rwra--")
    return omero.model.ExperimenterGroupI(admin.createGroup(group), False)


def _experimenter(name: str) -> Any:
    user = omero.model.ExperimenterI()
    user.omeName, user.firstName, user.lastName = rstring(name), rstring(name.title()), rstring("Example")
    user.email, user.ldap = rstring(f"{name}@example.org"), rbool(False)
    return user


def _make_service(admin: Any, group: Any, password: str) -> None:
    """A light administrator: in the group of administrators, with one privilege.

    Source: ``createRestrictedSystemUserWithPassword`` of IAdmin makes the account and its restrictions.
    """
    sudo = omero.model.AdminPrivilegeI()
    sudo.value = rstring("Sudo")
    admin.createRestrictedSystemUserWithPassword(_experimenter(SERVICE), [sudo], rstring(password))
    user = admin.lookupExperimenter(SERVICE)
    admin.addGroups(user, [group])


def _install_scripts(site: Site) -> None:
    """As ``omero-irods scripts install``; the network of the containers is closed, so http is enough."""
    login = UserPassword(site.omero_host, "root", site.omero_password, site.omero_port)
    with connect(login) as connection:
        scripts = OmeroScripts(connection)
        apply(plan_install(script_texts(AgentAddress.parse(site.agent, allow_http=True)), scripts), scripts)


# -- files of the agent


def _write_files(site: Site) -> None:
    site.folder.mkdir(parents=True, exist_ok=True)
    _secret(site.folder / "omero-password", f"{site.password}\n")
    _secret(site.folder / "irodsA", encode(site.password))
    _secret(site.folder / "pgpass", f"catalog:5432:bridge:bridge:{site.password}\n")
    environment = {
        "irods_host": site.irods_host,
        "irods_port": site.irods_port,
        "irods_user_name": SERVICE,
        "irods_zone_name": site.zone,
    }
    (site.folder / "irods_environment.json").write_text(json.dumps(environment, indent=2) + "\n")
    lines = "".join(f'{name} = "{{name}}"\n' for name in PEOPLE)
    (site.folder / "users.toml").write_text(f'admins = ["{PEOPLE[0]}"]\n\n[users]\n{lines}')
    tokens = site.folder / "tokens.toml"
    if not tokens.exists():
        tokens.write_text("# omero-irods agent token NAME makes the lines of a token\n")


def _secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text)


# -- as a command


def site_of(environment: dict[str, str]) -> Site:
    """The servers of the compose file."""
    password = environment["SANDBOX_PASSWORD"]
    return Site(
        irods_host="irods",
        irods_port=1247,
        zone="tempZone",
        irods_admin="rods",
        irods_password=password,
        omero_host="omero",
        omero_port=4064,
        omero_password=password,
        password=password,
        folder=Path("/var/lib/omero-irods"),
        agent="http://agent:8640",
    )


def patiently(act: Callable[[], None], patience_s: float = PATIENCE_S, pause_s: float = 5.0) -> None:
    """Act; servers that have just started may refuse for a while. The last error is told as it is."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except Exception as error:  # clients of both servers raise what they like
            if time.monotonic() > end:
                raise
            sys.stderr.write(f"not yet: {type(error).__name__}: {error}\n")
            time.sleep(pause_s)


if __name__ == "__main__":
    patiently(lambda: set_up(site_of(dict(os.environ))))
    sys.stdout.write("Accounts and files are in place.\n")
