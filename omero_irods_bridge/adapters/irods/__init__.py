"""iRODS through python-irodsclient; the only place that imports it."""
