"""Builds a stripped wheel of zeroc-ice from the source package on PyPI, for the Python that runs this."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import debian_packages
from parallel_compile import COMPILED
from progress import Counter, SetUpError, say

VERSION = "3.6.5"
SDIST_SHA256 = "4235ffeb605bcd4e22e716577f7d61e4aa1bc82f65276bb542701a81b7933356"

_CHEAP = "-O1 -g0"
_STRIP = "-Wl,-s"
_LINES_OF_LOG_TO_SHOW = 15


@dataclass(frozen=True)
class Edit:
    """A change to one source file.

    Attributes:
        reason: what stands in the way; a file without it needs no edit.
    """

    file: str
    reason: str
    before: str
    after: str

    def applied_to(self, source: str) -> str:
        """``source`` with the change made, or as it is when it needs none.

        Raises:
            SetUpError: the change is needed, but the text to change is not there.
        """
        if self.before in source:
            return source.replace(self.before, self.after)
        if self.reason in source:
            raise SetUpError(
                f"zeroc-ice: {self.file} has {self.reason}, but not the text {self.before!r} to edit"
            )
        return source


_PYTHON_H = "#include <Python.h>\n"
_REMOVED_IN_3_13 = Path(__file__).with_name("removed_in_python_3_13.h").read_text()

# What went away: the first two in Python 3.11 (reference/zeroc-ice.md), imp in 3.12, two functions in 3.13.
EDITS = (
    Edit("src/Slice.cpp", reason="eval.h", before="#include <eval.h>\n", after=""),
    Edit("src/Util.cpp", reason="->frame", before="PyThreadState_GET()->frame", after="PyEval_GetFrame()"),
    Edit(
        "lib/Ice.py",
        reason=" imp,",
        before="import sys, string, imp, os,",
        after="import sys, string, types, os,",
    ),
    Edit("lib/Ice.py", reason=" imp.", before="imp.new_module(", after="types.ModuleType("),
    Edit("src/Config.h", reason="Python.h>", before=_PYTHON_H, after=_PYTHON_H + _REMOVED_IN_3_13),
)


def edited(file: str, text: str) -> str:
    """``text`` of the source file ``file`` with all edits that it needs."""
    for edit in EDITS:
        text = edit.applied_to(text) if edit.file == file else text
    return text


def build(folder: Path, log: Path) -> Path:
    """Build in ``folder``, which is the caller's to remove, and return the wheel in it.

    Raises:
        SetUpError: Debian packages are missing, or the download, an edit or the compilation failed.
    """
    debian_packages.require(debian_packages.needs_of_a_compilation())
    say(f"downloading the source of zeroc-ice {VERSION}")
    source = _unpack(_download(folder), folder)
    for file in {edit.file for edit in EDITS}:
        path = source / file
        path.write_text(edited(file, path.read_text()))
    return _compile(source, log)


def check_download(sdist: Path) -> None:
    """Raise ``SetUpError`` unless ``sdist`` is the file that this module was written for."""
    if hashlib.sha256(sdist.read_bytes()).hexdigest() != SDIST_SHA256:
        raise SetUpError(
            f"{sdist.name} is not the file that PyPI has published; look where your pip gets it from"
        )


def _download(folder: Path) -> Path:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--no-build-isolation",
    ]
    done = subprocess.run(
        [*pip, "-d", folder, f"zeroc-ice=={VERSION}"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SetUpError(f"pip could not download zeroc-ice {VERSION}:\n{done.stderr[-2000:]}")
    sdist = next(folder.glob("zeroc-ice-*.tar.gz"), folder / f"zeroc_ice-{VERSION}.tar.gz")
    check_download(sdist)
    return sdist


def _unpack(sdist: Path, folder: Path) -> Path:
    shutil.unpack_archive(sdist, folder)  # safe without a filter: its digest was checked
    return folder / f"zeroc-ice-{VERSION}"


def _compile(source: Path, log: Path) -> Path:
    say(f"compiling zeroc-ice for Python 3.{sys.version_info.minor}, once for this machine; some minutes")
    counter = Counter("compiled")
    driver = Path(__file__).with_name("parallel_compile.py")
    flags = {"CFLAGS": _CHEAP, "CXXFLAGS": _CHEAP, "LDFLAGS": _STRIP}
    with (
        log.open("w") as written,
        subprocess.Popen(
            [sys.executable, driver, "bdist_wheel"],
            cwd=source,
            env=os.environ | flags,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as compiler,
    ):
        _follow(compiler, counter, written)
    if compiler.returncode != 0:
        raise SetUpError(f"compiling zeroc-ice failed; all of it is in {log}, the end of it:\n{_end_of(log)}")
    say(f"compiled zeroc-ice in {counter.seconds:.0f} s")
    return next((source / "dist").glob("*.whl"))


def _follow(compiler: subprocess.Popen[str], counter: Counter, written: TextIO) -> None:
    """Show the driver's progress and write down everything else that it says."""
    assert compiler.stdout is not None
    for line in compiler.stdout:
        if line.startswith(COMPILED):
            done, total = line.removeprefix(COMPILED).split()
            counter.show(int(done), int(total))
        else:
            written.write(line)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-_LINES_OF_LOG_TO_SHOW:])
