"""Imports by the stock ``omero import``, with the shim of the interoperability tests in place of Java."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from omero_irods_bridge.adapters.omero import import_command
from omero_irods_bridge.adapters.omero.import_command import CommandImporter, parse_yaml
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.errors import ImportFailed, Interrupted, NotFound
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.imports import ImportMark, ImportOptions
from tests.interop.omero_command import OmeroCommand
from tests.wire.bridge_import.sources import Look
from tests.wire.omero_server.conftest import Client

MARK = ImportMark("load-1", "/zone/a.zip", "Fileset:3")

RUN = "import sys; from omero.cli import argv; sys.exit(argv(['omero', *sys.argv[1:]]))"
"""What the ``omero`` script does, but for its refusal to run as root."""


@pytest.fixture
def importer(client: Client, tmp_path: Path) -> CommandImporter:
    command = OmeroCommand(tmp_path)  # prepares a class path, so that none is downloaded
    return CommandImporter(client, [sys.executable, "-c", RUN], command._environment())


def fake(folder: Path, name: str = "cells") -> Path:
    path = folder / f"{name}.fake"
    path.touch()
    return path


def test_the_command_imports_and_the_fileset_is_marked(
    importer: CommandImporter, client: Client, look: Look, tmp_path: Path
) -> None:
    imported = importer.import_file(
        fake(tmp_path, "cells&series=3"), ImportOptions(mark=MARK, images=3, name="mine")
    )
    assert look.series(imported.images) == [0, 1, 2]
    assert look.names(imported.images[:1])[0].startswith("mine [")
    (found,) = OmeroImporter(client).find_marked("load-1")
    assert (found.id, found.complete, found.images) == (imported.fileset, True, imported.images)
    assert look.rows("select f.name from OriginalFile f where f.id = :id", id=imported.files[0]) == [
        ["cells&series=3.fake"]
    ]


def test_plates_are_told(importer: CommandImporter, look: Look, tmp_path: Path) -> None:
    name = "plate&plates=1&plateRows=1&plateCols=2&fields=1&sizeX=8&sizeY=8"
    imported = importer.import_file(fake(tmp_path, name), ImportOptions())
    (plate,) = imported.plates
    assert look.rows("select p.id from Plate p where p.id = :id", id=plate) == [[plate]]
    assert len(imported.images) == 2


def test_the_session_is_still_there_afterwards_and_no_key_was_in_our_arguments(
    client: Client, tmp_path: Path
) -> None:
    script = tmp_path / "omero"
    script.write_text(
        '#!/bin/sh\necho "$@" > "$0.arguments"\nls -lR "$OMERO_SESSIONDIR" > "$0.store"\nexit 3\n'
    )
    script.chmod(0o755)
    with pytest.raises(ImportFailed, match="status 3"):
        CommandImporter(client, [str(script)]).import_file(fake(tmp_path), ImportOptions())
    assert client.getSessionId() not in Path(f"{script}.arguments").read_text()
    store = Path(f"{script}.store").read_text()
    assert client.getSessionId() in store
    modes = [line.split()[0] for line in store.splitlines() if line.startswith(("-", "d"))]
    assert set(modes) == {"drwx------", "-rw-------"}
    assert client.getSession().getAdminService().getEventContext().userId > 0


def test_what_the_command_says_of_a_failure_is_told(importer: CommandImporter, tmp_path: Path) -> None:
    text = tmp_path / "letter.doc"
    text.write_text("no pixels")
    with pytest.raises(ImportFailed, match=r"letter\.doc"):
        importer.import_file(text, ImportOptions())


def test_a_command_or_file_that_is_not_there_is_not_found(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cannot be started"):
        CommandImporter(client, [str(tmp_path / "omero")]).import_file(fake(tmp_path), ImportOptions())
    with pytest.raises(NotFound, match="is not a file"):
        CommandImporter(client).import_file(tmp_path / "missing", ImportOptions())


def test_a_cancelled_command_is_ended(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_command, "_LOOK_S", 0.05)
    script = tmp_path / "omero"
    script.write_text('#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 600\n')
    script.chmod(0o755)
    cancel = CancelToken()

    class Started(CancelToken):
        def check(self) -> None:
            if Path(f"{script}.pid").exists() and Path(f"{script}.pid").read_text():
                cancel.cancel()
            cancel.check()

    with pytest.raises(Interrupted):
        CommandImporter(client, [str(script)]).import_file(fake(tmp_path), ImportOptions(), cancel=Started())
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path(f"{script}.pid").read_text()), 0)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("", []),
        ("---\n- Fileset: 5\n  Image: [1,2]\n", [{"Fileset": [5], "Image": [1, 2]}]),
        (
            "---\n- Fileset: 5\n  Image: [1, 2]\n  Plate: [7]\n---\n- Fileset: 6\n  Image: []\n",
            [{"Fileset": [5], "Image": [1, 2], "Plate": [7]}, {"Fileset": [6], "Image": []}],
        ),
    ],
)
def test_yaml_is_read(output: str, found: object) -> None:
    assert parse_yaml(output) == found


@pytest.mark.parametrize(
    "output", ["Image:1,2\n", "---\n  Image: [1]\n", "- Fileset: x\n", "- Fileset: 5\n  Image: {1}"]
)
def test_other_output_is_refused(output: str) -> None:
    with pytest.raises(ImportFailed, match="not expected"):
        parse_yaml(output)
