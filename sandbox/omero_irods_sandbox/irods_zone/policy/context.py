"""What comes with every hook: the plugin context and the ``rei``.

Source: ``PluginContext.map`` of PREP's ``irods_plugin_context.cpp``, ``RuleExecInfo`` of its
``irods_re_structs.cpp``, the serialization of ``rsComm_t`` in ``irods_re_serialization.cpp``
and ``data_object::get_re_vars``; reference/irods-rules.md, What PREP passes.
"""
# ruff: noqa: N815 - members are named as PREP names them

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omero_irods_sandbox.irods_zone.catalog.values import Replica, User
from omero_irods_sandbox.irods_zone.policy.values import (
    CharArray,
    DataObjInfo,
    DataObjInp,
    KeyValPair,
    RsComm,
    UserInfo,
    auth_flag,
)

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.session import Session


class PluginContext:
    """Second argument of every dynamic hook. ``variables`` are those of the replica, for resource hooks."""

    rule_results = ""

    def __init__(self, session: Session, variables: Mapping[str, str] | None = None) -> None:
        self._session = session
        self._variables = dict(variables or {})

    def map(self) -> dict[str, str]:
        """The variables, and who is connected from where."""
        session = self._session
        proxy, user = people(session)
        return (
            self._variables
            | {
                "client_addr": session.address,
                "auth_scheme": "native",
                "option": session.claim.option,
                "connect_count": "0",
                "status": "0",
                "socket": str(session.socket_number),
                "api_index": str(session.api_number),
            }
            | _person("proxy", proxy)
            | _person("user", user)
        )


def _person(role: str, user: User | None) -> dict[str, str]:
    if user is None:
        return {}
    return {
        f"{role}_user_name": user.name,
        f"{role}_rods_zone": user.zone,
        f"{role}_user_type": user.type,
        f"{role}_sys_uid": "0",
        f"{role}_auth_info_auth_flag": str(auth_flag(user)),
        f"{role}_auth_info_auth_scheme": "native",
    }


def people(session: Session) -> tuple[User | None, User | None]:
    """(proxy, user) of the session; None before login."""
    return (session.proxy, session.user) if session.is_authenticated else (None, None)


def replica_variables(replica: Replica, hierarchy: str, *, open_flags: int = 0) -> dict[str, str]:
    """What a resource hook finds in ``rule_args[1].map()`` about the replica it is called for."""
    return {
        "logical_path": replica.path,
        "physical_path": replica.physical_path,
        "resc_hier": hierarchy,
        "dataId": str(replica.data_id),
        "dataType": replica.type,
        "file_size": str(replica.size),
        "mode_kw": replica.mode,
        "flags_kw": str(open_flags),
        "repl_requested": str(replica.number),
        "file_descriptor": "0",
        "l1_desc_idx": "0",
        "in_pdmo": "",
    }


@dataclass
class RuleExecInfo:
    """Third argument of every rule. ``uoic``: the user whose rights count, ``uoip``: who logged in."""

    rsComm: RsComm
    uoic: UserInfo
    uoip: UserInfo
    doi: DataObjInfo | None = None
    doinp: DataObjInp | None = None
    condInputData: KeyValPair | None = None
    uoio: UserInfo | None = None
    coi: None = None
    status: int = 0
    l1descInx: int = 0
    statusStr: CharArray = field(default_factory=CharArray)
    ruleName: CharArray = field(default_factory=CharArray)
    rescName: CharArray = field(default_factory=CharArray)
    ruleSet: CharArray = field(default_factory=CharArray)
    pluginInstanceName: CharArray = field(default_factory=CharArray)
    msParamArray: None = None
    next: None = None

    @classmethod
    def of(
        cls, session: Session, *, doi: DataObjInfo | None = None, doinp: DataObjInp | None = None
    ) -> RuleExecInfo:
        """For a rule that runs in ``session``; static hooks find the replica in ``doi``."""
        proxy, user = (UserInfo.of(person) for person in people(session))
        connection = RsComm(
            clientAddr=CharArray(session.address),
            clientUser=user,
            proxyUser=proxy,
            sock=session.socket_number,
            apiInx=session.api_number,
            option=CharArray(session.claim.option),
        )
        return cls(rsComm=connection, uoic=user, uoip=proxy, doi=doi, doinp=doinp)
