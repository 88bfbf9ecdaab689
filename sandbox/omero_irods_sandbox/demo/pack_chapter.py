"""Pack: a dataset of OMERO becomes a snapshot in iRODS, which is found there and looked into."""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.stage import Stage
from omero_irods_sandbox.demo.zone_chapter import paths_with, session_of

TARGET: Final = "/{zone}/home/{irods_user}/{name}.zip"


def play(stage: Stage, narrator: Narrator) -> None:
    """There is a sealed snapshot in iRODS afterwards."""
    stage.person.settings.write_text(f'[snapshots]\ntarget = "{TARGET}"\n')
    _look_first(stage, narrator)
    _pack(stage, narrator)
    _list(stage, narrator)
    _show(stage, narrator)
    _ask_irods(stage, narrator)


def _look_first(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "See what would be packed",
        "Which objects and files, how much, where to, and what is in the way. Nothing is written.",
    )
    finished = stage.person.types(f"omero-irods pack Dataset:{stage.dataset} --dry-run", narrator)
    narrator.check("nothing was written" in finished.out, "a plan, and nothing else")


def _pack(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Pack it",
        "Bytes go from OMERO to iRODS without a file in between. OMERO's hash of each file is checked on the "
        "way; the snapshot gets its name last, when what arrived was compared with what was sent.",
    )
    finished = stage.person.types(f"omero-irods pack Dataset:{stage.dataset}", narrator)
    stage.snapshot = f"{stage.home}/microscopy.zip"
    narrator.check(
        stage.snapshot in finished.out and "sealed" in finished.out, "a sealed snapshot: one zip in iRODS"
    )


def _list(stage: Stage, narrator: Narrator) -> None:
    narrator.step("List snapshots", "AVUs say what is in each, so that none is opened.")
    finished = stage.person.types("omero-irods list", narrator)
    narrator.check(stage.snapshot in finished.out, "the snapshot is listed")


def _show(stage: Stage, narrator: Narrator) -> None:
    narrator.step("Look into it", "Of the zip only the end is read, where its contents are listed.")
    finished = stage.person.types(f"omero-irods show {stage.snapshot} --tree", narrator)
    narrator.check(all(name in finished.out for name in stage.images), "all images are in it, by name")


def _ask_irods(stage: Stage, narrator: Narrator) -> None:
    image = next(iter(stage.images.values()))
    narrator.step(
        "Find it without the bridge",
        "The AVUs are there for every client of iRODS. Which snapshot has a certain image?",
    )
    narrator.command(
        "query = session.query(Collection.name, DataObject.name)\n"
        'query = query.filter(DataObjectMeta.name == "omero::image")\n'
        f'query.filter(DataObjectMeta.value == "{image}").all()',
        ">>>",
    )
    with session_of(stage) as session:
        found = paths_with(session, "omero::image", str(image))
        avus = session.data_objects.get(stage.snapshot).metadata.items()
    narrator.check(
        found == [stage.snapshot], f"{stage.snapshot} has Image:{image}; {len(avus)} AVUs describe it"
    )
