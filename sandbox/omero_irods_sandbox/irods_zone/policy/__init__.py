"""Policy: the zone's stand-in for the Python rule engine plugin of iRODS."""
