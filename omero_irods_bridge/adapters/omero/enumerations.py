"""Values of OMERO's enumerations, which drafts name by their text: ``PixelsType=uint8``."""

from __future__ import annotations

from typing import Any, Final

from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.reflection import model_class
from omero_irods_bridge.model.errors import NotFound

SIGN: Final = "="


class Enumerations:
    """Looks up values, each enumeration once. One thread at a time.

    A value is sent as its id, never as a new object: OMERO would make a value that it does not know when an
    administrator saves it (reference/omero-semantics.md, 6).
    """

    def __init__(self, session: Any) -> None:
        self._types = session.getTypesService()
        self._known: dict[str, dict[str, int]] = {}

    def reference(self, text: str) -> Any:
        """The unloaded value that ``Class=value`` names.

        Raises:
            NotFound: this server has no such value, or no such enumeration.
        """
        name, _, value = text.partition(SIGN)
        if name not in self._known:
            self._known[name] = self._values(name)
        id_ = self._known[name].get(value)
        if id_ is None:
            raise NotFound(
                f"This OMERO has no {value!r} among its values of {name}.",
                hint="An administrator can add it; or OMERO here is older than where the data came from.",
            )
        return model_class(name).reference(id_)

    def _values(self, name: str) -> dict[str, int]:
        try:
            model = model_class(name)
        except KeyError:
            raise NotFound(f"OMERO has no enumeration {name}.") from None
        with omero_errors(f"looking up the values of {name}"):
            found = self._types.allEnumerations(model.name)
        return {one.value.val: one.id.val for one in found}
