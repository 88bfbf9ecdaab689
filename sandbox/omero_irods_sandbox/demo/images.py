"""Microscope images that come with scikit-image, so that the demonstration needs no download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class MicroscopeImage:
    """A real image and what is known of it. Source: README.txt in scikit-image's data folder."""

    path: Path
    modality: str
    subject: str

    @property
    def name(self) -> str:
        return self.path.name


_CATALOG: Final = (
    ("cell.png", "phase contrast", "a cell on glass"),
    ("ihc.png", "bright field", "colon, immunohistochemistry"),
    ("retina.jpg", "fundus photography", "retina"),
    ("microaneurysms.png", "fundus photography", "microaneurysms in a retina"),
)


def microscope_images() -> list[MicroscopeImage]:
    """All of them.

    Raises:
        FileNotFoundError: scikit-image is not installed or has moved its images.
    """
    folder = Path(str(files("skimage") / "data"))
    images = [MicroscopeImage(folder / name, modality, subject) for name, modality, subject in _CATALOG]
    for image in images:
        if not image.path.is_file():
            raise FileNotFoundError(f"scikit-image no longer carries {image.path}. Run: make clean setup")
    return images
