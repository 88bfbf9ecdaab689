"""``omero-irods-sandbox``: the embedded servers and the demonstration, for trying and testing."""

from __future__ import annotations

import json
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

import typer

from omero_irods_bridge.python_imports import collector_at_rest, freeze_imports
from omero_irods_sandbox.errors import StartError

app = typer.Typer(
    help="Embedded servers for trying and testing the OMERO-iRODS bridge. Not for production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NOTICE = "For trying and testing only: passwords are kept readable, and nobody looks after the data."


def _is_log_level(name: str) -> str:
    if name.upper() not in logging.getLevelNamesMapping():
        raise typer.BadParameter(f"{name} is none of DEBUG, INFO, WARNING, ERROR")
    return name.upper()


LogLevel = Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.", callback=_is_log_level)]


@app.command()
def irods(
    root: Annotated[Path, typer.Option(help="Folder of the zone: catalog and vault.", file_okay=False)],
    port: Annotated[int, typer.Option(help="TCP port; 0 means any free one.", min=0, max=65535)] = 1247,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    zone: Annotated[
        str | None,
        typer.Option(help="Name of the zone, fixed when the folder is new.  [default: tempZone]"),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Require TLS, with a self-signed certificate.")] = False,
    rules: Annotated[
        Path | None, typer.Option(help="Rule file (core.py) to load.", exists=True, dir_okay=False)
    ] = None,
    exec_bin: Annotated[
        Path | None,
        typer.Option(help="Folder of the programs that rules may run.", exists=True, file_okay=False),
    ] = None,
    delay_interval: Annotated[
        float, typer.Option(help="Seconds between looks for delayed rules.", min=0.05)
    ] = 1.0,
    allow_other_hosts: Annotated[
        bool, typer.Option("--allow-other-hosts", help="Permit an address that other machines reach.")
    ] = False,
    log_level: LogLevel = "WARNING",
) -> None:
    """Run an iRODS zone until it gets SIGTERM or Ctrl-C.

    Prints one line of JSON when clients can connect: host, port, zone, admin,
    environment_file. The administrator's password is in ROOT/admin_password.

    Example: omero-irods-sandbox irods --root /tmp/zone --port 0
    """
    _set_up_logging(log_level)

    def start() -> _Server:
        from omero_irods_sandbox.irods_zone.startup import Negotiation
        from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig

        config = ZoneConfig(
            root=root.resolve(),
            host=host,
            port=port,
            zone=zone,
            tls=Negotiation.REQUIRE if tls else Negotiation.REFUSE,
            rules=rules,
            exec_bin=exec_bin,
            delay_interval_s=delay_interval,
            allow_other_hosts=allow_other_hosts,
        )
        return Zone(config).start()

    running = _start(start, f"the zone in {root}")
    _run_until_told(running.ready(), running.stop)


@app.command()
def omero(
    data: Annotated[Path, typer.Option(help="Folder of the server: database and files.", file_okay=False)],
    ssl: Annotated[int, typer.Option(help="Port for TLS; 0 means any free one.", min=0, max=65535)] = 4064,
    tcp: Annotated[
        int, typer.Option(help="Port without TLS; 0 means any free one.", min=0, max=65535)
    ] = 4063,
    name: Annotated[str, typer.Option(help="What to call the server in messages.")] = "omero",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    idle_timeout: Annotated[float, typer.Option(help="Seconds until an unused session ends.", min=1)] = 600,
    script_timeout: Annotated[float, typer.Option(help="Seconds that a script may run.", min=1)] = 3600,
    allow_other_hosts: Annotated[
        bool, typer.Option("--allow-other-hosts", help="Permit an address that other machines reach.")
    ] = False,
    log_level: LogLevel = "WARNING",
) -> None:
    """Run an OMERO server until it gets SIGTERM or Ctrl-C.

    Prints one line of JSON when clients can connect: ssl, tcp, root_password_file,
    uuid, managed_repository and more. Root's password is in DATA/root_password.

    Example: omero-irods-sandbox omero --data /tmp/omero --ssl 0 --tcp 0
    """

    def start() -> _Server:
        with collector_at_rest():
            from omero_irods_sandbox.omero_server.config import ServerConfig
            from omero_irods_sandbox.omero_server.server import OmeroServer

        config = ServerConfig(
            data=data.resolve(),
            host=host,
            ssl=ssl,
            tcp=tcp,
            name=name,
            idle_timeout_s=idle_timeout,
            script_timeout_s=script_timeout,
            allow_other_hosts=allow_other_hosts,
        )
        return OmeroServer(config).start()

    _set_up_logging(log_level)
    running = _start(start, f"the OMERO server in {data}")
    _run_until_told(running.ready(), running.stop)


class _Server(Protocol):
    def ready(self) -> dict[str, object]: ...

    def stop(self) -> None: ...


def _set_up_logging(level: str) -> None:
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")


def _start(start: Callable[[], _Server], what: str) -> _Server:
    """What ``start`` returns; a problem that its user can mend becomes a message of one line."""
    try:
        return start()
    except (OSError, ValueError, RuntimeError, StartError) as error:
        typer.echo(f"Could not start {what}: {error}", err=True)
        raise typer.Exit(1) from error


def _run_until_told(ready: dict[str, object], stop: Callable[[], None]) -> None:
    """Announce, wait for SIGTERM or SIGINT, stop.

    The kernel may hand a signal to any thread. A handler in Python runs in this one, which would not be woken
    for it; the number of the signal is written to the socket whichever thread gets it.
    """
    told, teller = socket.socketpair()
    teller.setblocking(False)
    signal.set_wakeup_fd(teller.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    typer.echo(NOTICE, err=True)
    typer.echo(json.dumps(ready))
    told.recv(1)
    stop()


@app.command()
def demo(
    folder: Annotated[
        Path | None,
        typer.Option(help="Where to keep the demonstration's data; a temporary one if not given."),
    ] = None,
) -> None:
    """Show what works, step by step, on embedded servers and real microscope images.

    Ends with status 1 when a step did not do what it says.

    Example: omero-irods-sandbox demo
    """
    from omero_irods_sandbox.demo.story import tell

    raise typer.Exit(0 if tell(folder) else 1)


def main() -> int:
    """The console script; returns the exit status."""
    freeze_imports()
    try:
        app(prog_name="omero-irods-sandbox")
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else int(finished.code is not None)
    return 0
