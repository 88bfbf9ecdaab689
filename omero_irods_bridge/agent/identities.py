"""Who in OMERO is who in iRODS: the file that the administrator of the agent keeps.

    [users]
    alice = "a.smith"        # this one
    "lab7-*" = "{name}"      # all whose names fit: * is any text, ? any one character
    lab7-guest = false       # but not this one

A name as it is wins over patterns, of those the first that fits. Who fits none may not use the agent.
``admins = ["ada"]`` before the section names those of OMERO who see and touch the jobs of all.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Protocol, Self

from omero_irods_bridge.model.errors import AccessDenied, NotFound, UsageError

SAME_NAME: Final = "{name}"
NEVER_BY_PATTERN: Final = frozenset({"root", "guest"})
"""Accounts that each OMERO has; only a line of their own can mean them."""

_WILDCARDS: Final = frozenset("*?")
_IRODS_NAME: Final = re.compile(r"[A-Za-z0-9_.@+-]{1,63}", re.ASCII)


class WhoIsWho(Protocol):
    """Says for whom the agent works, as :class:`Identities` does. Any thread may call it."""

    def irods_user(self, omero_user: str) -> str: ...
    def omero_user(self, irods_user: str) -> str: ...
    def is_same(self, irods_user: str, omero_user: str) -> bool: ...
    def is_admin(self, omero_user: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Identities:
    """The lines of the file, checked; none for an OMERO name that is refused.

    ``never`` are accounts of iRODS that nobody is, whatever the lines say. ``admins`` may use the agent as
    others do, and see and touch the jobs of all.
    """

    exact: Mapping[str, str | None]
    patterns: tuple[tuple[str, str | None], ...]
    never: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()

    @classmethod
    def read(cls, file: Path, *, never: Iterable[str] = ()) -> Self:
        """Parse the file and check each line; ``never`` are iRODS accounts that no line may name.

        Raises:
            NotFound, AccessDenied: it is not there, or cannot be read.
            UsageError: it is not as it should be; says which line is wrong.
        """
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise NotFound(f"{file} is not there.", hint="Make it, or set agent.users.") from error
        except OSError as error:
            raise AccessDenied(f"{file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{file} is not a text in UTF-8.") from error
        return cls.parse(text, str(file), never=never)

    @classmethod
    def parse(cls, text: str, name: str = "users.toml", *, never: Iterable[str] = ()) -> Self:
        """As :meth:`read`, of the text of the file."""
        try:
            found = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UsageError(f"{name} is not TOML: {error}.", hint="Put patterns into quotes.") from error
        lines, admins = found.pop("users", {}), _admins(name, found.pop("admins", []))
        if found or not isinstance(lines, dict):
            raise UsageError(
                f'{name} has one section, [users], with lines such as alice = "a.smith".',
                hint="A list of admins may stand before it, and nothing else.",
            )
        checked = {omero: _checked(name, omero, irods, frozenset(never)) for omero, irods in lines.items()}
        exact = {omero: irods for omero, irods in checked.items() if not _WILDCARDS & set(omero)}
        patterns = [(omero, irods) for omero, irods in checked.items() if omero not in exact]
        made = cls(exact, tuple(patterns), frozenset(never), admins)
        made.check_admins(name)
        return made

    def irods_user(self, omero_user: str) -> str:
        """Who that is in iRODS.

        Raises:
            AccessDenied: nobody: the file does not let this user in.
        """
        if omero_user in self.exact:
            found = self.exact[omero_user]
        elif omero_user in NEVER_BY_PATTERN:
            found = None
        else:
            fits = (irods for pattern, irods in self.patterns if fnmatchcase(omero_user, pattern))
            found = next(fits, None)
        name = None if found is None else found.replace(SAME_NAME, omero_user)
        if name is None or name in self.never or not _IRODS_NAME.fullmatch(name):
            raise AccessDenied(
                f"{omero_user} may not use the agent.",
                hint="Ask its administrator for a line in users.toml.",
            )
        return name

    def omero_user(self, irods_user: str) -> str:
        """Who a user of iRODS is in OMERO, "" for nobody, and where it may be one of several.

        Of several that are him by lines of their own, the one of the same name is him.
        """
        exact = sorted(omero for omero in self.exact if self.is_same(irods_user, omero))
        if irods_user in exact:
            return irods_user
        if exact:
            return exact[0] if len(exact) == 1 else ""
        fitting = (_filled_by(irods, irods_user) for _, irods in self.patterns if irods is not None)
        return next((omero for omero in fitting if self.is_same(irods_user, omero)), "")

    def is_same(self, irods_user: str, omero_user: str) -> bool:
        """Whether this user of iRODS is that one of OMERO."""
        try:
            return bool(omero_user) and self.irods_user(omero_user) == irods_user
        except AccessDenied:
            return False

    def check_admins(self, file: str) -> None:
        """Raises UsageError for one who may not use the agent: that would be a slip."""
        for admin in sorted(self.admins):
            try:
                self.irods_user(admin)
            except AccessDenied as error:
                raise UsageError(f"{file}: {admin} is among admins, and not among [users].") from error

    def is_admin(self, omero_user: str) -> bool:
        """Whether this user sees and touches the jobs of all. Patterns make nobody one."""
        return omero_user in self.admins


def _filled_by(template: str, text: str) -> str:
    """What a name has to be for ``template`` to give ``text``; "" when none does."""
    before, _, after = template.partition(SAME_NAME)
    is_it = len(text) > len(before) + len(after) and text.startswith(before) and text.endswith(after)
    return text[len(before) : len(text) - len(after)] if is_it else ""


def _admins(file: str, found: object) -> frozenset[str]:
    if isinstance(found, list) and all(isinstance(one, str) and one and one.isprintable() for one in found):
        return frozenset(found)
    raise UsageError(f'{file}: admins is a list of names in OMERO, such as ["ada"].')


def _checked(file: str, omero: str, irods: object, never: frozenset[str]) -> str | None:
    where = f"{file}: {omero!r} = {irods!r}"
    if not omero or not omero.isprintable() or set(omero) & set("[]"):
        raise UsageError(f"{where}: the left side is a name in OMERO, or a pattern with * and ?.")
    if irods is False:
        return None
    if not isinstance(irods, str) or not _IRODS_NAME.fullmatch(irods.replace(SAME_NAME, "x")):
        raise UsageError(f'{where}: the right side is a user of iRODS, "{SAME_NAME}", or false.')
    if _WILDCARDS & set(omero) and SAME_NAME not in irods:
        raise UsageError(f"{where}: all who fit would be one user of iRODS.", hint=f"Use {SAME_NAME!r}.")
    if irods in never:
        raise UsageError(f"{where}: {irods} is the account of the agent; nobody else works as it.")
    return irods
