#!/bin/bash
# Set iRODS up when this is its first start, then run it in the foreground.
set -euo pipefail

HERE=/opt/omero-irods
DONE=/etc/irods/.set-up-by-the-sandbox

set_up() {
    until pg_isready --host=catalog --dbname=ICAT --username=irods --quiet; do sleep 1; done
    local answers
    answers=$(mktemp)
    # The password goes through the environment, never through an argument.
    jq '.admin_password = env.SANDBOX_PASSWORD
        | .server_config.plugin_configuration.database.password = env.SANDBOX_PASSWORD' \
        "$HERE/setup.json" > "$answers"
    python3 /var/lib/irods/scripts/setup_irods.py --json_configuration_file "$answers"
    rm "$answers"
    install --owner=irods --group=irods --mode=0644 "$HERE"/rules/python/*.py /etc/irods/
    install --owner=irods --group=irods --mode=0644 "$HERE/omero_bridge_settings.json" /etc/irods/
    # The site's own rules are these and no more.
    echo 'from omero_bridge import *' > /etc/irods/core.py
    install --owner=irods --group=irods --mode=0755 "$HERE"/rules/bin/* /var/lib/irods/msiExecCmd_bin/
    touch "$DONE"
}

[[ -e $DONE ]] || set_up
exec su irods -s /bin/bash -c 'exec irodsServer --stdout'
