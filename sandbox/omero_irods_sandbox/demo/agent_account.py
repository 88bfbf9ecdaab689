"""What an agent needs before it starts: an account on each server, a file of users, and settings."""

from __future__ import annotations

from typing import Final

import omero.model
from omero.rtypes import rstring

from omero_irods_sandbox.demo.mailbox import HOST
from omero_irods_sandbox.demo.omero_chapter import USER_GROUP, Gateway, add_experimenter
from omero_irods_sandbox.demo.pack_chapter import TARGET
from omero_irods_sandbox.demo.stage import Stage

PRIVILEGE: Final = "Sudo"
MAIL_DOMAIN: Final = "example.org"
_SYSTEM_GROUP: Final = 0
_USERS: Final = """\
# OMERO user = iRODS user; everybody else is refused
[users]
{person} = "{person}"
"""
_CONFIG: Final = """\
[omero]
host = "{omero.host}"
port = {omero.ssl}
user = "{service.name}"
password_file = "{service.password_file}"

[irods]
environment_file = "{service.irods_environment}"

[paths]                # where OMERO sees files of iRODS
"{resource}:{vault}" = "{vault}"

[ingest]
quiet_s = 0            # a file counts as complete at once

[snapshots]
target = "{target}"

[agent]
users = "{service.home}/users.toml"
database = "{service.home}/agent.db"
listen = "{listen}"

[agent.mail]
host = "{mail_host}"
port = {mail_port}
tls = "none"
sender = "omero-irods@{domain}"
addresses = "{{name}}@{domain}"
wait_s = 0             # so does a batch of jobs
"""


def make_light_administrator(root: Gateway, name: str, password: str) -> list[str]:
    """An administrator of OMERO who may do nothing but act for others; his privileges as OMERO has them."""
    groups = [omero.model.ExperimenterGroupI(one, False) for one in (_SYSTEM_GROUP, USER_GROUP)]
    number = add_experimenter(root, (name, "iRODS", "Bridge"), password, groups)
    privilege = omero.model.AdminPrivilegeI()
    privilege.value = rstring(PRIVILEGE)
    admin, made = root.getAdminService(), omero.model.ExperimenterI(number, False)
    admin.setAdminPrivileges(made, [privilege])
    return [one.value.val for one in admin.getAdminPrivileges(made)]


def write_settings(stage: Stage, listen: str, mail_port: int) -> None:
    """``users.toml`` and the settings of the agent, which is to answer at ``listen``."""
    service = stage.service
    (service.home / "users.toml").write_text(_USERS.format(person=stage.person.name))
    text = _CONFIG.format(
        omero=stage.omero,
        service=service,
        resource="demoResc",
        vault=stage.zone_root / "vault",
        listen=listen,
        mail_host=HOST,
        mail_port=mail_port,
        domain=MAIL_DOMAIN,
        target=TARGET,
    )
    service.settings.write_text(text)
