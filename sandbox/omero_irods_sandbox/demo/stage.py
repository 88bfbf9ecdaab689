"""Where the chapters play: the servers, a person with accounts on them, and what chapters hand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.person import Person
from omero_irods_sandbox.irods_zone.running import ZoneProcess, zone_process
from omero_irods_sandbox.omero_server.running import ServerProcess, server_process

_A_DAY: Final = ("--idle-timeout", "86400")
"""Sessions in OMERO outlive a pause of whoever looks around; usual are ten minutes."""


@dataclass
class Stage:
    """What is there for all chapters.

    ``dataset`` and ``images`` (ids by name) are in OMERO after the chapter on OMERO, ``snapshot`` is in iRODS
    after the one on packing. ``other`` is the OMERO of another institute, with nothing in it. ``service`` is
    whom the agent runs as; it has accounts after the chapter on the agent, which answers at ``agent_url``
    then. ``doors`` close at the end, the last first, and ``servers`` after them.
    """

    zone: ZoneProcess
    omero: ServerProcess
    other: ServerProcess
    person: Person
    service: Person
    doors: ExitStack
    servers: ExitStack
    dataset: int = 0
    images: dict[str, int] = field(default_factory=dict)
    snapshot: str = ""
    agent_url: str = ""

    @property
    def home(self) -> str:
        """The person's home collection."""
        return f"/{self.zone.zone}/home/{self.person.name}"

    @property
    def zone_root(self) -> Path:
        """Where the zone keeps its catalog and its vault."""
        return self.zone.environment_file.parent

    def restart_zone(self, *options: str) -> None:
        """Stop the zone, and start it again at the same port with these options."""
        root, port = self.zone_root, str(self.zone.port)
        self.zone.stop()
        messages = root.with_name("zone-with-rules.log")
        self.zone = self.servers.enter_context(
            zone_process(root, "--port", port, *options, messages=messages)
        )


@contextmanager
def set_up(folder: Path, narrator: Narrator) -> Iterator[Stage]:
    """The servers, until the block ends; their data and messages lie in ``folder``."""
    narrator.step(
        "Start an iRODS zone and two OMERO servers",
        "Embedded servers for trying: they speak the protocols of the real ones, to the usual clients.",
    )
    person = Person.moves_in("alice", folder / "alice")
    narrator.command(f"omero-irods-sandbox irods --root {folder / 'zone'} --port 0")
    narrator.command(f"omero-irods-sandbox omero --data {folder / 'omero'} --ssl 0 --tcp 0")
    narrator.command(f"omero-irods-sandbox omero --data {folder / 'other'} --ssl 0 --tcp 0")
    ports = ("--ssl", "0", "--tcp", "0", *_A_DAY)
    with ExitStack() as servers, ExitStack() as doors:
        zone = servers.enter_context(
            zone_process(folder / "zone", "--port", "0", messages=folder / "zone.log")
        )
        omero, other = (
            servers.enter_context(server_process(folder / name, *ports, messages=folder / f"{name}.log"))
            for name in ("omero", "other")
        )
        narrator.outcome(f"zone {zone.zone} listens on {zone.host}:{zone.port}")
        narrator.outcome(
            f"OMERO listens on {omero.host}:{omero.ssl}, the other one on {other.host}:{other.ssl}"
        )
        service = Person.moves_in("bridge", folder / "bridge")
        yield Stage(zone, omero, other, person, service, doors, servers)
