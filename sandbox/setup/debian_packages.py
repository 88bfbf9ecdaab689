"""Packages of the system that the set-up needs: found missing, then installed, or named in one line."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from progress import SetUpError, say

_SYSTEM_INCLUDES = (Path("/usr/include"), Path("/usr/local/include"))
_THIS_PYTHON = f"python3.{sys.version_info.minor}"


@dataclass(frozen=True)
class Need:
    """A Debian package, and how to see that what it brings is there, whoever brought it."""

    package: str
    is_met: Callable[[], bool]


def needs_of_a_virtual_environment() -> list[Need]:
    """What ``python -m venv`` needs; Debian splits it from Python."""
    return [Need(f"{_THIS_PYTHON}-venv", lambda: importlib.util.find_spec("ensurepip") is not None)]


def needs_of_a_compilation() -> list[Need]:
    """What compiling zeroc-ice needs (reference/zeroc-ice.md)."""
    return [
        Need("g++", partial(_has_command, "g++")),
        Need("libssl-dev", partial(_has_header, "openssl/ssl.h")),
        Need("libbz2-dev", partial(_has_header, "bzlib.h")),
        Need(f"{_THIS_PYTHON}-dev", lambda: Path(sysconfig.get_path("include"), "Python.h").is_file()),
    ]


def needs_of_the_tests() -> list[Need]:
    """Other people's readers of zip files, and a browser for the page; without one its tests are skipped."""
    commands = {
        "unzip": "unzip",
        "p7zip-full": "7z",
        "libarchive-tools": "bsdtar",
        "chromium": "chromium",
    }
    return [Need(package, partial(_has_command, name)) for package, name in commands.items()]


def missing(needs: Iterable[Need]) -> list[str]:
    """The packages whose needs are not met, in the order given."""
    return [need.package for need in needs if not need.is_met()]


def require(needs: Iterable[Need]) -> None:
    """Return when all needs are met; installs what is missing when we may.

    Raises:
        SetUpError: packages are missing and we may not, or could not, install them.
    """
    packages = missing(needs)
    if not packages:
        return
    privilege = _privilege()
    if privilege is None:
        raise SetUpError(advice(packages))
    _install(packages, privilege)


def wish_for(needs: Iterable[Need]) -> None:
    """Install what is missing when we may; otherwise say in one line that tests are skipped. Never fails."""
    needs = list(needs)
    try:
        require(needs)
    except SetUpError:
        say(f"some tests will be skipped: {advice(missing(needs))}")


def advice(packages: Iterable[str]) -> str:
    """One line that says what to do about missing packages."""
    names = " ".join(packages)
    return (
        f"{names} missing. Run: sudo apt-get install {names} (or what they are called here), then make again"
    )


def _privilege() -> list[str] | None:
    """What to put before apt-get so that it may install; None when nothing would help."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    asked = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False)
    return sudo if asked and asked.returncode == 0 else None


def _install(packages: list[str], privilege: list[str]) -> None:
    say(f"installing Debian packages: {' '.join(packages)}")
    apt = [*privilege, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    for step in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [*apt, *step], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            raise SetUpError(f"apt-get {step[0]} failed:\n{done.stdout[-2000:]}\n{advice(packages)}")


def _has_command(name: str) -> bool:
    return shutil.which(name) is not None


def _has_header(name: str) -> bool:
    """Whether the compiler finds a header; without a compiler, whether it is in the usual places."""
    compiler = shutil.which("g++")
    if compiler is None:
        return any((folder / name).is_file() for folder in _SYSTEM_INCLUDES)
    source = f"#include <{name}>\n"
    preprocess = [compiler, "-E", "-x", "c++", "-"]
    return (
        subprocess.run(preprocess, input=source, text=True, capture_output=True, check=False).returncode == 0
    )
