"""Settings: one TOML file, environment variables over it, flags over those; each value knows its source.

    OMERO_IRODS_OMERO__HOST=omero.example.org     is   host = "omero.example.org"   below   [omero]

Secrets are no settings: a file with mode 600 may hold OMERO's password, iRODS has ``.irodsA``.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

import platformdirs
from pydantic import AfterValidator, BaseModel, ByteSize, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError
from pydantic_settings.sources import PydanticBaseSettingsSource

from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.ingest_settings import IngestSettings
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, UsageError
from omero_irods_bridge.model.packing import TransferOptions
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX
from omero_irods_bridge.operations.targets import DEFAULT_TEMPLATE, check_template
from omero_irods_bridge.setting_types import AbsolutePath, understood_by

APPLICATION: Final = "omero-irods-bridge"
ENV_PREFIX: Final = "OMERO_IRODS_"
CONFIG_VARIABLE: Final = ENV_PREFIX + "CONFIG"
SYSTEM_FILE: Final = Path("/etc") / APPLICATION / "config.toml"
DEFAULT: Final = "default"
FLAG: Final = "flag"

_PASSWORD: Final = re.compile(r"(?<=:)(?!//)[^:@/\"]+(?=@)|(?<=password=)[^&\"]+")
"""Of a URL; a slip of whoever writes one is not repeated."""

Tree = Mapping[str, Any]


def _irods_path(path: str) -> str:
    if not path.startswith("/") and not path.partition(":")[2].startswith("/"):
        raise ValueError('the left side is "/logical/path" or "resource:/physical/path"')
    return path


def _server_path(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("the left side is an absolute path of the OMERO server")
    return path


def _between(least: ByteSize, most: ByteSize) -> AfterValidator:
    def check(size: ByteSize) -> ByteSize:
        if not least <= size <= most:
            raise ValueError(f"must be from {least.human_readable()} to {most.human_readable()}")
        return size

    return AfterValidator(check)


KIB: Final = 1024
MIB: Final = 1024 * KIB

IrodsPath = Annotated[str, AfterValidator(_irods_path)]
ServerPath = Annotated[str, AfterValidator(_server_path)]
PieceSize = Annotated[ByteSize, _between(ByteSize(64 * KIB), ByteSize(16 * MIB))]
MemorySize = Annotated[ByteSize, _between(ByteSize(16 * MIB), ByteSize(64 * KIB * MIB))]


Connections = Annotated[int, Field(ge=1, le=32)]
_FAST: Final = TransferOptions()


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OmeroSettings(_Section):
    """``[omero]``: which server, and as whom. What is none comes from the omero command's stored session."""

    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 4064
    user: str | None = None
    group: str | None = None
    secure: bool = True
    managed_repository: AbsolutePath | None = None
    password_file: AbsolutePath | None = None
    import_command: AbsolutePath | None = None


class IrodsSettings(_Section):
    """``[irods]``: none is the file of all iRODS clients, IRODS_ENVIRONMENT_FILE or that in ``~/.irods``."""

    environment_file: AbsolutePath | None = None


class SnapshotSettings(_Section):
    """``[snapshots]``: where they go, and what the names of their AVUs begin with."""

    target: Annotated[str, understood_by(check_template)] = DEFAULT_TEMPLATE
    prefix: Annotated[str, Field(min_length=1, max_length=100)] = DEFAULT_PREFIX


