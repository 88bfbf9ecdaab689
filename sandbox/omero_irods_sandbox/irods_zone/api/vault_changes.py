"""What happens to vault files when a change of the catalog is committed."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.values import Replica


class VaultChanges:
    """Renames and removals of files that go together with a transaction, which it surrounds.

    While the transaction runs, a file that is being renamed has both names. After
    the commit it loses the old one, after a rollback the new one, and only then
    are files removed. So a crash leaves a file or a name too many, never a replica
    without its file.

    ::

        with VaultChanges() as changes, catalog.transaction():
            ...
    """

    def __init__(self) -> None:
        self._after_commit: list[str] = []
        self._after_rollback: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        storage.remove_files(self._after_commit if kind is None else self._after_rollback)

    def rename(self, old: str, new: str) -> None:
        """Let a file have the free name ``new`` from now on; a file that is missing stays missing.

        Raises:
            OSError: the file system does not allow it.
        """
        storage.make_folder_of(new)
        try:
            os.link(old, new, follow_symlinks=False)
        except FileNotFoundError:
            return
        self._after_commit.append(old)
        self._after_rollback.append(new)

    def remove(self, path: str) -> None:
        """Let the file go once its replica has gone."""
        self._after_commit.append(path)


def delete_data_objects(
    catalog: Catalog, replicas: list[Replica], changes: VaultChanges, *, keep_files: bool
) -> int:
    """Take data objects, all their ``replicas`` given, out of the catalog; how many. In a transaction.

    Their files go with ``changes`` unless ``keep_files``. A file outside the vault of
    its resource always stays: it was registered where it lies, and is not the
    zone's to remove (rsDataObjUnlink.cpp, ``dataObjUnlinkS``).
    """
    data_ids = {replica.data_id for replica in replicas}
    for data_id in data_ids:
        catalog.forget(data_id)
        catalog.data_objects.delete(data_id)
    if not keep_files:
        remove_vault_files(catalog, replicas, changes)
    return len(data_ids)


def remove_vault_files(catalog: Catalog, replicas: list[Replica], changes: VaultChanges) -> None:
    """Let the files of ``replicas`` go with ``changes``, as far as they lie in a vault."""
    vaults = catalog.resources.vaults()
    for replica in replicas:
        if is_in_vault(replica, vaults):
            changes.remove(replica.physical_path)


def is_in_vault(replica: Replica, vaults: dict[int, str]) -> bool:
    """Whether the replica's file lies in the vault of its resource; ``vaults`` by resource id.

    Source: physPath.cpp, ``isInVault``.
    """
    vault = vaults.get(replica.resource_id)
    return bool(vault) and replica.physical_path.startswith(f"{vault}/")
