"""What stops an embedded server from starting."""

from __future__ import annotations


class StartError(Exception):
    """Something its user can mend; the message says what and where."""
