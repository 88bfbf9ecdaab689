"""The stock ``omero`` command does its work on the embedded server and says what it says elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.conftest import LogIn
from tests.interop.images import fake, write_multi_file, write_tiff
from tests.interop.omero_command import CommandFailed, Finished, OmeroCommand
from tests.wire.omero_server.conftest import Group, MakeUser, User

MakeGroup = Callable[..., Group]

SCRIPT = """
import omero.scripts as scripts
from omero.rtypes import rstring

client = scripts.client("Doubling.py", "Doubles a number", scripts.Int("Number", optional=False))
try:
    number = client.getInput("Number").getValue()
    print(f"doubling {number}")
    client.setOutput("Message", rstring(f"twice {number} is {2 * number}"))
finally:
    client.closeSession()
"""


def made(finished: Finished) -> str:
    """The object that a command says it made, e.g. ``Dataset:3``."""
    return re.search(r"^(\w+:\d+)$", finished.out, re.MULTILINE)[1]  # type: ignore[index]


def id_of(named: str) -> str:
    return named.partition(":")[2]


def one_value(omero: OmeroCommand, query: str) -> str:
    """The first column of the only row that HQL finds."""
    _header, row = omero("hql", "-q", "--style", "csv", query).lines
    return row.split(",")[1]


@pytest.fixture
def image(omero: OmeroCommand) -> str:
    """An imported image of the user."""
    return made(omero("import", write_tiff(omero.folder / "cells.tif")))


# -- sessions


def test_login_tells_whose_session_it_is(omero: OmeroCommand, user: User) -> None:
    assert f"session for {user.name}@" in omero("login").errors


def test_login_with_a_wrong_password_is_refused(server: OmeroServer, user: User, tmp_path: Path) -> None:
    command = OmeroCommand(tmp_path)
    arguments = ("login", "-s", server.host, "-p", server.ssl_port, "-u", user.name, "--retry", "0")
    refused = command.run(*arguments, OMERO_PASSWORD="wrong")
    assert refused.status != 0
    assert "Login failed" in refused.errors or "Password check failed" in refused.errors


def test_sessions_lists_the_login_and_logout_ends_it(omero: OmeroCommand, user: User) -> None:
    key = omero("sessions", "key").out.strip()
    assert key in omero("sessions", "list").out
    assert user.name in omero("sessions", "who").out
    omero("logout")
    assert key not in omero("sessions", "list").out


def test_sessions_group_changes_the_group_of_what_is_made(
    log_in: LogIn, make_group: MakeGroup, make_user: MakeUser
) -> None:
    first, second = make_group(), make_group()
    omero = log_in(make_user(first, second))
    assert made(omero("sessions", "group")) == f"ExperimenterGroup:{first.id}"
    omero("sessions", "group", second.name)
    dataset = made(omero("obj", "new", "Dataset", "name=second"))
    query = f"select d.details.group.id from Dataset d where d.id = {id_of(dataset)}"
    assert one_value(omero, query) == str(second.id)


def test_an_administrator_opens_a_session_for_a_user(as_root: OmeroCommand, user: User) -> None:
    opened = as_root("sessions", "open", "--user-name", user.name)
    assert re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", opened.out + opened.errors)


# -- obj and hql


def test_obj_makes_changes_and_reads_objects(omero: OmeroCommand) -> None:
    project = made(omero("obj", "new", "Project", "name=a project"))
    dataset = made(omero("obj", "new", "Dataset", "name=a dataset"))
    omero("obj", "new", "ProjectDatasetLink", f"parent={project}", f"child={dataset}")
    omero("obj", "update", dataset, "description=of cells")
    assert omero("obj", "get", dataset, "description").out.strip() == "of cells"
    omero("obj", "null", dataset, "description")
    assert one_value(omero, "select count(d) from Dataset d where d.description is null") == "1"
    query = f"select l.child.name from ProjectDatasetLink l where l.parent.id = {id_of(project)}"
    assert one_value(omero, query) == "a dataset"


def test_obj_sets_the_pairs_of_a_map_annotation(omero: OmeroCommand) -> None:
    annotation = made(omero("obj", "new", "MapAnnotation", "ns=test"))
    omero("obj", "map-set", annotation, "mapValue", "stain", "DAPI")
    assert omero("obj", "map-get", annotation, "mapValue", "stain").out.strip() == "DAPI"


def test_hql_pages_and_counts(omero: OmeroCommand) -> None:
    for name in "abc":
        omero("obj", "new", "Dataset", f"name={name}")
    found = omero(
        "hql", "-q", "--limit", "2", "--style", "csv", "select d.name from Dataset d order by d.name"
    )
    assert found.lines == ["#,Col1", "0,a", "1,b"]


def test_hql_that_is_not_understood_names_the_query(omero: OmeroCommand) -> None:
    with pytest.raises(CommandFailed, match=r"ApiUsageException[\s\S]*select d frum Dataset d"):
        omero("hql", "-q", "select d frum Dataset d")


# -- tag


def test_tag_makes_tags_and_sets_and_shows_them_as_a_tree(omero: OmeroCommand, image: str) -> None:
    tag = made(omero("tag", "create", "--name", "mitosis", "--desc", "dividing"))
    orphan = made(omero("tag", "create", "--name", "alone", "--desc", ""))
    tag_set = made(omero("tag", "createset", "--tag", id_of(tag), "--name", "phases", "--desc", ""))
    tree = omero("tag", "list").out
    assert f"+- {id_of(tag_set)}:'phases'" in tree
    assert f"| +- {id_of(tag)}:'mitosis'" in tree
    assert f"> {id_of(orphan)}:'alone'" in tree
    assert "phases" in omero("tag", "listsets").out
    omero("tag", "link", image, id_of(tag))
    query = f"select l.child.id from ImageAnnotationLink l where l.parent.id = {id_of(image)}"
    assert one_value(omero, query) == id_of(tag)


# -- user and group


def test_user_adds_a_user_who_can_log_in(as_root: OmeroCommand, log_in: LogIn, make_group: MakeGroup) -> None:
    group = make_group()
    added = as_root("user", "add", "ada", "Ada", "Lovelace", group.name, "-P", "engine")
    user_id = re.search(r"Added user ada \(id=(\d+)\)", added.out)
    assert user_id is not None
    omero = log_in(User(int(user_id[1]), "ada", "engine", group.id))
    row = next(line for line in omero("user", "list", "--style", "csv").lines if ",ada," in line)
    assert row == f"{user_id[1]},ada,Ada,Lovelace,,Yes,False,,{group.id},"


def test_user_joins_and_leaves_a_group(
    as_root: OmeroCommand, make_group: MakeGroup, make_user: MakeUser
) -> None:
    group, user = make_group(), make_user()
    as_root("user", "joingroup", "--name", user.name, group.name)
    assert f"{user.group_id},{group.id}" in as_root("user", "info", user.name).out
    as_root("user", "leavegroup", "--name", user.name, group.name)
    assert f"{user.group_id},{group.id}" not in as_root("user", "info", user.name).out


def test_group_adds_a_group_and_changes_its_members_and_permissions(
    as_root: OmeroCommand, user: User
) -> None:
    as_root("group", "add", "microscopists", "--type", "read-annotate")
    as_root("group", "adduser", "--name", "microscopists", user.name)
    as_root("group", "perms", "--name", "microscopists", "--type", "read-write")
    (_, row) = as_root("group", "info", "microscopists", "--style", "csv").lines
    assert row.split(",")[1:] == ["microscopists", "rwrw--", "False", "0", "1"]
    as_root("group", "removeuser", "--name", "microscopists", user.name)
    (_, row) = as_root("group", "info", "microscopists", "--style", "csv").lines
    assert row.endswith(",0")


# -- delete, chown, chgrp


def test_delete_removes_an_image_with_its_fileset_and_files(
    omero: OmeroCommand, server: OmeroServer, image: str
) -> None:
    path = one_value(omero, "select concat(f.path, f.name) from OriginalFile f where f.name = 'cells.tif'")
    file = server.storage.managed / path
    assert file.exists()
    dry = omero("delete", image, "--dry-run", "--report").out
    assert "Dry run performed" in dry
    assert file.exists()
    report = omero("delete", image, "--report").out
    assert image in report
    assert "Fileset:" in report
    assert not file.exists()
    assert "(0 rows)" in omero("hql", "-q", "select i.id from Image i").out


def test_delete_of_what_is_not_there_says_so(omero: OmeroCommand) -> None:
    assert "graph-fail" in omero.run("delete", "Dataset:99999999").errors


def test_delete_leaves_what_is_excluded(omero: OmeroCommand) -> None:
    dataset = made(omero("obj", "new", "Dataset", "name=to delete"))
    image = made(omero("import", "-d", id_of(dataset), fake(omero.folder, "kept")))
    omero("delete", dataset, "--exclude", "Image")
    assert omero("obj", "get", image, "name").out.strip() == "kept.fake"
    assert "(0 rows)" in omero("hql", "-q", "select d.id from Dataset d").out


def test_chgrp_moves_an_image_with_its_dataset(
    log_in: LogIn, make_group: MakeGroup, make_user: MakeUser
) -> None:
    first, second = make_group(), make_group()
    omero = log_in(make_user(first, second))
    dataset = made(omero("obj", "new", "Dataset", "name=moving"))
    image = made(omero("import", "-d", id_of(dataset), fake(omero.folder, "moved")))
    report = omero("chgrp", f"ExperimenterGroup:{second.id}", dataset, "--report").out
    assert image in report
    omero("sessions", "group", second.name)
    assert one_value(omero, "select i.details.group.id from Image i") == str(second.id)


def test_chown_gives_an_image_to_another_user(
    log_in: LogIn, as_root: OmeroCommand, make_group: MakeGroup, make_user: MakeUser
) -> None:
    group = make_group("rwr---")
    giver, taker = make_user(group), make_user(group)
    omero = log_in(giver)
    image = made(omero("import", fake(omero.folder, "given")))
    as_root("chown", taker.name, image)
    assert one_value(omero, "select i.details.owner.id from Image i") == str(taker.id)


# -- files


def test_import_uploads_the_file_into_the_dataset(omero: OmeroCommand, server: OmeroServer) -> None:
    dataset = made(omero("obj", "new", "Dataset", "name=imported"))
    source = write_tiff(omero.folder / "seen.tif", width=20, height=10)
    image = made(omero("import", "-d", id_of(dataset), "-n", "a name", source))
    query = "select {} from Image i join i.pixels p join i.datasetLinks l join i.fileset f join f.usedFiles u"
    for asked, expected in {
        "i.id": id_of(image),
        "i.name": "a name",
        "p.sizeX": "20",
        "p.sizeY": "10",
        "l.parent.id": id_of(dataset),
        "u.originalFile.hash": hashlib.sha1(source.read_bytes()).hexdigest(),
    }.items():
        assert one_value(omero, query.format(asked)) == expected


def test_import_prints_pixels_and_yaml_when_asked(omero: OmeroCommand) -> None:
    source = write_tiff(omero.folder / "printed.tif")
    pixels = omero("import", "--output", "legacy", source).out.strip()
    assert one_value(omero, f"select p.id from Pixels p where p.id = {pixels}") == pixels
    assert re.fullmatch(
        r"---\n- Fileset: \d+\n  Image: \[\d+\]\n", omero("import", "--output", "yaml", source).out
    )


def test_import_in_place_leaves_a_link(omero: OmeroCommand, server: OmeroServer) -> None:
    source = write_tiff(omero.folder / "linked.tif")
    omero("import", "--transfer=ln_s", source)
    path = one_value(omero, "select concat(f.path, f.name) from OriginalFile f where f.name = 'linked.tif'")
    assert (server.storage.managed / path).readlink() == source


def test_import_takes_files_together_that_belong_together(omero: OmeroCommand) -> None:
    folder = omero.folder / "acquisition"
    write_multi_file(folder)
    write_tiff(folder / "overview.tif")
    (folder / "notes.txt").write_text("not an image")
    imported = omero("import", folder).lines
    assert len(imported) == 2
    found = omero(
        "hql", "-q", "--style", "csv", "select size(f.usedFiles) from Fileset f order by f.id"
    ).lines
    assert found[1:] == ["0,2", "1,1"]


def test_import_of_a_plate_makes_a_plate(omero: OmeroCommand) -> None:
    plate = made(omero("import", fake(omero.folder, "screened&plates=1&plateRows=2&plateCols=3&fields=1")))
    assert plate.startswith("Plate:")
    assert one_value(omero, f"select count(w) from Well w where w.plate.id = {id_of(plate)}") == "6"


def test_import_of_what_is_no_image_fails(omero: OmeroCommand) -> None:
    (omero.folder / "text.tif").write_text("not an image")
    failed = omero.run("import", omero.folder / "text.tif")
    assert failed.status != 0
    assert "Unknown file format" in failed.errors


def test_download_brings_back_the_bytes_that_were_imported(omero: OmeroCommand) -> None:
    source = write_tiff(omero.folder / "returned.tif")
    image = made(omero("import", source))
    omero("download", image, omero.folder / "downloaded")
    assert (omero.folder / "downloaded" / "returned.tif").read_bytes() == source.read_bytes()


def test_download_of_a_file_annotation(omero: OmeroCommand) -> None:
    (omero.folder / "table.csv").write_text("a,b\n1,2\n")
    file = made(omero("upload", omero.folder / "table.csv"))
    annotation = made(omero("obj", "new", "FileAnnotation", f"file={file}"))
    omero("download", annotation, omero.folder / "back.csv")
    assert (omero.folder / "back.csv").read_text() == "a,b\n1,2\n"


def test_export_writes_an_ome_tiff_with_the_same_pixels(omero: OmeroCommand) -> None:
    source = write_tiff(omero.folder / "pixels.tif")
    image = made(omero("import", source))
    omero("export", "--file", omero.folder / "exported.tiff", image)
    with tifffile.TiffFile(omero.folder / "exported.tiff") as exported:
        assert exported.is_ome
        assert (exported.asarray() == tifffile.imread(source)).all()


def test_fs_lists_repositories_filesets_and_files(
    omero: OmeroCommand, server: OmeroServer, image: str
) -> None:
    assert str(server.storage.managed) in omero("fs", "repos").out
    fileset = one_value(omero, f"select i.fileset.id from Image i where i.id = {id_of(image)}")
    (_, row) = omero("fs", "sets", "--style", "csv").lines
    assert row.split(",")[1] == fileset
    listed = omero("fs", "ls", f"Fileset:{fileset}").out.strip()
    assert listed.endswith("/cells.tif")
    size = (server.storage.managed / listed).stat().st_size
    used = re.search(r"Total disk usage: (\d+) bytes in (\d+) files", omero("fs", "usage", image).out)
    assert used is not None
    assert int(used[1]) > size  # the thumbnail counts, too


# -- script


def test_script_uploads_lists_and_runs_a_script(omero: OmeroCommand, as_root: OmeroCommand) -> None:
    (as_root.folder / "Doubling.py").write_text(SCRIPT)
    script = made(as_root("script", "upload", "--official", "Doubling.py"))
    assert "Doubling.py" in omero("script", "list").out
    parameters = omero("script", "params", id_of(script)).out
    assert "Doubles a number" in parameters
    assert "Number" in parameters
    assert "doubling {number}" in omero("script", "cat", id_of(script)).out
    launched = omero("script", "launch", id_of(script), "Number=21")
    assert "twice 21 is 42" in launched.out
    assert "doubling 21" in launched.out
