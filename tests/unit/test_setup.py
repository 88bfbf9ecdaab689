"""The set-up of the development environment: everything but the compilation itself."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import debian_packages
import parallel_compile
import prepare
import set_up_state
import waiting
import zeroc_ice_build
import zeroc_ice_wheel
from debian_packages import Need
from progress import SetUpError
from zeroc_ice_build import VERSION
from zeroc_ice_wheel import Target

INFO = f"zeroc_ice-{VERSION}.dist-info"
LINUX_311 = Target("cp311", "linux", "x86_64")


def make_wheel(path: Path, ice_version: str = VERSION) -> Path:
    """A wheel whose ``Ice`` knows its version and nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("Ice.py", f"def stringVersion(): return {ice_version!r}\n")
        wheel.writestr(f"{INFO}/METADATA", f"Metadata-Version: 2.1\nName: zeroc-ice\nVersion: {VERSION}\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return path


# -- edits


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("src/Slice.cpp", "#include <compile.h>\n#include <eval.h>\n", "#include <compile.h>\n"),
        ("src/Util.cpp", "f = PyThreadState_GET()->frame;", "f = PyEval_GetFrame();"),
        ("lib/Ice.py", "import sys, string, imp, os, re\n", "import sys, string, types, os, re\n"),
        ("lib/Ice.py", "nmod = imp.new_module(curr)", "nmod = types.ModuleType(curr)"),
    ],
)
def test_the_edits_replace_what_newer_pythons_lack(file: str, before: str, after: str) -> None:
    assert zeroc_ice_build.edited(file, before) == after
    assert zeroc_ice_build.edited(file, after) == after


def test_functions_that_python_313_lacks_are_brought_along() -> None:
    edited = zeroc_ice_build.edited("src/Config.h", "#include <Python.h>\n#define STRCAST\n")
    assert edited.startswith("#include <Python.h>\n")
    assert "PyObject_AsReadBuffer(PyObject*" in edited
    assert edited.endswith("#define STRCAST\n")


def test_an_edit_that_finds_other_text_than_expected_says_which_file() -> None:
    with pytest.raises(SetUpError, match=r"src/Util\.cpp has ->frame"):
        zeroc_ice_build.edited("src/Util.cpp", "PyFrameObject *f = state->frame;")


def test_a_source_package_that_pypi_never_published_is_refused(tmp_path: Path) -> None:
    sdist = tmp_path / "zeroc-ice-3.6.5.tar.gz"
    sdist.write_bytes(b"something else")
    with pytest.raises(SetUpError, match="is not the file that PyPI has published"):
        zeroc_ice_build.check_download(sdist)


# -- which wheel


@pytest.mark.parametrize(
    "name",
    [
        "zeroc_ice-3.6.5-cp311-cp311-linux_x86_64.whl",
        "zeroc_ice-3.6.5-cp311-cp311-manylinux_2_28_x86_64.whl",
        "zeroc_ice-3.6.5-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "zeroc_ice-3.6.5-1-cp311-cp311-linux_x86_64.whl",
    ],
)
def test_a_wheel_for_this_python_and_machine_is_accepted(name: str) -> None:
    assert LINUX_311.accepts(name)


@pytest.mark.parametrize(
    "name",
    [
        "zeroc_ice-3.6.5-cp312-cp312-linux_x86_64.whl",
        "zeroc_ice-3.6.5-cp311-cp311-linux_aarch64.whl",
        "zeroc_ice-3.6.5-cp311-cp311-musllinux_1_2_x86_64.whl",
        "zeroc_ice-3.6.5-cp311-cp311-macosx_11_0_x86_64.whl",
        "zeroc_ice-3.7.10-cp311-cp311-linux_x86_64.whl",
        "zeroc_ice-3.6.5-cp311-cp311-linux_x86_64.whl.part",
        "other-3.6.5-cp311-cp311-linux_x86_64.whl",
    ],
)
def test_a_wheel_for_anything_else_is_not(name: str) -> None:
    assert not LINUX_311.accepts(name)


def test_the_cache_calls_a_wheel_by_a_name_that_it_accepts() -> None:
    target = Target.of_this_python()
    assert target.accepts(target.wheel_name)
    assert not replace(target, python="cp39").accepts(target.wheel_name)


def test_a_wheel_from_the_cache_is_taken_by_its_tag(tmp_path: Path) -> None:
    target = Target.of_this_python()
    make_wheel(tmp_path / replace(target, python="cp39").wheel_name)
    wanted = make_wheel(tmp_path / target.wheel_name)
    assert zeroc_ice_wheel.find(target, tmp_path) == wanted


def test_a_wheel_that_does_not_import_is_not_taken(tmp_path: Path) -> None:
    target = Target.of_this_python()
    make_wheel(tmp_path / target.wheel_name, ice_version="3.7.0")
    assert zeroc_ice_wheel.find(target, tmp_path) is None
    assert "Ice is of version '3.7.0'" in zeroc_ice_wheel.trouble_with(tmp_path / target.wheel_name)


