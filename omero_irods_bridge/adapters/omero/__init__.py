"""OMERO through omero-py and Ice; the only place that imports them."""
