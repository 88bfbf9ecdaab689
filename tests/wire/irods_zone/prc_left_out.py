"""Which of python-irodsclient's own tests are not run, or skip themselves, and why.

``test_prc_suite`` fails when a test that did not run is missing here, when one is listed that
PRC does not have, and when one skips itself that is not listed.
"""

from __future__ import annotations

import os
from typing import Final

_REWRITES_ETC: Final = "rewrites the configuration of an iRODS server in /etc/irods of this machine"
_RULE_LANGUAGE: Final = "sends a rule in the native rule language; the zone has Python rules only"
_BOTH_RULE_ENGINES: Final = "wants the native rule language beside the Python rule engine"
_PAM: Final = "wants PAM, accounts of this machine and an iRODS server in /etc/irods"
_WRITES_AS_ROOT: Final = (
    "expects that the server may not write into /home; as root it may (run the tests as an ordinary user)"
)
_HOME_OF_ANOTHER: Final = (
    "logs in well, but its tearDown removes a user's home as an administrator without access to it:"
    " a rodsadmin has no implicit access to data (reference/irods-wire.md, Pitfalls 4)"
)
_NEEDS_HEADER: Final = "skips itself without /usr/include/irods/rodsGenQuery.h (package irods-dev)"
_OLDER_SERVERS: Final = "skips itself: it is about servers older than 4.3"

MODULES_LEFT_OUT: Final = {
    "login_auth_test_2": "the same file as login_auth_test_1",
    "login_auth_test_must_run_manually": "the same file as login_auth_test_1",
    "pam_interactive_test": _PAM,
    "pam_interactive_test_must_run_manually": _PAM,
}
"""Modules with tests of which none is started."""

_PAM_LOGINS: Final = ("01", "02", "03", "04", "1", "2", "3", "4", "5", "6", "7", "8")

_ALWAYS: Final[dict[str, dict[str, str]]] = {
    "data_obj_test": {
        "TestDataObjOps.test_create_with_checksum": _REWRITES_ETC,
        "TestDataObjOps.test_put_file_trigger_pep": _REWRITES_ETC,
    },
    "login_auth_test_1": {f"TestLogins.test_{number}": _PAM for number in _PAM_LOGINS}
    | {
        "TestAnonymousUser.test_login_from_environment": _HOME_OF_ANOTHER,
        "TestLogins.test_escaped_pam_password_chars__362": _PAM,
        "TestWithSSL.test_ssl_with_server_verify_set_to_none_281": _PAM,
    },
    "query_test": {"TestQuery.test_rules_query__267": _RULE_LANGUAGE},
    "rule_test": {
        "TestRule.test_add_metadata_from_rule": _RULE_LANGUAGE,
        "TestRule.test_add_metadata_from_rule_file": _RULE_LANGUAGE,
        "TestRule.test_retrieve_std_streams_from_rule": _RULE_LANGUAGE,
        "TestRule.test_rulefile_in_file_like_object_1__336": _RULE_LANGUAGE,
        "TestRule.test_rulefile_in_file_like_object_2__336": _RULE_LANGUAGE,
        "TestRule.test_set_metadata_288": _RULE_LANGUAGE,
        "TestRule.test_specifying_rule_instance": _RULE_LANGUAGE,
        "TestRule.test_targeting_Native_instance_when_rule_multiply_defined": _RULE_LANGUAGE,
        "TestRule.test_targeting_Unspecified_instance_when_rule_multiply_defined": _BOTH_RULE_ENGINES,
        "TestRule.test_with_fail_in_targeted_rule_engines": _BOTH_RULE_ENGINES,
        "TestRule.test_with_using_native_fail_msvc": _BOTH_RULE_ENGINES,
    },
}

_AS_ROOT: Final = {"exception_test": {"TestException.test_400": _WRITES_AS_ROOT}}

LEFT_OUT: Final = _ALWAYS | (_AS_ROOT if os.geteuid() == 0 else {})
"""Module -> test -> reason, for tests that are not started."""

SKIP_THEMSELVES: Final[dict[str, dict[str, str]]] = {
    "force_create": {"TestForceCreate.test_force_create": _OLDER_SERVERS},
    "meta_test": {
        "TestMeta.test_that_all_column_mappings_are_uniquely_and_properly_defined__issue_643": _NEEDS_HEADER
    },
    "user_group_test": {"TestUserAndGroup.test_set_and_query_user_quota": _OLDER_SERVERS},
}
"""Module -> test -> reason, for tests that are started and skip."""

RACY: Final = {
    "data_obj_test": (
        "TestDataObjOps.test_progressbar_style_of_pbar_by_registering_type__issue_574",
        "TestDataObjOps.test_access_time__issue_700",
    ),
}
"""Tests with a race inside PRC (reference/irods-wire.md), or that fail when a second ends in the middle of
them: one retry, alone."""
