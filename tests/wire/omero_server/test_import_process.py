"""The managed repository takes the files of an import (omero-semantics.md, section 1)."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import omero
import pytest
from omero.rtypes import rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer
from omero_irods_sandbox.omero_server.storage.checksums import ALGORITHMS
from tests.wire.omero_server import import_client
from tests.wire.omero_server.conftest import Client, Connect, Group, MakeUser, User
from tests.wire.omero_server.import_client import Options

CONTENT = b"These are no pixels."


def original_files(client: Client, process: Any) -> list[Any]:
    """The files of an import, in the order of its entries."""
    fileset_id = fileset_of(client, process).id.val
    query = "select f from FilesetEntry e join e.originalFile f where e.fileset.id = :id order by e.id"
    parameters = omero.sys.ParametersI().addId(fileset_id)
    return list(
        client.getSession().getQueryService().findAllByQuery(query, parameters, import_client.ALL_GROUPS)
    )


def fileset_of(client: Client, process: Any) -> Any:
    """The fileset of the newest import of this user."""
    query = "select f from Fileset f where f.details.owner.id = :id order by f.id desc"
    parameters = omero.sys.ParametersI().addId(user_id(client)).page(0, 1)
    return (
        client.getSession().getQueryService().findAllByQuery(query, parameters, import_client.ALL_GROUPS)[0]
    )


def user_id(client: Client) -> int:
    return int(client.getSession().getAdminService().getEventContext().userId)


def newest_directory(client: Client) -> list[str]:
    """Names in the newest template directory of this user."""
    repository = import_client.repository(client)
    context = client.getSession().getAdminService().getEventContext()
    path = f"{context.userName}_{context.userId}"
    for _level in range(3):
        path = max(name for name in repository.list(path) if not name.endswith(".log"))
    return [name.removeprefix(f"{path}/") for name in repository.list(path)]


def sent_as(client: Client, *client_paths: str, reader: str | None = None) -> list[str]:
    """Where files with these client paths go, below the template path."""
    process = import_client.start(client, client_paths, reader=reader)
    prefix = fileset_of(client, process).templatePrefix.val
    found = [file.path.val + file.name.val for file in original_files(client, process)]
    process.close()
    assert all(path.startswith(prefix) for path in found)
    return [path.removeprefix(prefix) for path in found]


# -- what a client must say


def test_a_fileset_without_files_is_refused(client: Client) -> None:
    with pytest.raises(omero.ApiUsageException, match="No paths provided"):
        import_client.start(client, [])


def test_an_import_without_a_checksum_algorithm_is_refused(client: Client) -> None:
    fileset = import_client.fileset(["a.txt"], Options())
    repository = import_client.repository(client)
    for settings in (None, omero.grid.ImportSettings()):
        with pytest.raises(omero.ApiUsageException, match="checksum algorithm"):
            repository.importFileset(fileset, settings)


def test_an_algorithm_that_nobody_knows_is_refused(client: Client) -> None:
    with pytest.raises(omero.ValidationException, match="SHA3-512"):
        import_client.start(client, ["a.txt"], Options(algorithm="SHA3-512"))


@pytest.mark.parametrize("count", [0, 2])
def test_any_other_number_of_jobs_than_one_is_refused_after_directories_were_made(
    client: Client, count: int
) -> None:
    fileset = import_client.fileset(["a.txt"], Options())
    fileset.clearJobLinks()
    for _job in range(count):
        fileset.linkJob(import_client.upload_job())
    with pytest.raises(omero.ValidationException, match="job link"):
        import_client.repository(client).importFileset(fileset, import_client.settings(Options()))
    assert newest_directory(client) == []


def test_a_job_of_another_kind_is_refused(client: Client) -> None:
    fileset = import_client.fileset(["a.txt"], Options())
    fileset.clearJobLinks()
    fileset.linkJob(omero.model.IndexingJobI())
    with pytest.raises(omero.ValidationException, match="non-UploadJob"):
        import_client.repository(client).importFileset(fileset, import_client.settings(Options()))


def test_nothing_is_imported_into_all_groups_at_once(client: Client) -> None:
    with pytest.raises(omero.ApiUsageException, match="-1"):
        import_client.start(client, ["a.txt"], Options(group=-1))


# -- where files go


def test_files_go_to_a_directory_of_the_user_and_the_moment(client: Client, user: User) -> None:
    process = import_client.start(client, ["a.txt"])
    prefix = fileset_of(client, process).templatePrefix.val
    assert re.fullmatch(rf"{user.name}_{user.id}/\d{{4}}-\d\d/\d\d/\d\d-\d\d-\d\d\.\d{{3}}/", prefix)


def test_two_imports_of_the_same_millisecond_get_a_directory_each(
    server: OmeroServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = server.clock.now_ms()
    monkeypatch.setattr(server.clock, "now_ms", lambda: now_ms)
    prefixes = []
    for _attempt in range(3):
        process = import_client.start(client, ["a.txt"])
        prefixes.append(fileset_of(client, process).templatePrefix.val)
    milliseconds = [int(prefix[-4:-1]) for prefix in prefixes]
    assert len(set(prefixes)) == 3
    assert milliseconds == [milliseconds[0] + later for later in range(3)] or 999 in milliseconds


def test_directories_belong_to_the_group_user_and_the_first_to_root(
    client: Client, user: User, make_user: MakeUser, connect: Connect
) -> None:
    import_client.start(client, ["a/b/c.txt"])
    other = connect(make_user()).c
    repository = import_client.repository(other)
    home = f"{user.name}_{user.id}"
    (top,) = [file for file in repository.listFiles("/") if file.name.val == home]
    (month,) = repository.listFiles(home)
    assert (top.details.owner.id.val, top.details.group.id.val) == (0, 1)
    assert (month.details.owner.id.val, month.details.group.id.val) == (user.id, 1)
    assert {top.mimetype.val, month.mimetype.val} == {"Directory"}


def test_three_parents_of_the_shortest_path_are_kept(client: Client) -> None:
    assert sent_as(client, "home/me/x/y/z/a.txt", "home/me/x/y/z/deep/b.txt") == [
        "x/y/z/a.txt",
        "x/y/z/deep/b.txt",
    ]


def test_a_reader_of_bioformats_keeps_no_shared_parent(client: Client) -> None:
    reader = "loci.formats.in.TiffReader"
    assert sent_as(client, "h/m/x/y/a.tif", "h/m/x/y/sub/b.tif", reader=reader) == ["a.tif", "sub/b.tif"]


def test_deep_paths_without_a_common_root_fail(client: Client) -> None:
    with pytest.raises(omero.InternalException):
        import_client.start(client, ["a/b/c/d/e.txt", "v/w/x/y/z.txt"])


def test_names_are_made_safe_and_client_paths_kept(client: Client) -> None:
    names = ["my:data/CON/aux.txt", "my:data/CON/<1>?.txt"]
    assert sent_as(client, *names) == ["my;data/CON_/_aux.txt", "my;data/CON_/[1]%.txt"]
    fileset = fileset_of(client, None)
    query = "select e.clientPath from FilesetEntry e where e.fileset.id = :id order by e.id"
    rows = client.getSession().getQueryService().projection(query, omero.sys.ParametersI().addId(fileset.id))
    assert [row[0].val for row in rows] == names


def test_two_files_that_become_one_are_refused_after_directories_were_made(client: Client) -> None:
    with pytest.raises(omero.ValidationException):
        import_client.start(client, ["d/a:b.txt", "d/a;b.txt"])
    assert newest_directory(client) == ["d"]


def test_a_name_too_long_for_the_disk_is_a_resource_error(client: Client) -> None:
    with pytest.raises(omero.ResourceError):
        import_client.start(client, ["n" * 300 + "/a.txt"])


def test_a_path_above_the_repository_is_refused(client: Client) -> None:
    above = "/".join([".."] * 9)  # the short path keeps it from being trimmed
    with pytest.raises(omero.ValidationException, match="above root"):
        import_client.start(client, ["b.txt", f"{above}/a.txt"])


@pytest.mark.parametrize("path", ["d/../a.txt", "d/./a.txt"])
def test_a_path_with_dots_is_resolved_and_can_then_not_be_verified(client: Client, path: str) -> None:
    process = import_client.start(client, [path])
    hashes = [import_client.upload(process, 0, CONTENT)]
    with pytest.raises(omero.ChecksumValidationException) as refused:
        process.verifyUpload(hashes)
    assert refused.value.failingChecksums == {0: ""}


def test_dots_do_not_matter_when_a_reader_drops_the_shared_parents(client: Client) -> None:
    reader = "loci.formats.in.TiffReader"
    process = import_client.start(client, ["folder/./pixels/1.txt"], reader=reader)
    hashes = [import_client.upload(process, 0, CONTENT)]
    process.verifyUpload(hashes).close()


# -- uploading


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_computed_by_the_server(client: Client, algorithm: str) -> None:
    options = Options(algorithm=algorithm)
    process = import_client.start(client, ["a.txt"], options)
    expected = import_client.upload(process, 0, CONTENT, options)
    process.verifyUpload([expected]).close()
    (file,) = original_files(client, process)
    assert file.hash.val == expected


def test_a_crc_is_written_from_its_lowest_byte_on(client: Client) -> None:
    options = Options(algorithm="CRC-32")
    process = import_client.start(client, ["a.txt"], options)
    import_client.upload(process, 0, CONTENT, options)
    (file,) = original_files(client, process)
    assert file.hash.val == zlib.crc32(CONTENT).to_bytes(4, "little").hex()


def test_an_uploader_is_the_same_until_it_is_closed(client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    first = process.getUploader(0)
    first.write(CONTENT, 0, 7)
    assert process.getUploader(0) == first
    assert process.getUploadOffset(0) == 7
    first.close()
    assert process.getUploader(0) != first
    assert process.getUploadOffset(0) == 0


def test_an_uploader_is_null_when_it_cannot_be_opened(server: OmeroServer, client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    (file,) = original_files(client, process)
    with server.store.work(server.internal_caller()) as work:
        work.update("OriginalFile", file.id.val, d_owner=0)
    assert process.getUploader(0) is None


def test_there_is_no_uploader_for_a_file_that_is_not_in_the_fileset(client: Client) -> None:
    with pytest.raises(omero.InternalException):
        import_client.start(client, ["a.txt"]).getUploader(1)


def test_an_uploader_for_reading_does_not_write(client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    import_client.upload(process, 0, CONTENT)
    store = process.getUploader(0, import_client.READ_ONLY)
    assert store.size() == len(CONTENT)
    with pytest.raises(omero.SecurityViolation):
        store.write(b"x", 0, 1)


# -- verifying


@pytest.mark.parametrize("hashes", [[], ["a", "b"]])
def test_the_number_of_checksums_must_be_that_of_the_files(client: Client, hashes: list[str]) -> None:
    process = import_client.start(client, ["a.txt"])
    with pytest.raises(omero.ApiUsageException, match="hashes size should be 1"):
        process.verifyUpload(hashes)


def test_a_mismatch_tells_what_the_server_has_and_can_be_mended(client: Client) -> None:
    process = import_client.start(client, ["d/a.txt", "d/b.txt", "d/c.txt"])
    for index in (0, 1):
        import_client.upload(process, index, CONTENT)
    good, other = hashlib.sha1(CONTENT).hexdigest(), hashlib.sha1(b"other").hexdigest()
    with pytest.raises(omero.ChecksumValidationException) as refused:
        process.verifyUpload([good, other, good])
    assert refused.value.failingChecksums == {1: good, 2: ""}
    import_client.upload(process, 1, b"other" + bytes(len(CONTENT) - 5))
    uploader = process.getUploader(1)
    uploader.truncate(5)
    uploader.close()
    import_client.upload(process, 2, CONTENT)
    process.verifyUpload([good, other, good]).close()


def test_checksums_are_compared_letter_by_letter(client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    expected = import_client.upload(process, 0, CONTENT)
    with pytest.raises(omero.ChecksumValidationException):
        process.verifyUpload([expected.upper()])


def test_a_wrong_checksum_on_the_server_fails_the_upload(server: OmeroServer, client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    server.faults.wrong_hash()
    expected = import_client.upload(process, 0, CONTENT)
    with pytest.raises(omero.ChecksumValidationException):
        process.verifyUpload([expected])


# -- jobs and the log


def jobs_of(client: Client, fileset_id: int) -> dict[str, Any]:
    query = (
        "select j from FilesetJobLink l join l.child j join fetch j.status where l.parent.id = :id"
        " order by l.id"
    )
    parameters = omero.sys.ParametersI().addId(fileset_id)
    jobs = client.getSession().getQueryService().findAllByQuery(query, parameters)
    return {type(job).__name__: job for job in jobs}


def test_the_server_says_what_jobs_are_like_not_the_client(client: Client, user: User) -> None:
    fileset = import_client.fileset(["a.txt"], Options())
    job = fileset.copyJobLinks()[0].child
    job.username, job.message = rstring("somebody"), rstring("done")
    job.status = omero.model.JobStatusI()
    job.status.value = rstring("Finished")
    import_client.repository(client).importFileset(fileset, import_client.settings(Options()))
    found = jobs_of(client, fileset_of(client, None).id.val)["UploadJobI"]
    assert (found.username.val, found.message.val, found.status.value.val) == (user.name, "", "Submitted")
    assert {pair.name: pair.value for pair in found.versionInfo} == {"omero.version": "tests"}


def test_only_the_upload_is_finished_when_the_upload_is_verified(client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    process.verifyUpload([import_client.upload(process, 0, CONTENT)]).close()
    jobs = jobs_of(client, fileset_of(client, process).id.val)
    assert {name: job.status.value.val for name, job in jobs.items()} == {
        "UploadJobI": "Finished",
        "MetadataImportJobI": "Submitted",
        "PixelDataJobI": "Submitted",
        "ThumbnailGenerationJobI": "Submitted",
        "IndexingJobI": "Submitted",
    }


def test_without_thumbnails_there_is_no_job_for_them(client: Client) -> None:
    import_client.start(client, ["a.txt"], Options(thumbnails=False))
    assert "ThumbnailGenerationJobI" not in jobs_of(client, fileset_of(client, None).id.val)


def test_the_log_stands_beside_the_directory_and_can_be_downloaded(client: Client, tmp_path: Path) -> None:
    process = import_client.start(client, ["a.txt"])
    handle = process.verifyUpload([import_client.upload(process, 0, CONTENT)])
    with pytest.raises(import_client.ImportFailed):
        import_client.finish(client, handle)
    fileset = fileset_of(client, process)
    query = (
        "select o from FilesetJobLink l join l.parent as fs join l.child as j join j.originalFileLinks l2"
        " join l2.child as o where fs.id = :id and o.mimetype = 'application/omero-log-file'"
    )
    parameters = omero.sys.ParametersI().addId(fileset.id)
    log = client.getSession().getQueryService().findByQuery(query, parameters)
    assert log.path.val + log.name.val == fileset.templatePrefix.val.rstrip("/") + ".log"
    target = tmp_path / "log"
    client.download(log, str(target))
    assert log.size.val == target.stat().st_size > 0
    assert "error-on-init" in target.read_text()


# -- the process


def test_a_process_knows_its_settings_and_its_handle(client: Client) -> None:
    process = import_client.start(client, ["a.txt"], Options(name="a name"))
    assert process.getImportSettings().userSpecifiedName.val == "a name"
    assert process.getHandle() is None
    handle = process.verifyUpload([import_client.upload(process, 0, CONTENT)])
    assert process.getHandle() == handle


def test_a_handle_tells_which_fileset_it_imports(client: Client) -> None:
    process = import_client.start(client, ["a.txt"])
    handle = process.verifyUpload([import_client.upload(process, 0, CONTENT)])
    request = handle.getRequest()
    fileset = fileset_of(client, process)
    assert request.activity.parent.id.val == fileset.id.val
    assert request.activity.parent.templatePrefix.val == fileset.templatePrefix.val
    assert isinstance(request.activity.child, omero.model.MetadataImportJobI)
    assert request.location.usedFiles == ["a.txt"]
    assert request.logFile.mimetype.val == "application/omero-log-file"


def name_of(process: Any) -> str:
    """What is the same for all who have a proxy of it."""
    return str(process.ice_getIdentity().name)


def open_imports(client: Client) -> set[str]:
    return {name_of(process) for process in import_client.repository(client).listImports()}


def test_open_processes_are_listed_for_who_may_edit_their_filesets(
    client: Client, make_user: MakeUser, connect: Connect
) -> None:
    process = import_client.start(client, ["a.txt"])
    other = connect(make_user()).c
    assert name_of(process) in open_imports(client)
    assert name_of(process) not in open_imports(other)
    process.close()
    assert name_of(process) not in open_imports(client)
    assert import_client.is_gone(process)


def test_paths_alone_make_an_import(client: Client) -> None:
    process = import_client.repository(client).importPaths(["d/a.txt"])
    assert process.getImportSettings().checksumAlgorithm.value.val == "SHA1-160"
    process.verifyUpload([import_client.upload(process, 0, CONTENT)]).close()


# -- groups


def test_everything_is_in_the_group_of_the_call(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    first, second = make_group("rwr---"), make_group("rwr---")
    client = connect(make_user(first, second)).c
    process = import_client.start(client, ["a.txt"], Options(group=second.id))
    import_client.upload(process, 0, CONTENT)
    fileset = fileset_of(client, process)
    (file,) = original_files(client, process)
    assert {fileset.details.group.id.val, file.details.group.id.val} == {second.id}


@pytest.mark.parametrize("missing", ["WriteOwned", "WriteFile", "WriteManagedRepo", None])
def test_an_administrator_needs_three_privileges_to_import_where_he_is_no_member(
    missing: str | None, make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwr---")
    privileges = [name for name in ("WriteOwned", "WriteFile", "WriteManagedRepo") if name != missing]
    client = connect(make_user(privileges=privileges)).c
    if missing is None:
        process = import_client.start(client, ["a.txt"], Options(group=group.id))
        assert unwrap(process.getImportSettings().checksumAlgorithm.value) == "SHA1-160"
        return
    with pytest.raises(omero.SecurityViolation, match=missing):
        import_client.start(client, ["a.txt"], Options(group=group.id))
