"""Directories of the managed repository: where imports go, and who may make them.

Source: ManagedRepositoryI.createTemplatePath, .makeCheckedDirs and .suggestImportPaths,
RepositoryDaoImpl.createOrFixUserDir of omero-blitz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath
from omero_irods_sandbox.omero_server.repository.template import (
    DEFAULT_TEMPLATE,
    Template,
    TemplateValues,
    expanded,
    has_time,
    local_moment,
    with_time,
)
from omero_irods_sandbox.omero_server.repository.tree import NewFile, RepositoryTree
from omero_irods_sandbox.omero_server.repository.trimming import Trimmed
from omero_irods_sandbox.omero_server.security.roles import ROOT_USER, USER_GROUP
from omero_irods_sandbox.omero_server.storage.files import DIRECTORY_MIMETYPE

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

TEMPLATE_SETTING: Final = "omero.fs.repo.path"


@dataclass(frozen=True, slots=True)
class ImportLocation:
    """Where the files of one import go; ``shared`` and ``used`` are as clients are told, not resolved."""

    template: RepositoryPath
    shared: RepositoryPath
    used: tuple[RepositoryPath, ...]

    @property
    def paths(self) -> list[RepositoryPath]:
        """The files, in the order of the fileset's entries."""
        return [self.shared / path.components for path in self.used]

    @property
    def log(self) -> RepositoryPath:
        """The import's log: beside the directory, not in it."""
        return self.template.parent / f"{self.template.name}.log"


class ManagedDirectories:
    """Makes directories in the group ``user``, so that everybody may look into them."""

    def __init__(self, server: OmeroServer, tree: RepositoryTree) -> None:
        self._server = server
        self._tree = tree
        self._template = Template.parse(server.settings.get(TEMPLATE_SETTING, DEFAULT_TEMPLATE))

    def make(self, work: UnitOfWork, path: RepositoryPath, call: Call, *, parents: bool) -> None:
        """Make a directory that is on the way to, or below, the one that root keeps for the user.

        Raises:
            ValidationException: it is elsewhere, and the caller is no administrator.
        """
        owner_id = call.caller.user_id
        if not self._is_on_own_ground(path, call, parents=parents):
            if not call.caller.is_admin:
                root_part = self._root_part(self._values(call))
                raise validation(
                    f'cannot create directory "{path}" with template path\'s root-owned "{root_part}"'
                )
            owner_id = ROOT_USER
        new = NewFile(DIRECTORY_MIMETYPE, owner_id=owner_id, group_id=USER_GROUP)
        self._tree.make_directory(work, path, new, parents=parents)

    def make_for_import(self, call: Call) -> RepositoryPath:
        """A new directory as the template says; nobody else gets the same one.

        Raises:
            ServerError: see :meth:`make`.
        """
        values = self._values(call)
        path = self._root_part(values)
        self._make_root_part(path)
        names = [self._expanded(name, values) for name in self._template.user_part.components]
        with call.store.work(call.caller) as work:
            for number, name in enumerate(names, 1):
                if has_time(name):
                    path = self._make_next(work, path, name, values, call)
                    continue
                path = self._tree.checked(str(path / name))
                self.make(work, path, call, parents=number < len(names))
        return path

    def locate(self, template: RepositoryPath, trimmed: Trimmed, call: Call) -> ImportLocation:
        """Make names safe and all directories that the files need.

        Raises:
            ValidationException: a path leads above the root.
            ResourceError: a directory cannot be made.
        """
        safe = self._tree.sanitiser
        location = ImportLocation(
            template,
            template / safe.components(trimmed.base.components),
            tuple(path.sanitised(safe) for path in trimmed.remainders),
        )
        self._make_all(location, call)
        return location

    def _make_all(self, location: ImportLocation, call: Call) -> None:
        directories = [location.shared, *(path.parent for path in location.paths)]
        resolved = [self._tree.checked(str(directory)) for directory in directories]
        with call.store.work(call.caller) as work:
            for directory in dict.fromkeys(resolved):
                self.make(work, directory, call, parents=True)

    # -- the template

    def _make_root_part(self, path: RepositoryPath) -> None:
        if path.is_root:
            return
        new = NewFile(DIRECTORY_MIMETYPE, owner_id=ROOT_USER, group_id=USER_GROUP)
        with self._server.store.work(self._server.internal_caller()) as work:
            self._tree.make_directory(work, path, new, parents=True)

    def _make_next(
        self, work: UnitOfWork, above: RepositoryPath, name: str, values: TemplateValues, call: Call
    ) -> RepositoryPath:
        """The first directory that is not there yet, counting up the milliseconds."""
        attempt = 0
        while True:
            path = above / with_time(name, values.moment, attempt)
            if not self._tree.exists(path):
                self.make(work, path, call, parents=False)
                return path
            attempt += 1

    def _root_part(self, values: TemplateValues) -> RepositoryPath:
        names = (self._expanded(name, values) for name in self._template.root_part.components)
        return RepositoryPath(tuple(names))

    def _expanded(self, component: str, values: TemplateValues) -> str:
        return expanded(component, values.terms(self._tree.sanitiser))

    def _values(self, call: Call) -> TemplateValues:
        caller, directory = call.caller, call.server.directory
        group_id = caller.writing_group
        return TemplateValues(
            user=directory.user_name(caller.user_id),
            user_id=caller.user_id,
            group=directory.group_name(group_id),
            group_id=group_id,
            session=call.session.uuid,
            session_id=call.session.id,
            permissions=caller.groups[group_id].name,
            moment=local_moment(call.server.clock.now_ms()),
        )

    def _is_on_own_ground(self, path: RepositoryPath, call: Call, *, parents: bool) -> bool:
        if call.caller.user_id == ROOT_USER:
            return False
        root_part = self._root_part(self._values(call)).components
        made: Sequence[RepositoryPath] = path.lineage if parents else [path]
        pairs = (pair for one in made for pair in zip(root_part, one.components, strict=False))
        return all(kept == wanted for kept, wanted in pairs)
