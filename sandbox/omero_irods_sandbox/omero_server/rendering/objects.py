"""Rendering settings as omero.model objects, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import omero
from omero.rtypes import rbool, rdouble, rint, rstring

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.rendering.settings import ChannelSettings, Settings

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.store.database import Database


def unsaved(pixels_id: int, settings: Settings) -> IObject:
    """A new RenderingDef with all that hangs on it."""
    made = MODEL.entity("RenderingDef").make()
    made.pixels = MODEL.entity("Pixels").make(pixels_id, loaded=False)
    made.defaultZ, made.defaultT = rint(settings.z), rint(settings.t)
    made.model = enumeration("RenderingModel", settings.model)
    made.quantization = quantum_def(settings)
    for channel in settings.channels:
        made.addChannelBinding(_binding(channel))
    return made


def quantum_def(settings: Settings) -> IObject:
    """How values become bytes."""
    made = MODEL.entity("QuantumDef").make()
    made.cdStart, made.cdEnd = map(rint, settings.codomain)
    made.bitResolution = rint(settings.bit_resolution)
    return made


def enumeration(kind: str, value: str) -> IObject:
    """A value of an enumeration, without its id."""
    made = MODEL.entity(kind).make()
    made.value = rstring(value)
    return made


def inversions(channel: ChannelSettings) -> list[IObject]:
    """The codomain maps of a channel."""
    if not channel.is_inverted:
        return []
    made = MODEL.entity("ReverseIntensityContext").make()
    made.reverse = rbool(True)
    return [made]


def _binding(channel: ChannelSettings) -> IObject:
    made = MODEL.entity("ChannelBinding").make()
    made.inputStart, made.inputEnd = rdouble(channel.start), rdouble(channel.end)
    made.red, made.green, made.blue, made.alpha = map(rint, channel.color)
    made.active = rbool(channel.is_active)
    made.family = enumeration("Family", channel.family)
    made.coefficient = rdouble(channel.coefficient)
    made.noiseReduction = rbool(channel.noise_reduction)
    made.lookupTable = None if channel.lookup_table is None else rstring(channel.lookup_table)
    for context in inversions(channel):
        made.addCodomainMapContext(context)
    return made


# -- back


def updated(settings: Settings, given: IObject, database: Database) -> Settings:
    """Settings with what is set in a RenderingDef; channels that the image has not are left out.

    Source: RenderingBean.updateSettings.
    """
    changes = _present(z=given.defaultZ, t=given.defaultT)
    if given.model is not None:
        changes["model"] = value_of(database, "RenderingModel", given.model)
    quantum = given.quantization
    if quantum is not None and quantum.isLoaded():
        changes |= _present(bit_resolution=quantum.bitResolution)
        if quantum.cdStart is not None and quantum.cdEnd is not None:
            changes["codomain"] = (quantum.cdStart.val, quantum.cdEnd.val)
    result = replace(settings, **changes)
    bindings = given.copyWaveRendering()[: len(settings.channels)]
    for index, binding in enumerate(bindings):
        if binding is not None:
            result = result.with_channel(index, **_changes_of(binding, database))
    return result


def _changes_of(binding: IObject, database: Database) -> dict[str, Any]:
    changes = _present(
        is_active=binding.active,
        start=binding.inputStart,
        end=binding.inputEnd,
        coefficient=binding.coefficient,
        noise_reduction=binding.noiseReduction,
        lookup_table=binding.lookupTable,
    )
    if binding.family is not None:
        changes["family"] = value_of(database, "Family", binding.family)
    rgba = (binding.red, binding.green, binding.blue, binding.alpha)
    if None not in rgba:
        changes["color"] = tuple(part.val for part in rgba)
    contexts = binding.copySpatialDomainEnhancement()
    if any(isinstance(context, omero.model.ReverseIntensityContext) for context in contexts):
        changes["is_inverted"] = True
    return changes


def _present(**values: RType) -> dict[str, Any]:
    return {name: value.val for name, value in values.items() if value is not None}


def value_of(database: Database, kind: str, given: IObject | None) -> str:
    """The text of an enumeration's value, which may be unloaded.

    Raises:
        ApiUsageException: none is given, or it has no such value.
    """
    if given is not None and given.isLoaded() and given.value is not None:
        return str(given.value.val)
    id_ = None if given is None or given.id is None else given.id.val
    found = database.value(f'select value from "{kind}" where id = ?', id_)
    if found is None:
        raise api_usage(f"no {kind} is given")
    return str(found)
