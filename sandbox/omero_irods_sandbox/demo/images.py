"""Microscope images that come with scikit-image, so that the demonstration needs no download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Region:
    """An ellipse in pixels that somebody would draw."""

    name: str
    x: float
    y: float
    radius_x: float
    radius_y: float


@dataclass(frozen=True, slots=True)
class MicroscopeImage:
    """A real image and what is known of it. Source: README.txt in scikit-image's data folder."""

    path: Path
    modality: str
    subject: str
    region: Region | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Keys and values."""
        return ("subject", self.subject), ("source", "scikit-image")


_CATALOG: Final = (
    ("cell.png", "phase contrast", "cell on glass", Region("cell", 427, 373, 66, 66)),
    ("ihc.png", "bright field", "colon", None),
    ("retina.jpg", "fundus photography", "retina", Region("optic disc", 230, 653, 100, 110)),
    ("microaneurysms.png", "fundus photography", "microaneurysms", None),
)


def microscope_images() -> list[MicroscopeImage]:
    """All of them.

    Raises:
        FileNotFoundError: scikit-image is not installed or has moved its images.
    """
    folder = Path(str(files("skimage") / "data"))
    images = [MicroscopeImage(folder / name, *known) for name, *known in _CATALOG]
    for image in images:
        if not image.path.is_file():
            raise FileNotFoundError(f"scikit-image no longer carries {image.path}. Run: make clean setup")
    return images
