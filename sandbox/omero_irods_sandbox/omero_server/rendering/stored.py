"""Rendering settings in the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from omero_irods_sandbox.omero_server.errors import security_violation, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.rendering.settings import ChannelSettings, Settings
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.model.types import IObject
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.store.database import Database
    from omero_irods_sandbox.omero_server.store.store import Store
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

_Columns: TypeAlias = dict[str, Any]
"""Values by column: no class of the model is known here."""

_LOADED: Final = (
    "select d from RenderingDef d left outer join fetch d.quantization left outer join fetch d.model"
    " left outer join fetch d.waveRendering b left outer join fetch b.family"
    " left outer join fetch b.spatialDomainEnhancement where d.id in (:ids)"
)
"""As PixelsImpl.RENDERING_DEF_QUERY_PREFIX loads them."""

_BINDINGS: Final = (
    'select * from "ChannelBinding" where "renderingDef_id" = ? order by "renderingDef_index", id'
)
_INVERSION: Final = (
    'select id from "CodomainMapContext" where "channelBinding_id" = ?'
    " and _class = 'ReverseIntensityContext'"
)


def settings_of_user(database: Database, pixels_id: int, user_id: int) -> int | None:
    """The id of the settings that a user saved last; several of one user are possible (PixelsImpl)."""
    found = database.value(
        'select id from "RenderingDef" where pixels_id = ? and d_owner = ?'
        " order by d_update desc, id desc limit 1",
        pixels_id,
        user_id,
    )
    return None if found is None else int(found)


def settings_for_user(database: Database, pixels_id: int, user_id: int) -> int | None:
    """As :func:`settings_of_user`; those of the owner of the pixels when the user has none."""
    own = settings_of_user(database, pixels_id, user_id)
    if own is not None:
        return own
    owner = database.value('select d_owner from "Pixels" where id = ?', pixels_id)
    return None if owner is None else settings_of_user(database, pixels_id, owner)


def objects(store: Store, ids: Sequence[int], caller: Caller) -> list[IObject]:
    """Loaded RenderingDefs that the caller may read, in the order of ``ids``."""
    if not ids:
        return []
    found = {one.id.val: one for one in store.objects(_LOADED, caller, ids=list(ids))}
    return [found[id_] for id_ in ids if id_ in found]


def load(database: Database, settings_id: int) -> Settings:
    """Settings by id, whoever may read them.

    Raises:
        ValidationException: there are none.
    """
    row = _row(database, settings_id)
    quantum = database.row('select * from "QuantumDef" where id = ?', row["quantization_id"])
    assert quantum is not None
    return Settings(
        z=row["defaultZ"],
        t=row["defaultT"],
        model=_value(database, "RenderingModel", row["model_id"]),
        channels=tuple(_channel(database, one) for one in database.rows(_BINDINGS, settings_id)),
        codomain=(quantum["cdStart"], quantum["cdEnd"]),
        bit_resolution=quantum["bitResolution"],
    )


def _row(database: Database, settings_id: int) -> sqlite3.Row:
    row = database.row('select * from "RenderingDef" where id = ?', settings_id)
    if row is None:
        raise validation(f"No such object: RenderingDef:{settings_id}")
    return row


def _channel(database: Database, row: sqlite3.Row) -> ChannelSettings:
    return ChannelSettings(
        start=row["inputStart"],
        end=row["inputEnd"],
        color=(row["red"], row["green"], row["blue"], row["alpha"]),
        is_active=bool(row["active"]),
        family=_value(database, "Family", row["family_id"]),
        coefficient=row["coefficient"],
        noise_reduction=bool(row["noiseReduction"]),
        lookup_table=row["lookupTable"],
        is_inverted=bool(database.value(f"{_INVERSION} and reverse", row["id"])),
    )


def _value(database: Database, enumeration: str, id_: int) -> str:
    return str(database.value(f'select value from "{enumeration}" where id = ?', id_))


# -- writing


def create(work: UnitOfWork, pixels_id: int, settings: Settings) -> int:
    """New settings of the caller, in the group of the pixels; their id.

    Raises:
        ValidationException: there are no such pixels.
    """
    group_id = work.database.value('select d_group from "Pixels" where id = ?', pixels_id)
    if group_id is None:
        raise validation(f"No such object: Pixels:{pixels_id}")
    quantization = work.insert("QuantumDef", group_id=group_id, **_quantum_columns(settings))
    settings_id = work.insert(
        "RenderingDef",
        group_id=group_id,
        pixels_id=pixels_id,
        quantization_id=quantization,
        **_columns(work.database, settings),
    )
    for index, channel in enumerate(settings.channels):
        binding = work.insert(
            "ChannelBinding",
            group_id=group_id,
            renderingDef_id=settings_id,
            renderingDef_index=index,
            **_channel_columns(work.database, channel),
        )
        _invert(work, binding, channel, group_id)
    return settings_id


def check_editable(work: UnitOfWork, settings_id: int) -> None:
    """Refuse callers who may not change settings.

    Raises:
        SecurityViolation: the caller may not.
    """
    row = _row(work.database, settings_id)
    entity = MODEL.entity("RenderingDef")
    if not is_allowed(work.caller, Right.EDIT, entity, row["d_owner"], row["d_group"]):
        raise security_violation(f"RenderingDef:{settings_id} may not be changed by the caller")


def change(work: UnitOfWork, settings_id: int, settings: Settings) -> None:
    """Write settings over those that are there, which count as the latest from then on.

    Raises:
        ValidationException: there are none.
    """
    row = _row(work.database, settings_id)
    work.update("RenderingDef", settings_id, **_columns(work.database, settings))
    work.update("QuantumDef", row["quantization_id"], **_quantum_columns(settings))
    bindings = work.database.rows(_BINDINGS, settings_id)
    for binding, channel in zip(bindings, settings.channels, strict=True):
        work.update("ChannelBinding", binding["id"], **_channel_columns(work.database, channel))
        _invert(work, binding["id"], channel, binding["d_group"])


def _columns(database: Database, settings: Settings) -> _Columns:
    model = _enumeration(database, "RenderingModel", settings.model)
    return {"defaultZ": settings.z, "defaultT": settings.t, "model_id": model}


def _quantum_columns(settings: Settings) -> _Columns:
    start, end = settings.codomain
    return {"cdStart": start, "cdEnd": end, "bitResolution": settings.bit_resolution}


def _channel_columns(database: Database, channel: ChannelSettings) -> _Columns:
    red, green, blue, alpha = channel.color
    return {
        "inputStart": channel.start,
        "inputEnd": channel.end,
        "red": red,
        "green": green,
        "blue": blue,
        "alpha": alpha,
        "active": int(channel.is_active),
        "family_id": _enumeration(database, "Family", channel.family),
        "coefficient": channel.coefficient,
        "noiseReduction": int(channel.noise_reduction),
        "lookupTable": channel.lookup_table,
    }


def _enumeration(database: Database, name: str, value: str) -> int:
    found = database.value(f'select id from "{name}" where value = ?', value)
    if found is None:
        raise validation(f"{name} has no value {value!r}")
    return int(found)


def _invert(work: UnitOfWork, binding_id: int, channel: ChannelSettings, group_id: int) -> None:
    known = [row["id"] for row in work.database.rows(_INVERSION, binding_id)]
    if not channel.is_inverted:
        work.delete("ReverseIntensityContext", known)
    elif not known:
        work.insert(
            "ReverseIntensityContext",
            group_id=group_id,
            channelBinding_id=binding_id,
            channelBinding_index=_next_index(work.database, binding_id),
            reverse=1,
        )


def _next_index(database: Database, binding_id: int) -> int:
    return int(
        database.value('select count(*) from "CodomainMapContext" where "channelBinding_id" = ?', binding_id)
    )