class TransferSettings(_Section):
    """``[transfer]``: how many connections, and how many bytes are under way at once."""

    readers: Connections = _FAST.readers
    streams: Connections = _FAST.streams
    piece: PieceSize = ByteSize(_FAST.piece_bytes)
    memory: MemorySize = ByteSize(_FAST.memory_bytes)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            self.options()
        except UsageError as error:
            raise ValueError(error.message) from error
        return self

    def options(self) -> TransferOptions:
        """What pack takes."""
        return TransferOptions(self.readers, self.streams, int(self.piece), int(self.memory))


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    omero: OmeroSettings = OmeroSettings()
    irods: IrodsSettings = IrodsSettings()
    paths: dict[IrodsPath, AbsolutePath] = {}
    mounts: dict[ServerPath, AbsolutePath] = {}
    snapshots: SnapshotSettings = SnapshotSettings()
    transfer: TransferSettings = TransferSettings()
    ingest: IngestSettings = IngestSettings()
    agent: AgentSettings = AgentSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load` merged: it remembers where each value came from."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: its dotted name, its value, and where the value came from."""

    name: str
    value: object
    source: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and what they were made of. ``file`` is the file that was read, none when there is none."""

    settings: Settings
    file: Path | None
    layers: tuple[_Layer, ...]

    def values(self) -> Iterator[Value]:
        """Every setting with its source, in the order of the sections."""
        for section, found in self.settings:
            yield from _values((section,), dict(found), self.layers)


def _values(keys: tuple[str, ...], found: Tree, layers: Sequence[_Layer]) -> Iterator[Value]:
    for name, value in found.items():
        here = (*keys, name)
        if isinstance(value, BaseModel):
            yield from _values(here, dict(value), layers)
        else:
            yield Value(".".join(here), value, _source(here, layers))


@dataclass(frozen=True, slots=True)
class _Layer:
    """Values of one source; ``text`` is of the file, for the numbers of its lines."""

    source: str
    tree: Tree
    text: str = ""

    def has(self, keys: Sequence[object]) -> bool:
        found: object = self.tree
        for key in keys:
            if not isinstance(found, Mapping) or key not in found:
                return False
            found = found[key]
        return True

    def place(self, keys: Sequence[object]) -> str:
        if self.source == FLAG:
            return "On the command line"
        if not self.text:
            return f"Environment variable {ENV_PREFIX}{'__'.join(map(str, keys)).upper()}"
        line = _line_of(keys, self.text)
        return f"{self.source}, line {line}" if line else self.source


def load(config: Path | None = None, flags: Tree | None = None) -> Loaded:
    """Settings of the flags, over the environment, over the one file that is read.

    That is ``config``, else the one that OMERO_IRODS_CONFIG names, else the user's, else the system's.
    ``flags`` is nested as the settings are; what is none in it was not given.

    Raises:
        NotFound: the file that was named is not there.
        AccessDenied: it cannot be read.
        UsageError: it is not TOML, a name is unknown, or a value is wrong; says what, where and which line.
    """
    file = find_file(config)
    layers = (
        _Layer(FLAG, _given(flags or {})),
        _Layer("environment", _environment()),
        *(() if file is None else (_read(file),)),
    )
    _refuse_unknown(layers)
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged = _merge(merged, layer.tree)
    try:
        return Loaded(Settings(**merged), file, layers)
    except ValidationError as error:
        raise _explain(error, layers) from error


def find_file(config: Path | None = None) -> Path | None:
    """The file to read; none when nobody named one and neither the user nor the system has one.

    Raises:
        NotFound: it was named and is not there.
    """
    named = config or (Path(text) if (text := os.environ.get(CONFIG_VARIABLE)) else None)
    if named is not None:
        if not _is_file(named):
            how = "--config" if config else CONFIG_VARIABLE
            raise NotFound(
                f"{named} is not there, or you may not see it.",
                hint=f"It was named by {how}; name a file that exists.",
            )
        return named
    return next((path for path in standard_files() if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    """No for one in a folder that we may not look into, such as that of an agent: it is not ours."""
    try:
        return path.is_file()
    except OSError:
        return False


def standard_files() -> tuple[Path, Path]:
    """Where a file is looked for when nobody names one: the user's, then the system's."""
    return platformdirs.user_config_path(APPLICATION) / "config.toml", SYSTEM_FILE


def read_secret(path: Path) -> str:
    """The first line of a file that nobody but its owner may read.

    Raises:
        NotFound: it is not there, or empty.
        AccessDenied: others may read it, or we may not.
    """
    text = _text_of(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise AccessDenied(f"{path} can be read by others (mode {mode:03o}).", hint=f"Run: chmod 600 {path}")
    line = text.partition("\n")[0].rstrip("\r")
    if not line:
        raise NotFound(f"{path} is empty.", hint="Write the password into its first line.")
    return line


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        hint = f"Make it (install -m 600 /dev/null {path}), and write the secret into its first line."
        raise NotFound(f"{path} is not there.", hint=hint) from error
    except OSError as error:
        raise AccessDenied(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a text in UTF-8.") from error


def _read(file: Path) -> _Layer:
    text = _text_of(file)
    try:
        return _Layer(str(file), tomllib.loads(text), text or "\n")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not TOML: {error}.", hint="Strings need quotes in TOML.") from error


def _environment() -> Tree:
    try:
        return {**EnvSettingsSource(Settings)(), **_unknown_sections()}
    except SettingsError as error:
        raise UsageError(
            f"An environment variable that begins with {ENV_PREFIX} cannot be read: {error}.",
            hint='A table is JSON there, for example OMERO_IRODS_PATHS=\'{"/tempZone": "/mnt/irods"}\'',
        ) from error


def _unknown_sections() -> Tree:
    """Variables in our name that no section takes: a slip that would otherwise go unnoticed.

    Raises:
        UsageError: one has a single underscore behind the name of a section.
    """
    names = [name.removeprefix(ENV_PREFIX) for name in os.environ if name.startswith(ENV_PREFIX)]
    for name in names:
        section, _, rest = name.partition("_")
        if section.lower() in Settings.model_fields and rest and not rest.startswith("_"):
            raise UsageError(
                f"Environment variable {ENV_PREFIX}{name}: there is no such setting.",
                hint=f"Two underscores are between section and setting: {ENV_PREFIX}{section}__{rest}",
            )
    parts = (name.lower().split("__", 1) for name in names if "__" in name)
    return {section: {key: ""} for section, key in parts if section not in Settings.model_fields}


def _given(flags: Tree) -> Tree:
    pairs = ((key, _given(value) if isinstance(value, Mapping) else value) for key, value in flags.items())
    return {key: value for key, value in pairs if value is not None and value != {}}


def _merge(under: Mapping[str, Any], over: Tree) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(below, value) if both and below is not None else value
    return merged


def _source(keys: Sequence[object], layers: Sequence[_Layer]) -> str:
    return next((layer.source for layer in layers if layer.has(keys)), DEFAULT)


# -- what is wrong, and where


def _refuse_unknown(layers: Sequence[_Layer]) -> None:
    for layer in layers:
        for keys, known in _unknown(layer.tree):
            raise _unknown_name(keys, known, layer)
        for section, values in layer.tree.items():
            if not isinstance(values, Mapping):
                raise UsageError(
                    f"{layer.place((section,))}: {section} is a section, not a value.",
                    hint=f"Write [{section}] and its settings below it.",
                )


def _unknown(tree: Tree) -> Iterator[tuple[tuple[str, ...], Sequence[str]]]:
    for section, values in tree.items():
        field = Settings.model_fields.get(section)
        if field is None:
            yield (section,), list(Settings.model_fields)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            known = list(field.annotation.model_fields)
            names = values if isinstance(values, Mapping) else ()
            yield from (((section, name), known) for name in names if name not in known)


def _unknown_name(keys: tuple[str, ...], known: Sequence[str], layer: _Layer) -> UsageError:
    near = difflib.get_close_matches(keys[-1], known, 1)
    hint = f"Did you mean {'.'.join((*keys[:-1], near[0]))}?" if near else f"Known are: {', '.join(known)}."
    return UsageError(f"{layer.place(keys)}: there is no setting {'.'.join(keys)}.", hint=hint)


def _explain(error: ValidationError, layers: Sequence[_Layer]) -> BridgeError:
    first = error.errors()[0]
    keys = [one for one in first["loc"] if isinstance(one, str) and one != "[key]"]
    layer = next((one for one in layers if one.has(keys)), layers[-1])
    value = _PASSWORD.sub("***", json.dumps(first["input"], default=str, ensure_ascii=False))
    reason = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "extra_forbidden":
        reason = "there is no such setting"
    reason = reason[:1].lower() + reason[1:]
    return UsageError(f"{layer.place(keys)}: {'.'.join(map(str, keys))} = {value} is wrong: {reason}.")


def _line_of(keys: Sequence[object], text: str) -> int | None:
    """The line that sets ``keys``, of the section's header when it is not found."""
    section: list[str] = []
    header = None
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([^\[\]]+)\]", line):
            section = [part.strip().strip("\"'") for part in match[1].split(".")]
            header = number if section == list(keys)[: len(section)] else header
        elif _sets(line, section, keys):
            return number
    return header


def _sets(line: str, section: list[str], keys: Sequence[object]) -> bool:
    match = re.match(r"""\s*("[^"]*"|'[^']*'|[\w.-]+)\s*=""", line)
    if match is None:
        return False
    name = match[1]
    full = section + ([name[1:-1]] if name[0] in "\"'" else name.split("."))
    return full == list(keys)[: len(full)] and (len(full) == len(keys) or not section)
