"""The command ``omero-irods``: parse, call, show."""
