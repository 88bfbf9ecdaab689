"""Embedded servers that speak the real protocols, for the demo, for tests and for development.

They listen on the loopback interface and are for trying and testing, never for data that matters. Nothing in
``omero_irods_bridge`` imports this package.
"""