def test_a_truncated_wheel_is_not_taken(tmp_path: Path) -> None:
    target = Target.of_this_python()
    wheel = make_wheel(tmp_path / target.wheel_name)
    wheel.write_bytes(wheel.read_bytes()[:40])
    assert zeroc_ice_wheel.find(target, tmp_path) is None


def test_what_a_killed_build_left_is_not_taken(tmp_path: Path) -> None:
    target = Target.of_this_python()
    make_wheel(tmp_path / ".building-abc" / "zeroc-ice-3.6.5" / "dist" / target.wheel_name)
    assert zeroc_ice_wheel.find(target, tmp_path) is None


def test_the_users_wheel_goes_before_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make_wheel(tmp_path / "own" / Target.of_this_python().wheel_name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    make_wheel(zeroc_ice_wheel.cache_directory() / Target.of_this_python().wheel_name)
    monkeypatch.setenv(zeroc_ice_wheel.GIVEN_WHEEL, str(own))
    assert zeroc_ice_wheel.obtain() == own


def test_a_wheel_that_the_users_pip_finds_goes_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "institute" / Target.of_this_python().wheel_name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "institute"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(zeroc_ice_wheel.GIVEN_WHEEL, raising=False)
    kept = zeroc_ice_wheel.cache_directory() / Target.of_this_python().wheel_name
    assert zeroc_ice_wheel.obtain() == kept
    assert kept.is_file()
    assert not list(kept.parent.glob(".building-*"))


def test_a_wheel_that_the_user_named_in_vain_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(zeroc_ice_wheel.GIVEN_WHEEL, str(tmp_path / "gone.whl"))
    with pytest.raises(SetUpError, match=r"gone\.whl does not work here"):
        zeroc_ice_wheel.obtain()


@pytest.mark.parametrize(
    ("configured", "base"), [("/var/cache/me", "/var/cache/me"), ("relative", "~/.cache")]
)
def test_the_cache_is_where_the_xdg_specification_puts_it(
    configured: str, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", configured)
    expected = Path(base).expanduser() / "omero-irods-bridge" / "wheels"
    assert zeroc_ice_wheel.cache_directory() == expected


def test_two_set_ups_do_not_build_at_once(tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("w") as other:
        with zeroc_ice_wheel.locked(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


# -- compiling on all cores


class Compiler:
    """Has what distutils compilers have: a loop over files, and a hook that compiles one."""

    def __init__(self, broken: str = "") -> None:
        self.compiled: list[str] = []
        self._broken = broken

    def compile(self, sources: list[str]) -> list[str]:
        for source in sources:
            self._compile(source)
        return [f"{source}.o" for source in sources]

    def _compile(self, source: str) -> None:
        if source == self._broken:
            raise RuntimeError(source)
        self.compiled.append(source)


def test_a_parallel_compilation_compiles_each_file_once(capsys: pytest.CaptureFixture[str]) -> None:
    compiler, sources = Compiler(), [f"{number}.cpp" for number in range(20)]
    objects = parallel_compile.compile_in_parallel(Compiler.compile, compiler, sources)
    assert objects == [f"{source}.o" for source in sources]
    assert sorted(compiler.compiled) == sorted(sources)
    assert capsys.readouterr().out.splitlines()[-1] == "@compiled 20 20"


def test_one_file_that_does_not_compile_fails_the_compilation() -> None:
    with pytest.raises(RuntimeError, match=r"b\.cpp"):
        parallel_compile.compile_in_parallel(Compiler.compile, Compiler("b.cpp"), ["a.cpp", "b.cpp", "c.cpp"])


def test_a_failure_cancels_what_has_not_begun() -> None:
    failed: Future[None] = Future()
    failed.set_exception(RuntimeError("b.cpp"))
    pool = ThreadPoolExecutor(1)
    pool.submit(lambda: None)
    with pytest.raises(RuntimeError):
        parallel_compile.wait_for([failed], pool)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(lambda: None)


# -- Debian packages


def test_only_unmet_needs_are_missing() -> None:
    needs = [Need("g++", lambda: True), Need("libssl-dev", lambda: False), Need("libbz2-dev", lambda: False)]
    assert debian_packages.missing(needs) == ["libssl-dev", "libbz2-dev"]


def test_advice_is_one_line_with_a_command_to_copy() -> None:
    text = debian_packages.advice(["g++", "libssl-dev"])
    assert "\n" not in text
    assert "sudo apt-get install g++ libssl-dev" in text


def test_needs_that_are_met_ask_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    debian_packages.require([Need("g++", lambda: True)])


def test_without_apt_the_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetUpError, match=r"libssl-dev missing\. Run: "):
        debian_packages.require([Need("libssl-dev", lambda: False)])


def _command(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which the tests put the commands that a machine has; ``env`` is on every machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "env").symlink_to(shutil.which("env") or "/usr/bin/env")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return folder


def test_with_sudo_packages_are_installed_after_one_update(machine: Path) -> None:
    log = machine / "log"
    _command(machine, "apt-get", f'echo "$@" >> {log}')
    _command(machine, "sudo", 'shift; "$@"')
    _command(machine, "true", "exit 0")
    debian_packages.require([Need("libssl-dev", lambda: False), Need("g++", lambda: False)])
    assert log.read_text().splitlines() == [
        "-q update",
        "-q install -y --no-install-recommends libssl-dev g++",
    ]


def test_sudo_that_wants_a_password_is_not_used(machine: Path) -> None:
    _command(machine, "apt-get", "exit 0")
    _command(machine, "sudo", "exit 1")
    with pytest.raises(SetUpError, match="sudo apt-get install g"):
        debian_packages.require([Need("g++", lambda: False)])


def test_a_failed_installation_shows_what_apt_said(machine: Path) -> None:
    _command(machine, "apt-get", "echo E: no network; exit 100")
    _command(machine, "sudo", 'shift; "$@"')
    _command(machine, "true", "exit 0")
    with pytest.raises(SetUpError, match="apt-get update failed:\nE: no network"):
        debian_packages.require([Need("g++", lambda: False)])


def test_what_only_tests_need_is_installed_too(machine: Path) -> None:
    log = machine / "log"
    _command(machine, "apt-get", f'echo "$@" >> {log}')
    _command(machine, "sudo", 'shift; "$@"')
    _command(machine, "true", "exit 0")
    _command(machine, "7z", "exit 0")
    debian_packages.wish_for(debian_packages.needs_of_the_tests())
    assert log.read_text().splitlines()[-1].endswith(" unzip libarchive-tools chromium")


@pytest.mark.parametrize("apt_get", ["", "echo E: no network; exit 100"])
def test_a_set_up_without_what_only_tests_need_says_so_in_one_line_and_goes_on(
    apt_get: str, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if apt_get:
        _command(machine, "apt-get", apt_get)
        _command(machine, "sudo", 'shift; "$@"')
        _command(machine, "true", "exit 0")
    debian_packages.wish_for(debian_packages.needs_of_the_tests())
    line = capsys.readouterr().out.splitlines()[-1]
    assert "some tests will be skipped: unzip p7zip-full libarchive-tools chromium missing. Run: " in line


def test_a_set_up_that_has_what_tests_need_says_nothing(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("unzip", "7z", "bsdtar", "chromium"):
        _command(machine, name, "exit 0")
    debian_packages.wish_for(debian_packages.needs_of_the_tests())
    assert capsys.readouterr().out == ""


# -- the virtual environment


def test_a_copied_environment_is_made_anew(tmp_path: Path) -> None:
    original, copy = tmp_path / "a" / ".venv", tmp_path / "b" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", original], check=True, timeout=120)
    shutil.copytree(original, copy, symlinks=True)
    assert prepare.is_usable(original)
    assert not prepare.is_usable(copy)


def test_a_second_set_up_waits_for_the_first_and_then_has_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, waits, made = [False, True], threading.Event(), list[str]()
    monkeypatch.setattr(prepare, "_is_up_to_date", lambda: state.pop(0))
    monkeypatch.setattr(prepare, "_set_up", lambda: made.append("again"))
    monkeypatch.setattr(waiting, "say", lambda _text: waits.set())
    with ThreadPoolExecutor(1) as pool, Path(prepare.__file__).open() as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = pool.submit(prepare.main)
        assert waits.wait(60)
        assert not second.done()
        fcntl.flock(first, fcntl.LOCK_UN)
        assert second.result(60) == 0
    assert made == []


def _project(folder: Path, line_length: int, bound: str) -> Path:
    (folder / "constraints.txt").write_text("rich==15.0.0\n")
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\n[project]\ndependencies = ["rich{bound}"]\n'
        f"[tool.hatch.build]\n[tool.ruff]\nline-length = {line_length}\n"
    )
    return folder


def test_a_new_bound_asks_for_a_new_set_up_and_a_setting_of_a_tool_does_not(tmp_path: Path) -> None:
    before = set_up_state.fingerprint(_project(tmp_path, 110, "<16"))
    assert set_up_state.fingerprint(_project(tmp_path, 100, "<16")) == before
    assert set_up_state.fingerprint(_project(tmp_path, 110, "<17")) != before


def test_new_constraints_ask_for_a_new_set_up(tmp_path: Path) -> None:
    before = set_up_state.fingerprint(_project(tmp_path, 110, "<16"))
    (tmp_path / "constraints.txt").write_text("rich==15.0.1\n")
    assert set_up_state.fingerprint(tmp_path) != before
