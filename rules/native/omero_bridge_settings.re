# Settings of omero_bridge.re. An error in this file makes the server's whole rule base unusable: after each change,
# omero-irods rules check --target DIR --language native

# What the AVUs of the bridge begin with.
omeroBridge_PREFIX { "omero::" }

# Accounts of the bridge's agent, name#zone, each between semicolons: ";bridge#tempZone;". They may change its AVUs.
omeroBridge_SERVICE_USERS { ";" }

omeroBridge_TELL { true }
omeroBridge_PROTECT { true }
