"""The order in which things are looked at, and what is not looked at when something else is not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from omero_irods_bridge.adapters.irods.about import AboutZone, about_zone
from omero_irods_bridge.adapters.irods.environment import account_from_environment
from omero_irods_bridge.adapters.omero.about import AboutServer, about_server, users_known
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.agent.accounts import service_account, service_user_in_irods
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.doctor import accounts, folders, local, scripts, server, zone
from omero_irods_bridge.doctor.diagnosis import Diagnoses, Diagnosis, looked_at, ok, skipped
from omero_irods_bridge.operations.install_scripts import list_installed
from omero_irods_bridge.ports import TreeStore
from omero_irods_bridge.settings import Settings
from omero_irods_bridge.wiring import Ask, mounts_of, open_connection, open_object_store

Look = Callable[[], Diagnoses]


@dataclass
class Patient:
    """What has been found so far; none is what did not answer."""

    settings: Settings
    ask: Ask | None
    doors: ExitStack
    zone: AboutZone | None = None
    connection: OmeroConnection | None = None
    server: AboutServer | None = None
    identities: Identities | None = None
    store: TreeStore | None = None
    ahead: dict[str, float] = field(default_factory=dict)
    """Seconds by which the clock of each server was ahead of the one here, when it was asked."""

    @property
    def names(self) -> dict[str, str]:
        return accounts.named(self.identities) if self.identities else {}

    @property
    def has_agent(self) -> bool:
        return self.settings.agent.users is not None


def examine(
    settings: Settings, ask: Ask | None = None, more: Sequence[tuple[str, Look]] = ()
) -> Iterator[Diagnosis]:
    """Look at everything, one line after the other as it is found; never raises for what is not well.

    ``ask`` asks for OMERO's password where there is no other way in. ``more`` are further things to look at,
    by what they are called. A small data object is written for each path mapping, and removed again.
    """
    with ExitStack() as doors:
        patient = Patient(settings, ask, doors)
        looks: Sequence[tuple[str, Callable[[Patient], Diagnoses]]] = (
            ("users file", _users_file),
            ("irods", _zone),
            ("omero", _server),
            ("clocks", _clocks),
            ("agent", _agent),
            ("scripts", _scripts),
            ("paths", _paths),
        )
        ours: Sequence[tuple[str, Look]] = [(check, partial(look, patient)) for check, look in looks]
        for check, look in (*ours, *more):
            yield from looked_at(check, look)


def _users_file(patient: Patient) -> Diagnoses:
    file = patient.settings.agent.users
    if file is None:
        yield skipped("users file", "there is no agent here: agent.users is not set")
        return
    service_account(patient.settings.omero)
    patient.identities = Identities.read(file, never=[service_user_in_irods(patient.settings)])
    yield ok("users file", f"{file} can be read")


def _zone(patient: Patient) -> Diagnoses:
    account = account_from_environment(patient.settings.irods.environment_file)
    patient.zone = about_zone(account, patient.names.values())
    yield from zone.look_at_zone(account, patient.zone)
    patient.store = patient.doors.enter_context(open_object_store(patient.settings))
    patient.ahead["iRODS"] = patient.store.time_there() - time.time()


def _server(patient: Patient) -> Diagnoses:
    opened = open_connection(patient.settings, patient.ask)
    patient.connection = patient.doors.enter_context(opened)
    patient.server = about_server(patient.connection)
    patient.ahead["OMERO"] = patient.server.time - time.time()
    yield from server.look_at_server(patient.connection.identity, patient.server)


def _clocks(patient: Patient) -> Diagnoses:
    yield from server.clocks(patient.ahead)


def _agent(patient: Patient) -> Diagnoses:
    agent = patient.settings.agent
    if patient.has_agent:
        yield from _service(patient)
    elif agent.url is None:
        yield skipped("agent", "there is none: neither agent.users nor agent.url is set")
    yield from local.look_at_agent(agent)


def _service(patient: Patient) -> Diagnoses:
    if patient.server and patient.connection:
        yield from accounts.service_in_omero(patient.connection.identity.user, patient.server)
    if patient.zone:
        yield from accounts.service_in_irods(patient.zone)
    if patient.identities and patient.zone and patient.connection:
        known = users_known(patient.connection, patient.names)
        yield from accounts.people(patient.identities, known, patient.zone.users)
    yield from local.look_at_database(patient.settings.agent)


def _scripts(patient: Patient) -> Diagnoses:
    if not patient.has_agent:
        return
    if patient.connection is None:
        yield skipped("scripts", "OMERO does not answer: nobody could look")
        return
    found = list_installed(OmeroScripts(patient.connection))
    yield from scripts.look_at_scripts(found, patient.settings.agent.page_url)


def _paths(patient: Patient) -> Diagnoses:
    settings = patient.settings
    if not settings.paths:
        yield skipped("paths", "no setting says where OMERO sees files of iRODS: nothing can be in place")
        return
    if patient.store is None:
        yield skipped("paths", "iRODS does not answer: nothing can be proved")
    else:
        yield from folders.look_at_paths(patient.store, settings.paths, mounts_of(settings))
    if patient.server is not None:
        yield folders.look_at_repository(_repository(settings, patient.server))


def _repository(settings: Settings, about: AboutServer) -> Path:
    """Where this computer has the ManagedRepository."""
    if settings.omero.managed_repository is not None:
        return settings.omero.managed_repository
    return Path(mounts_of(settings).here(PurePosixPath(about.repository)))
