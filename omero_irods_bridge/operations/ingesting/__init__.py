"""How ingest finds what is to be imported, decides when and where to, imports it, and says so in iRODS."""
