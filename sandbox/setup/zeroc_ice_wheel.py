"""A wheel of zeroc-ice for the Python that runs this: one that is there already, else built once a machine.

PyPI has zeroc-ice 3.6.5 as a source package only, which Python 3.11 and newer do not compile without edits.
A wheel that is found must prove that it works (``import Ice``) before it is taken. The cache is safe against
two set-ups at once and against one that is killed: a lock that ends with its process, a build in a folder
that no one looks into, one rename at the end (docs/decisions/0002-zeroc-ice-wheel-is-built-and-cached.md).
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import zeroc_ice_build
from progress import SetUpError, fail, say
from waiting import held
from zeroc_ice_build import VERSION

GIVEN_WHEEL = "ZEROC_ICE_WHEEL"
_BUILD_PREFIX = ".building-"
_WHEEL_NAME = re.compile(
    r"zeroc_ice-(?P<version>[^-]+)(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl"
)
_SHOW_ICE_VERSION = "import sys; sys.path.insert(0, sys.argv[1]); import Ice; print(Ice.stringVersion())"


@dataclass(frozen=True)
class Target:
    """A Python and a platform that a wheel must fit."""

    python: str
    system: str
    machine: str

    @classmethod
    def of_this_python(cls) -> Target:
        """The interpreter that runs this and the machine it runs on."""
        system, _, machine = sysconfig.get_platform().replace(".", "_").partition("-")
        return cls(f"cp{sys.version_info.major}{sys.version_info.minor}", system, machine.replace("-", "_"))

    @property
    def wheel_name(self) -> str:
        """How the cache calls a wheel for this target."""
        return f"zeroc_ice-{VERSION}-{self.python}-{self.python}-{self.system}_{self.machine}.whl"

    def accepts(self, file_name: str) -> bool:
        """Whether ``file_name`` is that of a wheel of our version that claims to run here."""
        parts = _WHEEL_NAME.fullmatch(file_name)
        if parts is None or parts["version"] != VERSION or self.python != parts["abi"]:
            return False
        fits = any(self._runs(platform) for platform in parts["platform"].split("."))
        return fits and self.python in parts["python"].split(".")

    def _runs(self, platform: str) -> bool:
        return platform.removeprefix("many").startswith(self.system) and platform.endswith(f"_{self.machine}")


def cache_directory() -> Path:
    """Where wheels are kept for the next set-up of this user (XDG Base Directory Specification)."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = configured if configured.is_absolute() else Path.home() / ".cache"
    return base / "omero-irods-bridge" / "wheels"


def is_installed() -> bool:
    """Whether the Python that runs this has our version already, and it works."""
    try:
        installed = importlib.metadata.version("zeroc-ice")
    except importlib.metadata.PackageNotFoundError:
        return False
    return installed == VERSION and not _trouble_importing_from(Path(sysconfig.get_path("platlib")))


def obtain() -> Path:
    """A wheel that works here: the user's, the cache's, pip's, or a new one, which goes into the cache.

    Raises:
        SetUpError: the wheel that the user named does not work, or none could be built.
    """
    if given := os.environ.get(GIVEN_WHEEL):
        return _given(Path(given))
    target, cache = Target.of_this_python(), cache_directory()
    return find(target, cache) or find(target, _pip_cache()) or _make(target, cache)


def find(target: Target, folder: Path) -> Path | None:
    """A wheel below ``folder`` that fits ``target`` and works; unfinished builds do not count."""
    for wheel in sorted(folder.rglob("zeroc_ice-*.whl")):
        unfinished = any(part.startswith(_BUILD_PREFIX) for part in wheel.relative_to(folder).parts)
        if not unfinished and target.accepts(wheel.name) and works(wheel):
            say(f"found {wheel}")
            return wheel
    return None


def works(wheel: Path) -> bool:
    """Whether ``import Ice`` succeeds from ``wheel`` in a new process."""
    return not trouble_with(wheel)


def trouble_with(wheel: Path) -> str:
    """Why ``import Ice`` fails from ``wheel`` in a new process; empty when it succeeds."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            zipfile.ZipFile(wheel).extractall(folder)
        except (OSError, zipfile.BadZipFile) as error:
            return str(error)
        return _trouble_importing_from(Path(folder))


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Keep other set-ups out of ``cache`` until the end of the block, or of this process."""
    cache.mkdir(parents=True, exist_ok=True)
    with held(cache / ".lock", "another set-up is building zeroc-ice"):
        yield


def _make(target: Target, cache: Path) -> Path:
    with locked(cache):
        if finished_by_another := find(target, cache):
            return finished_by_another
        for abandoned in cache.glob(f"{_BUILD_PREFIX}*"):
            shutil.rmtree(abandoned)
        with tempfile.TemporaryDirectory(prefix=_BUILD_PREFIX, dir=cache) as folder:
            wheel = _download(target, Path(folder)) or zeroc_ice_build.build(
                Path(folder), log=cache / "build.log"
            )
            return _keep(wheel, cache / target.wheel_name)


def _keep(wheel: Path, kept: Path) -> Path:
    if trouble := trouble_with(wheel):
        raise SetUpError(f"{wheel.name} was built, but import Ice fails from it:\n{trouble}")
    return wheel.replace(kept)


def _given(wheel: Path) -> Path:
    if not Target.of_this_python().accepts(wheel.name) or not works(wheel):
        wanted = Target.of_this_python().wheel_name
        raise SetUpError(
            f"{GIVEN_WHEEL}={wheel} does not work here. Point it to {wanted}, or unset it to build one"
        )
    say(f"using {wheel} from {GIVEN_WHEEL}")
    return wheel


def _pip_cache() -> Path:
    """Where pip keeps the wheels that it built; a folder that does not exist when pip keeps none."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=False
    )
    return Path(asked.stdout.strip() or "/nonexistent") / "wheels"


def _download(target: Target, folder: Path) -> Path | None:
    """A wheel from where the user's pip looks: an index or folder of his institute may have one."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "-d", folder, f"zeroc-ice=={VERSION}"], capture_output=True, check=False)
    return find(target, folder)


def _trouble_importing_from(folder: Path) -> str:
    command = [sys.executable, "-c", _SHOW_ICE_VERSION, str(folder)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode == 0 and shown.stdout.strip() == VERSION:
        return ""
    return shown.stderr.strip() or f"Ice is of version {shown.stdout.strip()!r}, not {VERSION}"


def main() -> int:
    """Make sure that a wheel is there. Returns the exit status."""
    try:
        say(f"zeroc-ice is at {obtain()}")
    except SetUpError as error:
        return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
