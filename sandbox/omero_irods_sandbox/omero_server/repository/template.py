"""The template of an import's directory, ``omero.fs.repo.path``.

Source: ManagedRepositoryI.TemplateDirectoryCreator of omero-blitz. Its terms
hash, increment, institution, subdirs and thread are not offered here.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from omero_irods_sandbox.omero_server.errors import api_usage, internal_error
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath
from omero_irods_sandbox.omero_server.repository.sanitising import Sanitiser

DEFAULT_TEMPLATE: Final = "%user%_%userId%//%year%-%month%/%day%/%time%"
"""The server's default: what stands before ``//`` belongs to root."""

_TERM: Final = re.compile(r"%([a-zA-Z]+)(?::[^%/]+)?%")
_TIME: Final = "time"


@dataclass(frozen=True, slots=True)
class TemplateValues:
    """What the terms stand for. ``moment`` is local time, as the server writes it."""

    user: str
    user_id: int
    group: str
    group_id: int
    session: str
    session_id: int
    permissions: str
    moment: datetime

    def terms(self, sanitiser: Sanitiser) -> Mapping[str, str]:
        return {
            "user": sanitiser.component(self.user),
            "userId": str(self.user_id),
            "group": sanitiser.component(self.group),
            "groupId": str(self.group_id),
            "year": str(self.moment.year),
            "month": f"{self.moment.month:02}",
            "monthname": calendar.month_name[self.moment.month],
            "day": f"{self.moment.day:02}",
            "session": self.session,
            "sessionId": str(self.session_id),
            "perms": self.permissions,
        }


@dataclass(frozen=True, slots=True)
class Template:
    """``root_part`` belongs to root, ``user_part`` to the user who imports; neither is expanded yet."""

    root_part: RepositoryPath
    user_part: RepositoryPath

    @classmethod
    def parse(cls, text: str) -> Template:
        """The last ``//`` divides the parts; without it all belongs to the user.

        Raises:
            ApiUsageException: nothing belongs to the user.
        """
        root, divider, user = text.rpartition("//")
        template = cls(RepositoryPath.parse(root if divider else ""), RepositoryPath.parse(user))
        if template.user_part.is_root:
            raise api_usage("no user-owned directories in managed repository template path")
        return template


def expanded(component: str, terms: Mapping[str, str]) -> str:
    """A component with its terms replaced, ``%time%`` apart.

    Raises:
        InternalException: a term is unknown.
    """

    def value(match: re.Match[str]) -> str:
        term = match.group(1)
        if term != _TIME and term not in terms:
            raise internal_error(f'cannot expand template repository path component "{component}"')
        return match.group() if term == _TIME else terms[term]

    return _TERM.sub(value, component)


def has_time(component: str) -> bool:
    """Whether the component is to be another one at each try."""
    return any(match.group(1) == _TIME for match in _TERM.finditer(component))


def with_time(component: str, moment: datetime, attempt: int) -> str:
    """``%time%`` as hours, minutes, seconds and milliseconds; each further attempt is a millisecond later.

    As in the Java server only the milliseconds count up, past 999 too.
    """
    milliseconds = moment.microsecond // 1000 + attempt
    text = f"{moment:%H-%M-%S}.{milliseconds:03}"
    return _TERM.sub(lambda match: text if match.group(1) == _TIME else match.group(), component)


def local_moment(now_ms: int) -> datetime:
    """The server's clock as local time, exact to the millisecond."""
    return datetime.fromtimestamp(now_ms // 1000).astimezone() + timedelta(milliseconds=now_ms % 1000)
