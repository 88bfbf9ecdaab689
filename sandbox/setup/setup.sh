#!/usr/bin/env bash
# Set up .venv, or do nothing when it is up to date. Called by make; PYTHON=/path/to/python chooses an interpreter.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    if [[ -n $candidate ]] && is_recent "$candidate"; then
        exec "$candidate" "$here/prepare.py"
    fi
done

echo "set-up: no Python 3.11 or newer found. Debian 12: apt-get install python3.11 python3.11-venv;" \
    "elsewhere: make PYTHON=/path/to/python3.11" >&2
exit 1
