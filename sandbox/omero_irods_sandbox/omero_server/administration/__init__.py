"""The parts of omero.api.IAdmin."""
