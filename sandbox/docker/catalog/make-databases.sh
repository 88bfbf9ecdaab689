#!/bin/bash
# PostgreSQL runs this once, before it listens: a database each for iRODS, OMERO and the agent.
set -euo pipefail

for pair in irods:ICAT omero:omero bridge:bridge; do
    psql --set=ON_ERROR_STOP=1 --username postgres --set=owner="${pair%%:*}" --set=name="${pair##*:}" <<'SQL'
\getenv password SANDBOX_PASSWORD
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"owner";
SQL
done
