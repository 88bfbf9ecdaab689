"""An embedded iRODS zone: the wire protocol of iRODS 5.0.2, a catalog in SQLite, a vault on disk.

It exists for trying and testing. Unmodified clients talk to it over a TCP socket; it
listens on the loopback interface and keeps passwords readable, because native
authentication needs them (reference/irods-wire.md, Authentication).
"""
