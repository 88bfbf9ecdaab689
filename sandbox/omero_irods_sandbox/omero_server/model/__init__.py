"""The OMERO data model, read from omero-py: no class and no field is named here."""
