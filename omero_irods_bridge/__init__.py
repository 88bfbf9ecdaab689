"""Moves microscopy images, with everything OMERO knows about them, between OMERO and iRODS."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("omero-irods-bridge")
