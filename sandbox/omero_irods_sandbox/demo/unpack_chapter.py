"""Unpack: the snapshot becomes objects of another OMERO, is compared with it, and taken back."""

from __future__ import annotations

import re
import shutil
from typing import Final

from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.omero_chapter import gateway_of, make_user
from omero_irods_sandbox.demo.person import Person
from omero_irods_sandbox.demo.stage import Stage

_DIFFERENT: Final = 5
"""Exit status of diff when something differs."""
_VICTIM: Final = "retina.jpg"
_NEW_NAME: Final = "left eye"


def play(stage: Stage, narrator: Narrator) -> None:
    """The other OMERO is as empty afterwards as before."""
    alice = _moves(stage, narrator)
    dataset = _unpack(stage, alice, narrator)
    _compare(stage, alice, dataset, narrator)
    _undo(stage, alice, narrator)


def _moves(stage: Stage, narrator: Narrator) -> Person:
    """Alice, on another computer."""
    narrator.step(
        "Alice moves to another institute",
        "There is another OMERO, and the same iRODS. She logs in there; it knows nothing of her images.",
    )
    alice = Person.moves_in(stage.person.name, stage.person.home.with_name("elsewhere"))
    with gateway_of(stage.other, "root", stage.other.root_password) as root:
        make_user(root, alice.name, alice.password)
    for theirs, hers in (
        (stage.person.irods_environment, alice.irods_environment),
        (stage.person.irods_password, alice.irods_password),
        (stage.person.settings, alice.settings),
    ):
        shutil.copy(theirs, hers)
    server = stage.other
    alice.types(
        f"omero login {alice.name}@{server.host}:{server.ssl}", narrator, OMERO_PASSWORD=alice.password
    )
    return alice


def _unpack(stage: Stage, alice: Person, narrator: Narrator) -> int:
    """The id of the dataset there."""
    narrator.step(
        "Unpack the snapshot",
        "Files go from iRODS into OMERO, each compared with its hash on the way; then tags, key-values, "
        "regions and settings are made. Killed at any moment, the same command goes on.",
    )
    finished = alice.types(f"omero-irods unpack {stage.snapshot}", narrator)
    found = re.search(r"is now Dataset:(\d+)", finished.out)
    narrator.expect(found is not None, "the dataset has a new id")
    assert found is not None
    with gateway_of(stage.other, alice.name, alice.password) as gateway:
        names = {image.getName() for image in gateway.getObject("Dataset", int(found[1])).listChildren()}
    narrator.check(
        names == set(stage.images), f"{len(names)} images in Dataset:{found[1]} of the other OMERO"
    )
    return int(found[1])


def _compare(stage: Stage, alice: Person, dataset: int, narrator: Narrator) -> None:
    narrator.step(
        "Is it the same?",
        "OMERO is read again and compared with the snapshot, object by object, whatever their ids are there.",
    )
    finished = alice.types(f"omero-irods diff {stage.snapshot}", narrator)
    narrator.check(finished.out.startswith("Identical"), "nothing is missing, added or changed")
    narrator.step("Rename an image, and compare again", "What changed is named, and the exit status says so.")
    narrator.command(f'image.setName("{_NEW_NAME}")\nimage.save()', ">>>")
    with gateway_of(stage.other, alice.name, alice.password) as gateway:
        children = gateway.getObject("Dataset", dataset).listChildren()
        image = next(one for one in children if one.getName() == _VICTIM)
        image.setName(_NEW_NAME)
        image.save()
    finished = alice.types(f"omero-irods diff {stage.snapshot}", narrator, status=_DIFFERENT)
    told = f"name '{_VICTIM}' -> '{_NEW_NAME}'" in finished.out
    narrator.check(told, f"just the new name is told; exit status {_DIFFERENT}")


def _undo(stage: Stage, alice: Person, narrator: Narrator) -> None:
    narrator.step(
        "Take it back",
        "OMERO remembers each load: from where, when, by whom, and what became of each object. "
        "Undo removes just what it made.",
    )
    listed = alice.types("omero-irods loads", narrator)
    found = re.search(r"\b[0-9a-f]{24}\b", listed.out)
    narrator.expect(found is not None, "the load is listed")
    assert found is not None
    alice.types(f"omero-irods undo {found[0]}", narrator)
    with gateway_of(stage.other, alice.name, alice.password) as gateway:
        left = sum(1 for kind in ("Dataset", "Image", "TagAnnotation") for _ in gateway.getObjects(kind))
    narrator.check(left == 0, "the other OMERO has no dataset, image or tag of hers any more")
