"""``[agent.mail]``: settings of the mail that the agent sends."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from omero_irods_bridge.model.hosts import is_this_computer
from omero_irods_bridge.setting_types import AbsolutePath

OF_OMERO: Final = "omero"
"""Of ``addresses``: the e-mail address that OMERO knows of the user."""

NAME: Final = "{name}"
LONGEST_WAIT_S: Final = 12 * 3600.0
"""Until a mail is tried again; what is due later was put off by a clock that has been set back since."""

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{1,253}\Z)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z", re.ASCII
)
"""The dot-atom form of RFC 5322, 3.4.1; quoted and international ones many servers do not take."""

Interval = Annotated[float, Field(gt=0, le=LONGEST_WAIT_S)]
PerHour = Annotated[int, Field(ge=1, le=10_000)]


class Tls(StrEnum):
    """How a connection to the mail server is kept from others."""

    NONE = "none"
    STARTTLS = "starttls"
    """Asked for after the greeting; a server that does not offer it gets nothing."""
    TLS = "tls"
    """From the first byte on."""


_PORTS: Final = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.TLS: 465}


def is_address(text: str) -> bool:
    """Whether it is one address of mail, and nothing that could become two or another header."""
    return _ADDRESS.match(text) is not None


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError('must be an address such as "omero@example.org"')
    return text


def _addresses(text: str) -> str:
    if text != OF_OMERO and not (NAME in text and is_address(text.replace(NAME, "name"))):
        raise ValueError(f'must be "{OF_OMERO}", or a pattern such as "{NAME}@example.org"')
    return text


Address = Annotated[str, AfterValidator(_address)]


class MailSettings(BaseModel):
    """Without ``host`` there is no mail.

    Mail to a user waits ``wait_s``, so that jobs that are handed in one after the other come in one. What
    could not be sent is sent again after ``retry_after_s``, of which the last repeats. Beyond
    ``per_hour_user`` and ``per_hour_admins`` mails an hour to the same people the rest comes in one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: Tls = Tls.STARTTLS
    user: str | None = None
    password_file: AbsolutePath | None = None
    sender: Address | None = None
    admins: list[Address] = []
    addresses: Annotated[str, AfterValidator(_addresses)] = OF_OMERO
    templates: AbsolutePath | None = None
    wait_s: Annotated[float, Field(ge=0, le=3600)] = 15.0
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 30.0
    retry_after_s: Annotated[list[Interval], Field(min_length=1)] = [60.0, 300.0, 900.0, 3600.0]
    per_hour_user: PerHour = 20
    per_hour_admins: PerHour = 6

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.host is None:
            if self.model_fields_set:
                raise ValueError("does not say host, the mail server")
            return self
        if self.sender is None:
            raise ValueError("does not say sender, the address that mail comes from")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("has to say both user and password_file, or neither")
        if self.user is not None and self.tls is Tls.NONE and not is_this_computer(self.host):
            raise ValueError('would send a password that all can read; set tls to "starttls" or "tls"')
        return self

    @property
    def server(self) -> tuple[str, int]:
        """Host and port of the mail server, which there has to be."""
        assert self.host is not None
        return self.host, self.port or _PORTS[self.tls]
