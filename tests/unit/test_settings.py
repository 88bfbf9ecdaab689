from __future__ import annotations

import os
from pathlib import Path

import pytest

from omero_irods_bridge import settings
from omero_irods_bridge.model.errors import AccessDenied, NotFound, UsageError


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file and no variable of whoever runs the tests has a say."""
    for name in [name for name in os.environ if name.startswith("OMERO_IRODS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(settings, "SYSTEM_FILE", tmp_path / "etc" / "config.toml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, text: str, **flags: object) -> settings.Loaded:
    file.write_text(text)
    return settings.load(file, {"omero": flags})


def refusal(file: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as refused:
        load(file, text)
    return refused.value


def sources(loaded: settings.Loaded) -> dict[str, tuple[object, str]]:
    return {value.name: (value.value, value.source) for value in loaded.values()}


def test_without_a_file_all_values_are_defaults() -> None:
    loaded = settings.load()
    assert loaded.file is None
    assert {source for _value, source in sources(loaded).values()} == {settings.DEFAULT}


def test_flags_win_over_the_environment_and_that_over_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMERO_IRODS_OMERO__USER", "env")
    monkeypatch.setenv("OMERO_IRODS_OMERO__GROUP", "env")
    loaded = load(file, '[omero]\nhost = "file"\nuser = "file"\ngroup = "file"', group="flag", host=None)
    found = sources(loaded)
    assert found["omero.host"] == ("file", str(file))
    assert found["omero.user"] == ("env", "environment")
    assert found["omero.group"] == ("flag", "flag")
    assert found["omero.port"] == (4064, "default")


def test_tables_of_paths_are_merged_by_their_entries(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMERO_IRODS_PATHS", '{"/tempZone": "/mnt/b"}')
    loaded = load(file, '[paths]\n"demoResc:/var/lib/irods/Vault" = "/irods"\n"/tempZone" = "/mnt/a"')
    assert loaded.settings.paths == {
        "demoResc:/var/lib/irods/Vault": Path("/irods"),
        "/tempZone": Path("/mnt/b"),
    }
    assert sources(loaded)["paths./tempZone"] == (Path("/mnt/b"), "environment")


def test_sizes_are_written_with_their_unit(file: Path) -> None:
    assert load(file, '[transfer]\npiece = "8 MiB"').settings.transfer.piece == 8 * 1024 * 1024


def test_the_file_is_the_named_one_or_that_of_the_variable_or_the_users_or_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, system = settings.standard_files()
    for path, name in ((system, "system"), (user, "user"), (tmp_path / "env.toml", "env")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[omero]\nhost = "{name}"')
        if name == "env":
            monkeypatch.setenv("OMERO_IRODS_CONFIG", str(path))
        loaded = settings.load()
        assert (loaded.file, loaded.settings.omero.host) == (path, name)
    assert settings.load(user).settings.omero.host == "user"


def test_a_named_file_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match=r"nothing\.toml"):
        settings.load(tmp_path / "nothing.toml")
    monkeypatch.setenv("OMERO_IRODS_CONFIG", str(tmp_path / "nothing.toml"))
    with pytest.raises(NotFound) as refused:
        settings.load()
    assert "OMERO_IRODS_CONFIG" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "line", "name", "nearest"),
    [
        ("\n[omero]\nhots = 1", 3, "omero.hots", "omero.host"),
        ("[omreo]\nhost = 1", 1, "omreo", "omero"),
        ("[snapshots]\nprefix = 'a'\ntraget = 'x'", 3, "snapshots.traget", "snapshots.target"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(
    file: Path, text: str, line: int, name: str, nearest: str
) -> None:
    error = refusal(file, text)
    assert error.message == f"{file}, line {line}: there is no setting {name}."
    assert error.hint == f"Did you mean {nearest}?"


def test_a_name_that_is_like_no_other_is_refused_with_all_that_there_are(file: Path) -> None:
    assert "managed_repository" in refusal(file, "[omero]\nzzz = 1").hint


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[omero]\n\nport = "abc"', 3, 'omero.port = "abc" is wrong: input should be a valid integer'),
        ("omero.port = 70000", 1, "omero.port = 70000 is wrong"),
        ('[omero]\nsecure = "perhaps"', 2, "valid boolean"),
        ('[omero]\npassword_file = "secret"', 2, "must be an absolute path"),
        ('[snapshots]\ntarget = "/{zoen}/x"', 2, "unknown field {zoen}"),
        ('[paths]\n"/a" = "/b"\n"tempZone" = "/mnt"', 3, "resource:/physical/path"),
        ('[transfer]\npiece = "1 GiB"', 2, "must be from 64.0KiB to 16.0MiB"),
        ("transfer = 4", 1, "transfer is a section"),
    ],
)
def test_a_wrong_value_is_refused_with_what_where_and_line(
    file: Path, text: str, line: int, said: str
) -> None:
    error = refusal(file, text)
    assert error.message.startswith(f"{file}, line {line}: ")
    assert said in error.message


def test_a_file_that_is_not_toml_is_refused_with_its_line(file: Path) -> None:
    message = refusal(file, "[omero]\nhost = omero.example.org").message
    assert str(file) in message
    assert "line 2" in message


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OMERO_IRODS_OMERO__PORT", "x", "OMERO_IRODS_OMERO__PORT"),
        ("OMERO_IRODS_OMERO__HOTS", "x", "there is no setting omero.hots"),
        ("OMERO_IRODS_OMREO__HOST", "x", "there is no setting omreo"),
        ("OMERO_IRODS_PATHS", "{", "OMERO_IRODS_"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as refused:
        settings.load()
    assert said in refused.value.message


def test_other_variables_in_our_name_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMERO_IRODS_SOMETHING", "x")
    assert settings.load().settings == settings.Settings()


def test_a_secret_is_read_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter 2 \nsecond line\n")
    file.chmod(0o600)
    assert settings.read_secret(file) == "hunter 2 "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    file.chmod(mode)
    with pytest.raises(AccessDenied) as refused:
        settings.read_secret(file)
    assert refused.value.hint == f"Run: chmod 600 {file}"
    assert "hunter2" not in refused.value.message


def test_a_secret_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        settings.read_secret(tmp_path / "none")
    (tmp_path / "empty").touch(0o600)
    with pytest.raises(NotFound):
        settings.read_secret(tmp_path / "empty")


def test_a_standard_file_that_cannot_be_looked_for_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", f"/{'x' * 300}")  # fails as a folder that may not be entered does
    assert settings.load().file is None
    with pytest.raises(NotFound):
        settings.load(Path("x" * 300))


def test_the_home_of_nobody_is_no_absolute_path(file: Path) -> None:
    for path in ("~nobody-here/x", "/a\\u0000b"):
        assert "must be an absolute path" in refusal(file, f'[omero]\npassword_file = "{path}"').message


def test_brackets_without_end_are_no_toml(file: Path) -> None:
    assert "is not TOML" in refusal(file, "a = " + "[" * 5000).message


def test_a_variable_with_one_underscore_is_told_how_to_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMERO_IRODS_OMERO_HOST", "omero.example.org")
    with pytest.raises(UsageError) as refused:
        settings.load()
    assert refused.value.hint.endswith(" OMERO_IRODS_OMERO__HOST")
    monkeypatch.delenv("OMERO_IRODS_OMERO_HOST")
    monkeypatch.setenv("OMERO_IRODS_SOMETHING", "of somebody else")
    settings.load()
