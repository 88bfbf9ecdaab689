"""``omero-irods show``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Config, Shown
from omero_irods_bridge.model.snapshot import Snapshot, from_avus
from omero_irods_bridge.packet.reading import Container

if TYPE_CHECKING:
    from omero_irods_bridge.operations.show import Branch, Contents
    from omero_irods_bridge.packet.reading import Packet
    from omero_irods_bridge.settings import Settings

_Place = Annotated[str, typer.Argument(metavar="SNAPSHOT", hidden=True)]
_Files = Annotated[bool, typer.Option("--files", help="All files, with bytes and SHA-256.")]
_Tree = Annotated[
    bool, typer.Option("--tree", help="Projects, datasets, plates and images; reads all of the metadata.")
]


@dataclass(frozen=True)
class _Seen:
    """What was found; ``snapshot`` is none for a packet without AVUs, ``branches`` when not asked for."""

    place: str
    snapshot: Snapshot | None
    contents: Contents
    branches: tuple[Branch, ...] | None


def show(
    snapshot: _Place, *, files: _Files = False, tree: _Tree = False, shown: Shown, config: Config
) -> None:
    """Show what is in SNAPSHOT: a path in iRODS, or a packet (zip, tar or folder) on this computer.

    Of a zip only the end is read.  Example:  omero-irods show /tempZone/home/alice/hela.zip
    """
    from omero_irods_bridge.operations import show as operation

    with _opened(snapshot, working.settings_of(config)) as (described, packet):
        branches = operation.tree(packet) if tree else None
        seen = _Seen(snapshot, described, operation.show(packet), branches)
    if shown.as_json:
        output.json_result(_fields(seen))
    else:
        output.result("\n".join(_lines(seen)))
        _show_files(seen, files=files)


@contextmanager
def _opened(place: str, settings: Settings) -> Iterator[tuple[Snapshot | None, Packet]]:
    """The packet, and what its AVUs say of it. No connection is made for one on this computer."""
    from omero_irods_bridge.operations.opening import IRODS, is_in_irods, open_packet, open_snapshot
    from omero_irods_bridge.wiring import open_local, open_object_store, zone_of

    if not is_in_irods(place, zone_of(settings)):
        with open_packet(None, place, open_local=open_local) as packet:
            yield None, packet
        return
    path = place.removeprefix(IRODS)
    with open_object_store(settings) as store, open_snapshot(store, path) as packet:
        about = from_avus(store.avus(path), settings.snapshots.prefix)
        yield None if about is None else Snapshot(path, about), packet


# -- for people


def _lines(seen: _Seen) -> Iterator[str]:
    if seen.snapshot is not None:
        yield views.described(seen.snapshot)
    else:
        yield f"{seen.place}\n  not described by AVUs"
    yield from views.aligned(_facts(seen))
    yield from (f"Note: {text}" for text in seen.contents.notes)
    for branch in seen.branches or ():
        yield f"  {'  ' * branch.depth}{branch.ref}  {output.in_a_line(branch.name)}"


def _facts(seen: _Seen) -> Iterator[tuple[str, str]]:
    contents, manifest = seen.contents, seen.contents.manifest
    form = "collection" if seen.snapshot and contents.container is Container.FOLDER else contents.container
    if manifest is None:
        yield "packet", f"{form} without a manifest, as omero transfer makes it: nothing to verify it by"
    else:
        yield "packet", f"{form}, from OMERO {manifest.server.version} at {manifest.server.host}"
    yield "members", f"{len(contents.members):,} with {views.exact_size(contents.size)}{_roles(contents)}"


def _roles(contents: Contents) -> str:
    roles = ", ".join(f"{number:,} {role}" for role, number in sorted(contents.roles.items()))
    return f": {roles}" if roles else ""


def _show_files(seen: _Seen, *, files: bool) -> None:
    if not files:
        return
    rows = (
        (f"{one.size:,}", one.packed.sha256.hex if one.packed else "", one.path)
        for one in seen.contents.members
    )
    output.table(("BYTES", "SHA256", "FILE"), rows, right=("BYTES",))


# -- for programs


def _fields(seen: _Seen) -> dict[str, Any]:
    contents = seen.contents
    fields: dict[str, Any] = {
        "place": seen.place,
        "snapshot": None if seen.snapshot is None else views.snapshot_fields(seen.snapshot),
        "container": contents.container.value,
        "bytes": contents.size,
        "roles": {role.value: number for role, number in contents.roles.items()},
        "notes": list(contents.notes),
        "members": [_member(one) for one in contents.members],
    }
    if contents.manifest is not None:
        fields["server"] = views.plain(contents.manifest.server)
        fields["objects"] = [str(ref) for ref in contents.manifest.objects]
        fields["software"] = contents.manifest.software
    if seen.branches is not None:
        fields["tree"] = views.plain(seen.branches)
    return fields


def _member(one: Any) -> dict[str, Any]:
    packed = one.packed
    said = {} if packed is None else {"sha256": packed.sha256.hex, "role": packed.role.value, "id": packed.id}
    return {"path": one.path, "bytes": one.size, **said}
