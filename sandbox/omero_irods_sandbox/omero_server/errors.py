"""The server's exceptions, made as the Java server makes them.

Each function returns the exception: ``raise api_usage("...")``. Clients see the
slice class; ``serverExceptionClass`` names the Java one.
"""

from __future__ import annotations

from typing import Any, Final

import omero

_CONDITIONS: Final = "ome.conditions."


def _made(kind: str, message: str, **more: object) -> Exception:
    error: Exception = getattr(omero, kind)(
        serverStackTrace="", serverExceptionClass=_CONDITIONS + kind, message=message, **more
    )
    return error


def api_usage(message: str) -> Exception:
    """The call makes no sense as it is; repeating it will not help."""
    return _made("ApiUsageException", message)


def validation(message: str) -> Exception:
    """The data break a rule of the model: a missing value, a second link, an object that is not there."""
    return _made("ValidationException", message)


def security_violation(message: str) -> Exception:
    """The caller may not do this."""
    return _made("SecurityViolation", message)


def group_violation(message: str) -> Exception:
    """Objects of two groups would be joined."""
    return _made("GroupSecurityViolation", message)


def resource_error(message: str) -> Exception:
    """Something outside of the database failed: a file, a folder."""
    return _made("ResourceError", message)


def internal_error(message: str, *, trace: str = "") -> Exception:
    """The server is at fault."""
    error: Exception = omero.InternalException(trace, _CONDITIONS + "InternalException", message)
    return error


def optimistic_lock(message: str) -> Exception:
    """Somebody else has changed the object meanwhile."""
    return _made("OptimisticLockException", message)


def removed_session(message: str) -> Exception:
    """The session was closed, or never was."""
    return _made("RemovedSessionException", message)


def session_timeout(message: str) -> Exception:
    """The session ended because nobody used it, or because its time was over."""
    return _made("SessionTimeoutException", message)


def over_usage(message: str) -> Exception:
    """Too much was asked for at once."""
    return _made("OverUsageException", message)


def no_processor(message: str) -> Exception:
    """No processor took the job."""
    return _made("NoProcessorAvailable", message)


def missing_pyramid(message: str, pixels_id: int, back_off_ms: int = 0) -> Exception:
    """Tiles of a big image are not ready."""
    return _made("MissingPyramidException", message, backOff=back_off_ms, pixelsID=pixels_id)


def message_of(error: BaseException) -> str:
    """What an exception says, wherever it keeps it."""
    said: Any = getattr(error, "message", None) or getattr(error, "reason", None)
    return str(said or error)
