"""Who may do what (omero-semantics.md, sections 3 and 4)."""
