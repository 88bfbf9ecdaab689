"""The command line of OMERO's Java importer, as far as the stock ``omero import`` uses it, in Python.

``omero.java.popen`` starts ``java OPTIONS ome.formats.importer.cli.CommandLineImporter ARGUMENTS`` and
passes on what that prints (reference/omero-wire.md, "Stock omero import without Java"). The output is that of
ome.formats.importer.cli.LoggingImportMonitor: ``Image:1,2``, ids of pixels (legacy) or YAML.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import omero
import omero.clients

from omero_irods_sandbox.omero_server.formats import FormatError, close_all, read_fileset
from tests.wire.omero_server.import_client import ImportFailed, Options, Transfer, import_files

_MAIN_CLASS: Final = "ome.formats.importer.cli.CommandLineImporter"

Client = Any
Response = Any


def main(arguments: Sequence[str]) -> int:
    """Import each path; 0 when all went well.

    ``arguments`` are those of ``java``: what stands before the class is for the virtual machine.
    """
    options = _parser().parse_args(arguments[list(arguments).index(_MAIN_CLASS) + 1 :])
    candidates = [files for path in options.paths for files in candidates_in(path)]
    if options.f:
        sys.stdout.writelines(f"{file}\n" for files in candidates for file in files)
        return 0
    if not candidates:
        sys.stderr.write("No imports found\n")
        return 3
    client = omero.client(options.server, options.port)
    try:
        client.joinSession(options.key).detachOnDestroy()
        return max(_import(client, files, options) for files in candidates)
    finally:
        client.closeSession()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="importer", allow_abbrev=False)
    parser.add_argument("-s", dest="server")
    parser.add_argument("-p", dest="port", type=int)
    parser.add_argument("-k", dest="key")
    parser.add_argument("-f", action="store_true")
    parser.add_argument("-n", "--name")
    parser.add_argument("-x", "--description")
    parser.add_argument("-d", dest="dataset", type=int)
    parser.add_argument("-r", dest="screen", type=int)
    parser.add_argument("-T", "--target")
    parser.add_argument("--transfer", type=Transfer, default=Transfer.UPLOAD)
    parser.add_argument("--output", choices=list(_PRINTERS), default="ids")
    parser.add_argument("--checksum-algorithm", default="SHA1-160")
    parser.add_argument("--no-thumbnails", action="store_true")
    parser.add_argument("--no-stats-info", action="store_true")
    parser.add_argument("--no-upgrade-check", action="store_true")
    parser.add_argument("paths", nargs="+", type=str)
    return parser


# -- what to import


def candidates_in(path: str) -> Iterator[list[str]]:
    """The filesets that a path stands for: all in a folder, but for what nobody can read.

    Paths keep their spelling (``a/./b``): ``omero transfer`` looks for it afterwards.
    """
    if not Path(path).is_dir():
        yield _used_files(path) or [path]
        return
    seen: set[Path] = set()
    for file in _files_below(path):
        if Path(file).resolve() in seen:
            continue
        used = _used_files(file)
        seen.update(Path(one).resolve() for one in used)
        if used:
            yield used


def _files_below(folder: str) -> list[str]:
    """With those first that name others, as a fileset is found from there."""
    found = [
        f"{folder.rstrip('/')}/{file.relative_to(folder)}"
        for file in Path(folder).rglob("*")
        if file.is_file()
    ]
    return sorted(found, key=lambda file: (not file.endswith(".companion.ome"), file))


def _used_files(path: str) -> list[str]:
    """The file and those that belong to it, none when no reader takes it."""
    file = Path(path)
    try:
        used = read_fileset([file]).used_files
    except FormatError:
        return []
    finally:
        close_all([file])
    folder = path.removesuffix(file.name)
    return [path, *(f"{folder}{one.relative_to(file.parent)}" for one in used if one != file)]


# -- to the server


def _import(client: Client, files: Sequence[str], options: argparse.Namespace) -> int:
    try:
        response = import_files(client, files, _options(options))
    except (ImportFailed, omero.ServerError, RuntimeError, OSError) as error:
        sys.stderr.write(f"import of {files[0]} failed: {getattr(error, 'message', error)}\n")
        return 1
    sys.stdout.write(_PRINTERS[options.output](response))
    return 0


def _options(options: argparse.Namespace) -> Options:
    return Options(
        transfer=options.transfer,
        target=_target(options),
        name=options.name,
        description=options.description,
        thumbnails=not options.no_thumbnails,
        statistics=not options.no_stats_info,
        algorithm=options.checksum_algorithm,
    )


def _target(options: argparse.Namespace) -> Any:
    """The container that was asked for, by ``-d 1``, ``-r 1`` or ``-T Dataset:1``."""
    by_option = {"Dataset": options.dataset, "Screen": options.screen}
    named = next((f"{kind}:{number}" for kind, number in by_option.items() if number), options.target)
    if named is None:
        return None
    kind, _, number = named.partition(":")
    return getattr(omero.model, f"{kind}I")(int(number), False)


# -- telling


def _as_objects(response: Response) -> str:
    return "".join(f"{kind}:{','.join(ids)}\n" for kind, ids in _by_kind(response).items())


def _as_pixels(response: Response) -> str:
    return "".join(f"{pixels.id.val}\n" for pixels in response.pixels)


def _as_yaml(response: Response) -> str:
    fileset = response.pixels[0].image.fileset.id.val
    lines = [f"  {kind}: [{', '.join(ids)}]\n" for kind, ids in _by_kind(response).items()]
    return "".join(["---\n", f"- Fileset: {fileset}\n", *lines])


def _by_kind(response: Response) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in response.objects:
        found[type(one).__name__.removesuffix("I")].append(str(one.id.val))
    return found


_PRINTERS: Final[Mapping[str, Callable[[Response], str]]] = {
    "ids": _as_objects,
    "legacy": _as_pixels,
    "yaml": _as_yaml,
}
