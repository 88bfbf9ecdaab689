"""Second half of the set-up, run by the Python of ``.venv``: installs everything into it."""

from __future__ import annotations

import subprocess
import sys
import time

import debian_packages
import set_up_state
import zeroc_ice_wheel
from progress import SetUpError, fail, say


def main() -> int:
    """Install what is missing from ``.venv`` and record that it is complete. Returns the exit status."""
    started = time.monotonic()
    try:
        _install_everything()
    except SetUpError as error:
        return fail(error)
    set_up_state.record()
    say(f"complete after {time.monotonic() - started:.0f} s")
    return 0


def _install_everything() -> None:
    say("installing build tools")
    _pip_install("-r", set_up_state.BUILD_TOOLS)
    if not zeroc_ice_wheel.is_installed():
        wheel = zeroc_ice_wheel.obtain()
        say(f"installing {wheel.name}")
        _pip_install("--no-deps", wheel)
    say("installing the bridge, the sandbox and the tools of development")
    project = f"{set_up_state.ROOT}[{','.join(set_up_state.EXTRAS)}]"
    _pip_install("--no-build-isolation", "-e", project)
    debian_packages.wish_for(debian_packages.needs_of_the_tests())


def _pip_install(*arguments: object) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    command = [*pip, "-c", str(set_up_state.CONSTRAINTS), *map(str, arguments)]
    if subprocess.run(command, check=False).returncode != 0:
        raise SetUpError(f"pip failed, see above; the command was: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
