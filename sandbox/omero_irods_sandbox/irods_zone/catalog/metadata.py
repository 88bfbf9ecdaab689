"""AVUs: attribute, value, unit, attached to an object by its id."""

from __future__ import annotations

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.errors import ZoneError


class Metadata:
    """One row a distinct AVU, shared by all objects that carry it (R_META_MAIN, R_OBJT_METAMAP)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, object_id: int) -> list[tuple[str, str, str]]:
        rows = self._database.rows(
            "select meta_attr_name, meta_attr_value, meta_attr_unit from R_META_MAIN"
            " join R_OBJT_METAMAP using(meta_id) where object_id = ? order by meta_id",
            object_id,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def add(self, object_id: int, name: str, value: str, unit: str, *, again_ok: bool = False) -> None:
        """Raises ZoneError CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME when it is there, unless ``again_ok``."""
        meta_id = self._find(name, value, unit) or self._insert(name, value, unit)
        if self._is_attached(object_id, meta_id):
            if again_ok:
                return
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME")
        now = timestamp()
        self._database.insert(
            "R_OBJT_METAMAP", object_id=object_id, meta_id=meta_id, create_ts=now, modify_ts=now
        )

    def _find(self, name: str, value: str, unit: str) -> int | None:
        found = self._database.value(
            "select meta_id from R_META_MAIN"
            " where meta_attr_name = ? and meta_attr_value = ? and meta_attr_unit = ?",
            name,
            value,
            unit,
        )
        return None if found is None else int(found)

    def _insert(self, name: str, value: str, unit: str) -> int:
        meta_id, now = self._database.next_id(), timestamp()
        self._database.insert(
            "R_META_MAIN",
            meta_id=meta_id,
            meta_attr_name=name,
            meta_attr_value=value,
            meta_attr_unit=unit,
            create_ts=now,
            modify_ts=now,
        )
        return meta_id

    def _is_attached(self, object_id: int, meta_id: int) -> bool:
        return bool(
            self._database.row(
                "select 1 from R_OBJT_METAMAP where object_id = ? and meta_id = ?", object_id, meta_id
            )
        )

    def remove(self, object_id: int, name: str, value: str, unit: str) -> bool:
        """Whether it was there."""
        return self._detach(
            object_id, "meta_attr_name = ? and meta_attr_value = ? and meta_attr_unit = ?", name, value, unit
        )

    def remove_like(self, object_id: int, name: str, value: str, unit: str) -> bool:
        """The three are LIKE patterns, ``%`` for any unit when it is empty; whether any was there."""
        return self._detach(
            object_id,
            "meta_attr_name like ? and meta_attr_value like ? and meta_attr_unit like ?",
            name,
            value,
            unit or "%",
        )

    def _detach(self, object_id: int, condition: str, *parameters: str) -> bool:
        removed = self._database.execute(
            "delete from R_OBJT_METAMAP where object_id = ? and meta_id in"
            f" (select meta_id from R_META_MAIN where {condition})",
            object_id,
            *parameters,
        )
        return removed > 0

    def set(self, object_id: int, name: str, value: str, unit: str) -> None:
        """Leave exactly one AVU of that name.

        An AVU that only this object carries is changed in place and so keeps its
        creation time (rsModAVUMetadata, ``chlSetAVUMetadata``).
        """
        carried = self._database.rows(
            "select meta_id, (select count(*) from R_OBJT_METAMAP o where o.meta_id = m.meta_id) as objects"
            " from R_META_MAIN m join R_OBJT_METAMAP using(meta_id)"
            " where object_id = ? and meta_attr_name = ?",
            object_id,
            name,
        )
        if len(carried) == 1 and carried[0]["objects"] == 1 and self._find(name, value, unit) is None:
            self._database.execute(
                "update R_META_MAIN set meta_attr_value = ?, meta_attr_unit = ?, modify_ts = ?"
                " where meta_id = ?",
                value,
                unit,
                timestamp(),
                carried[0]["meta_id"],
            )
            return
        self._detach(object_id, "meta_attr_name = ?", name)
        self.add(object_id, name, value, unit)

    def copy(self, source_id: int, target_id: int) -> None:
        """What the target has already stays as it is."""
        for name, value, unit in self.of(source_id):
            self.add(target_id, name, value, unit, again_ok=True)

    def remove_unused(self) -> None:
        """Drop AVUs that no object carries any more."""
        self._database.execute(
            "delete from R_META_MAIN where meta_id not in (select meta_id from R_OBJT_METAMAP)"
        )
