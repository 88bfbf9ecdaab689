"""``python -m omero_irods_sandbox``."""

from omero_irods_sandbox.cli import main

raise SystemExit(main())
