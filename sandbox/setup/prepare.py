"""First half of the set-up, run by the system's Python: makes ``.venv``, then hands over to its Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import debian_packages
import set_up_state
from progress import SetUpError, fail, say
from waiting import held


def main() -> int:
    """Bring ``.venv`` up to date; silent and quick when it is. Returns the exit status."""
    if _is_up_to_date():
        return 0
    # A second set-up would clear the environment under the hands of the first.
    with held(Path(__file__), "another set-up of this checkout is under way"):
        return 0 if _is_up_to_date() else _set_up()


def _is_up_to_date() -> bool:
    return set_up_state.is_current() and is_usable(set_up_state.VENV)


def _set_up() -> int:
    try:
        _provide_virtual_environment()
    except SetUpError as error:
        return fail(error)
    set_up_state.forget()
    install = Path(__file__).with_name("install.py")
    return subprocess.run([set_up_state.VENV_PYTHON, install], check=False).returncode


def is_usable(venv: Path) -> bool:
    """Whether ``venv`` has a Python that runs, and was made for this place: its scripts name it."""
    pip = venv / "bin" / "pip"
    if not pip.is_file() or str(venv) not in pip.read_text():
        return False
    python = venv / "bin" / "python"
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def _provide_virtual_environment() -> None:
    if is_usable(set_up_state.VENV):
        return
    debian_packages.require(debian_packages.needs_of_a_virtual_environment())
    say(f"making a virtual environment with Python {sys.version.split()[0]} in {set_up_state.VENV.name}")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", set_up_state.VENV], check=False)
    if made.returncode != 0:
        raise SetUpError(f"{sys.executable} -m venv failed; see above")


if __name__ == "__main__":
    sys.exit(main())
