"""Services of a client that are asked for with every import, each looked up once.

They keep no state and live as long as the session (ServiceFactoryI of omero-blitz), so a proxy may be kept;
asking for it again is a round trip, and a second one of the router.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

_KNOWN: Final[WeakKeyDictionary[Any, dict[str, Any]]] = WeakKeyDictionary()
_LOCK: Final = threading.Lock()


def query_service(client: Any) -> Any:
    """The IQuery of a client's session."""
    return _kept(client, "query", lambda: client.getSession().getQueryService())


def update_service(client: Any) -> Any:
    """The IUpdate of a client's session."""
    return _kept(client, "update", lambda: client.getSession().getUpdateService())


def user_of_session(client: Any) -> int:
    """The id of the user whose session it is."""
    return int(_kept(client, "user", lambda: client.getSession().getAdminService().getEventContext().userId))


def managed_repository(client: Any) -> Any:
    """The repository that imports go into."""
    return _kept(client, "repository", client.getManagedRepository)


def repository_root(client: Any) -> Any:
    """The folder of that repository, an OriginalFile."""
    return _kept(client, "root", lambda: managed_repository(client).root())


def _kept(client: Any, name: str, ask: Callable[[], Any]) -> Any:
    with _LOCK:
        found = _KNOWN.setdefault(client, {})
    if name not in found:
        found[name] = ask()
    return found[name]
