"""Imports by the stock ``omero import`` command, where Java is installed and the site prefers its importer.

The command takes a session from a store of sessions (``OMERO_SESSIONDIR``), never from its arguments:
``-k KEY`` would show the key to everybody on the machine. The store is a private folder that lives as long as
the import. What the stock command itself hands to Java is beyond us: it starts ``java ... -k KEY``
(omero.plugins.import), so on a machine with other users ``/proc`` should be mounted with ``hidepid``.

Files must be on this machine's disk. The command makes the fileset, so its mark comes after the import: of a
command that was killed an unmarked fileset may stay.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import omero
import omero.clients
import omero.sys
from omero.rtypes import unwrap
from omero.util.sessions import SessionsStore

from omero_irods_bridge.adapters.omero import import_marks
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.model.errors import ImportFailed, NotFound
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.imports import Imported, ImportOptions

_LOOK_S: Final = 0.5
_GRACE_S: Final = 10
_TAIL: Final = 2000
"""Characters of what the command said that go into an error."""
_LINE: Final = re.compile(r"(?:- |  )(\w+): (?:(\d+)|\[([\d, ]*)\])")

_ENTRIES: Final = (
    "select index(e), f.id, f.path, f.name from Fileset s join s.usedFiles e join e.originalFile f"
    " where s.id = :id"
)


class CommandImporter:
    """Imports files of this machine by ``omero import``, as the user and group of a client's session.

    ``command`` is how the command is started; ``environment`` comes on top of that of this process.
    """

    def __init__(
        self,
        client: Any,
        command: Sequence[str] = ("omero",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._command = tuple(command)
        self._environment = dict(environment or {})

    def import_file(
        self,
        path: Path,
        options: ImportOptions,
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> Imported:
        """Import the one fileset that ``path`` begins; Bio-Formats finds its other files.

        Raises:
            NotFound: there is no file, or no command.
            ImportFailed: the command failed, or made more than one fileset or another number of images; what
                it has made is named and stays.
            Interrupted: somebody cancelled; the command was ended.
        """
        if not path.is_file():
            raise NotFound(f"{path} is not a file.")
        report(Step(f"omero import {path.name}"))
        with omero_errors(f"importing {path}"), _session_store(self._client) as store:
            output = self._run([*_arguments(options), str(path)], store, cancel)
            fileset, plates = _one_fileset(path, parse_yaml(output))
            return self._completed(path, fileset, plates, options)

    def _run(self, arguments: Sequence[str], store: Path, cancel: CancelToken | None) -> str:
        environment = {**os.environ, **self._environment, "OMERO_SESSIONDIR": str(store)}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            try:
                process = subprocess.Popen(
                    [*self._command, "import", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise NotFound(
                    f"The command {self._command[0]} cannot be started: {error.strerror}.",
                    hint="Install omero-py and Java, or import without the command.",
                ) from error
            status = _wait(process, cancel)
            out.seek(0)
            errors.seek(0)
            if status != 0:
                raise ImportFailed(
                    f"omero import ended with status {status}: {errors.read()[-_TAIL:].strip()}"
                )
            return out.read()

    def _completed(
        self, path: Path, fileset: int, plates: tuple[int, ...], options: ImportOptions
    ) -> Imported:
        query = self._client.getSession().getQueryService()
        images = tuple(import_marks.images_of(query, [fileset])[fileset])
        if not images or options.images not in (None, len(images)):
            raise ImportFailed(
                f"omero import made {len(images)} image(s) of {path} instead of {options.images}:"
                f" Fileset:{fileset}, which is left in OMERO."
            )
        if options.mark is not None:
            import_marks.add_mark(self._client, fileset, options.mark, len(images))
        rows = query.projection(_ENTRIES, omero.sys.ParametersI().addId(fileset))
        entries = sorted(tuple(unwrap(row)) for row in rows)
        files = tuple(entry[1] for entry in entries)
        return Imported(fileset, images, plates, files, tuple(entry[2] + entry[3] for entry in entries))


def _arguments(options: ImportOptions) -> list[str]:
    found = ["--output=yaml", "--no-upgrade-check"]
    if options.target is not None:
        found.append(f"--target={options.target}")
    if options.name is not None:
        found.append(f"--name={options.name}")
    if not options.thumbnails:
        found.append("--no-thumbnails")
    if not options.statistics:
        found.append("--no-stats-info")
    return found


def _wait(process: subprocess.Popen[bytes], cancel: CancelToken | None) -> int:
    """The status; the command does not outlive this call."""
    try:
        while True:
            if cancel is not None:
                cancel.check()
            try:
                return process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and the Java that it has started, which are a group of processes of their own."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# -- what the command said


def parse_yaml(output: str) -> list[dict[str, list[int]]]:
    """The filesets of ``--output=yaml``: ids by kind, ``Fileset`` among them (LoggingImportMonitor).

    Raises:
        ImportFailed: the output is something else.
    """
    found: list[dict[str, list[int]]] = []
    for line in output.splitlines():
        if line.strip() in ("", "---"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is None or (not found and not line.startswith("- ")):
            raise ImportFailed(f"omero import printed what is not expected of --output=yaml: {line!r}")
        if line.startswith("- "):
            found.append({})
        found[-1][match[1]] = [int(number) for number in (match[2] or match[3] or "").split(",") if number]
    return found


def _one_fileset(path: Path, filesets: Sequence[Mapping[str, list[int]]]) -> tuple[int, tuple[int, ...]]:
    if len(filesets) != 1 or len(filesets[0].get("Fileset", ())) != 1:
        made = ", ".join(f"Fileset:{id_}" for one in filesets for id_ in one.get("Fileset", ())) or "none"
        raise ImportFailed(f"omero import made {len(filesets)} filesets of {path} instead of one: {made}.")
    return filesets[0]["Fileset"][0], tuple(filesets[0].get("Plate", ()))


# -- the session


@contextmanager
def _session_store(client: Any) -> Iterator[Path]:
    """A private folder in which ``omero`` finds the client's session as the current one."""
    with tempfile.TemporaryDirectory(prefix="omero-session-") as folder:
        context = client.getSession().getAdminService().getEventContext()
        host, port = client.getProperty("omero.host"), client.getProperty("omero.port")
        properties = {"omero.port": port, "omero.group": context.groupName}
        store = SessionsStore(folder)
        key = client.getSessionId()
        store.add(host, context.userName, key, properties)
        store.set_current(host, context.userName, key, properties)
        for path in Path(folder).rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        yield Path(folder)
