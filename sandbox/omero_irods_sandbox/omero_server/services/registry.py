"""The services of the ServiceFactory, by the name of the operation that gives them out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.services.service import Service

ServiceClass = TypeVar("ServiceClass", bound="type[Service]")


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A slice interface and the class that implements it."""

    skeleton: type
    implementation: type[Service]
    getter: str
    is_stateful: bool


DEFINITIONS: Final[dict[str, ServiceDefinition]] = {}


def service(skeleton: type, *, getter: str, stateful: bool = False) -> Callable[[ServiceClass], ServiceClass]:
    """Register a class for ``getter`` (e.g. ``getQueryService``) of omero.api.ServiceFactory.

    Its methods are named as the operations of ``skeleton`` and take their
    arguments and then the :class:`Call`.
    """

    def register(implementation: ServiceClass) -> ServiceClass:
        if getter in DEFINITIONS:
            raise ValueError(f"{getter} has two services")
        DEFINITIONS[getter] = ServiceDefinition(skeleton, implementation, getter, stateful)
        return implementation

    return register


def getter_of(interface: str) -> str | None:
    """The operation that gives out ``omero.api.IQuery``, or ``IQuery``."""
    short = interface.rpartition(".")[2]
    return next((name for name, one in DEFINITIONS.items() if one.skeleton.__name__ == short), None)


def proxy_type(skeleton: type) -> Any:
    """The class of proxies of a skeleton: omero.api.IQueryPrx for omero.api.IQuery."""
    module = sys.modules.get(skeleton.__module__) or importlib.import_module(skeleton.__module__)
    return getattr(module, f"{skeleton.__name__}Prx")
