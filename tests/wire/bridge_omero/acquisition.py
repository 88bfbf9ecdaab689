"""How an image was taken: an instrument with all parts, and what refers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import omero

from tests.wire.bridge_omero.filled import Filler
from tests.wire.omero_server import content

Gateway = Any


@dataclass(frozen=True)
class Instrument:
    """The instrument and its parts by class, as references."""

    id: int
    parts: dict[str, Any]

    def annotatable(self) -> list[tuple[str, int]]:
        """Kind and id of those that can be annotated; the kind is the one that names the link."""
        lights = ("Arc", "Filament", "GenericExcitationSource", "Laser", "LightEmittingDiode")
        kinds = {"Detector", "Objective", "Filter", "Dichroic", *lights}
        found = [
            ("LightSource" if kind in lights else kind, part.id.val)
            for kind, part in self.parts.items()
            if kind in kinds
        ]
        return [("Instrument", self.id), *found]


def build_instrument(gateway: Gateway, fill: Filler) -> Instrument:
    """One part of each class; the filter set uses filter and dichroic, the laser is pumped by the arc."""
    microscope = content.save(gateway, fill.make("Microscope"))
    saved = content.save(gateway, fill.make("Instrument", microscope=_ref(microscope)))
    parts: dict[str, Any] = {}

    def part(kind: str, **references: Any) -> Any:
        made = content.save(gateway, fill.make(kind, instrument=_ref(saved), **references))
        parts[kind] = _ref(made)
        return parts[kind]

    arc = part("Arc")
    for kind in ("Filament", "GenericExcitationSource", "LightEmittingDiode", "Detector", "Objective"):
        part(kind)
    part("Laser", pump=arc)
    reach = content.save(gateway, fill.make("TransmittanceRange"))
    filter_ = part("Filter", transmittanceRange=_ref(reach))
    dichroic = part("Dichroic")
    filters = part("FilterSet", dichroic=dichroic)
    for kind in ("FilterSetExcitationFilterLink", "FilterSetEmissionFilterLink"):
        content.save(gateway, _link(kind, filters, filter_))
    part("OTF", filterSet=filters, objective=parts["Objective"])
    return Instrument(int(saved.id.val), parts)


def build_experiment(gateway: Gateway, fill: Filler, instrument: Instrument) -> tuple[Any, Any]:
    """An experiment with a microbeam manipulation, and the light settings of that: references."""
    experiment = _ref(content.save(gateway, fill.make("Experiment")))
    beam = _ref(content.save(gateway, fill.make("MicrobeamManipulation", experiment=experiment)))
    light = fill.make("LightSettings", lightSource=instrument.parts["Laser"], microbeamManipulation=beam)
    return experiment, _ref(content.save(gateway, light))


def describe_acquisition(gateway: Gateway, fill: Filler, image: Any, instrument: Instrument) -> int:
    """Let an image loaded with pixels, channels and logical channels say all of this; a light path's id."""
    experiment, light = build_experiment(gateway, fill, instrument)
    parts = instrument.parts
    image.instrument, image.experiment = omero.model.InstrumentI(instrument.id, False), experiment
    image.objectiveSettings = fill.make("ObjectiveSettings", objective=parts["Objective"])
    image.imagingEnvironment, image.stageLabel = fill.make("ImagingEnvironment"), fill.make("StageLabel")
    path = fill.make("LightPath", dichroic=parts["Dichroic"])
    path.addLightPathExcitationFilterLink(_link("LightPathExcitationFilterLink", path, parts["Filter"]))
    path.addLightPathEmissionFilterLink(_link("LightPathEmissionFilterLink", path, parts["Filter"]))
    for channel in image.getPrimaryPixels().copyChannels():
        fill(channel.logicalChannel)
        channel.logicalChannel.otf, channel.logicalChannel.filterSet = parts["OTF"], parts["FilterSet"]
        channel.logicalChannel.detectorSettings = fill.make("DetectorSettings", detector=parts["Detector"])
        channel.logicalChannel.lightSourceSettings = light
        channel.logicalChannel.lightPath = path
        fill(channel)
    saved = content.save(gateway, fill(image))
    (channel, *_) = saved.getPrimaryPixels().copyChannels()
    return int(channel.logicalChannel.lightPath.id.val)


def _ref(obj: Any) -> Any:
    return type(obj)(obj.id.val, False)


def _link(kind: str, parent: Any, child: Any) -> Any:
    made = getattr(omero.model, f"{kind}I")()
    made.parent, made.child = parent, child
    return made
