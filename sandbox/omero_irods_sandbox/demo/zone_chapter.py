"""iRODS for those who know OMERO: an account, data objects, and AVUs."""

from __future__ import annotations

import json

from irods.models import Collection, DataObject, DataObjectMeta
from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_sandbox.demo.images import microscope_images
from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.person import Person
from omero_irods_sandbox.demo.stage import Stage


def play(stage: Stage, narrator: Narrator) -> None:
    """Alice has an account in iRODS afterwards, and the two files that iinit writes."""
    _log_in(stage, narrator)
    with session_of(stage) as session:
        _describe(stage, session, narrator)


def session_of(stage: Stage) -> iRODSSession:
    """A session of the person's with the unmodified python-irodsclient."""
    person, zone = stage.person, stage.zone
    return iRODSSession(
        host=zone.host, port=zone.port, user=person.name, password=person.password, zone=zone.zone
    )


def _log_in(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Alice logs in to iRODS",
        "iinit keeps server, user and password in two files. The bridge uses these; nothing is set twice.",
    )
    narrator.command("iinit")
    person = stage.person
    add_account(stage, person, "rodsuser")
    narrator.outcome(f"{person.name}, an ordinary user, with the home collection {stage.home}")


def add_account(stage: Stage, person: Person, kind: str) -> str:
    """An account in iRODS, and the two files that iinit writes; its type as iRODS has it."""
    zone = stage.zone
    with iRODSSession(
        host=zone.host, port=zone.port, user=zone.admin, password=zone.password, zone=zone.zone
    ) as admin:
        made = admin.users.create(person.name, kind)
        admin.users.modify(person.name, "password", person.password)
    environment = json.loads(zone.environment_file.read_text())
    environment["irods_user_name"] = person.name
    person.irods_environment.write_text(json.dumps(environment, indent=2))
    person.irods_password.touch(mode=0o600)
    person.irods_password.write_text(encode(person.password))
    return str(made.type)


def _describe(stage: Stage, session: iRODSSession, narrator: Narrator) -> None:
    narrator.step(
        "What iRODS does",
        "It keeps data objects in collections, their checksums, and AVUs: attribute, value, unit. "
        "Queries over AVUs answer without opening a file.",
    )
    image = microscope_images()[0]
    path = f"{stage.home}/{image.name}"
    narrator.command(
        f'path = "{path}"\n'
        f'session.data_objects.put("{image.name}", path)\n'
        f'session.data_objects.get(path).metadata.add("modality", "{image.modality}")\n'
        "query = session.query(Collection.name, DataObject.name)\n"
        f'query.filter(DataObjectMeta.value == "{image.modality}").all()',
        ">>>",
    )
    session.data_objects.put(str(image.path), path)
    session.data_objects.get(path).metadata.add("modality", image.modality)
    found = paths_with(session, "modality", image.modality)
    narrator.check(found == [path], f"the query finds {path}")


def paths_with(session: iRODSSession, attribute: str, value: str) -> list[str]:
    """Data objects with an AVU."""
    query = session.query(Collection.name, DataObject.name)
    described = query.filter(DataObjectMeta.name == attribute, DataObjectMeta.value == value)
    return sorted(f"{row[Collection.name]}/{row[DataObject.name]}" for row in described)
