"""Sessions: logging in, joining, acting for others, and ending.

Sources: omero-wire.md, section 1; omero-semantics.md, section 3.
"""
