"""Logging in with what iinit wrote, over TLS, and for somebody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from irods.password_obfuscation import encode

from omero_irods_bridge.adapters.irods.about import about_zone
from omero_irods_bridge.adapters.irods.environment import account, account_from_environment
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Unreachable, UsageError
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.startup import Negotiation
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.contracts.object_store import read, write
from tests.wire.bridge_irods.conftest import store_of


@pytest.fixture
def home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: Zone) -> Path:
    """What iinit left in the user's home."""
    folder = tmp_path / ".irods"
    folder.mkdir()
    (folder / "irods_environment.json").write_text(json.dumps(zone.environment()))
    (folder / ".irodsA").write_text(encode(zone.password))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("IRODS_ENVIRONMENT_FILE", raising=False)
    monkeypatch.delenv("IRODS_AUTHENTICATION_FILE", raising=False)
    return folder


def test_what_iinit_wrote_is_enough(home_folder: Path, zone: Zone) -> None:
    with IrodsStore(account_from_environment()) as store:
        assert (store.zone, store.user) == (zone.name, zone.config.admin)
        assert store.find(store.home) is not None


def test_the_variable_names_another_file(
    home_folder: Path, monkeypatch: pytest.MonkeyPatch, zone: Zone, tmp_path: Path
) -> None:
    elsewhere = home_folder.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("IRODS_ENVIRONMENT_FILE", str(elsewhere / "irods_environment.json"))
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(elsewhere / ".irodsA"))
    with IrodsStore(account_from_environment()) as store:
        assert store.find(store.home) is not None


@pytest.mark.parametrize(
    "content", [None, "not json", "[]", "{}", '{"irods_host": "h", "irods_port": 1, "irods_user_name": "u"}']
)
def test_an_environment_that_says_too_little_is_told_with_its_path(
    home_folder: Path, content: str | None
) -> None:
    file = home_folder / "irods_environment.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(UsageError, match=r"irods_environment\.json") as caught:
        account_from_environment()
    assert "iinit" in caught.value.hint


def test_a_port_that_is_no_number_is_told(home_folder: Path, zone: Zone) -> None:
    environment = zone.environment() | {"irods_port": "x"}
    (home_folder / "irods_environment.json").write_text(json.dumps(environment))
    with pytest.raises(UsageError, match="irods_port"):
        account_from_environment()


@pytest.mark.parametrize("scheme", ["pam", "pam_password", "gsi"])
def test_a_scheme_that_the_client_does_not_have_is_denied(home_folder: Path, zone: Zone, scheme: str) -> None:
    environment = zone.environment() | {"irods_authentication_scheme": scheme}
    (home_folder / "irods_environment.json").write_text(json.dumps(environment))
    with pytest.raises(AccessDenied) as caught, IrodsStore(account_from_environment()) as store:
        store.find("/tempZone")
    assert "irods_authentication_scheme" in caught.value.hint
    with pytest.raises(AccessDenied):
        about_zone(account_from_environment())


def test_tls_that_the_server_does_not_have_is_told_and_is_nothing_to_wait_for(
    home_folder: Path, zone: Zone
) -> None:
    wanted = {
        "irods_client_server_policy": "CS_NEG_REQUIRE",
        "irods_client_server_negotiation": "request_server_negotiation",
    }
    (home_folder / "irods_environment.json").write_text(json.dumps(zone.environment() | wanted))
    with pytest.raises(BridgeError) as caught, IrodsStore(account_from_environment()) as store:
        store.find("/tempZone")
    assert not caught.value.retryable
    assert "irods_client_server_policy" in caught.value.hint


@pytest.mark.parametrize("content", [None, "", "?", "not scrambled by iinit"])
def test_a_password_file_that_is_missing_or_no_good_is_denied(home_folder: Path, content: str | None) -> None:
    file = home_folder / ".irodsA"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(AccessDenied) as caught, IrodsStore(account_from_environment()) as store:
        store.find("/tempZone")
    assert "iinit" in caught.value.hint


def test_an_administrator_acts_as_another_user(home_folder: Path, user_store: IrodsStore) -> None:
    with IrodsStore(account_from_environment(client_user=user_store.user)) as store:
        assert store.user == user_store.user
        write(store, f"{store.home}/object")
    assert read(user_store, f"{user_store.home}/object") == b"content"
    found = user_store.find(f"{user_store.home}/object")
    assert found is not None
    assert found.owner == f"{user_store.user}#{user_store.zone}"


def test_nobody_else_may_act_as_another_user(zone: Zone, user_store: IrodsStore) -> None:
    who = account(
        zone.host,
        zone.port,
        zone=zone.name,
        user=user_store.user,
        password=f"{user_store.user}-pw",
        client_user=zone.config.admin,
    )
    with IrodsStore(who) as store, pytest.raises(AccessDenied):
        store.find("/tempZone")


def test_no_password_shows_in_the_text_of_an_account(zone: Zone) -> None:
    who = account(zone.host, zone.port, zone=zone.name, user="rods", password="secret-word")
    assert "secret-word" not in f"{who!r} {who}"


# -- TLS


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zone]:
    config = ZoneConfig(root=tmp_path_factory.mktemp("tls"), tls=Negotiation.REQUIRE)
    with running_zone(config) as running:
        yield running


def over_tls(zone: Zone, **options: object) -> IrodsStore:
    environment = {key: value for key, value in zone.environment().items() if "encryption" not in key}
    return IrodsStore(
        account(
            zone.host,
            zone.port,
            zone=zone.name,
            user=zone.config.admin,
            password=zone.password,
            options={
                key: environment[key]
                for key in environment
                if "ssl" in key or "negot" in key or "policy" in key
            }
            | options,
        )
    )


def test_all_goes_over_tls(secure: Zone) -> None:
    content = bytes(range(256)) * 4096 * 5
    with over_tls(secure) as store:
        writer = store.open_writer(f"{store.home}/object", streams=2)
        half = len(content) // 2
        writer.write_at(0, 0, content[:half])
        writer.write_at(1, half, content[half:])
        writer.close()
        with store.open_source(f"{store.home}/object", streams=2) as source:
            assert source.read_at(0, len(content)) == content
        aborted = store.open_writer(f"{store.home}/aborted")
        aborted.write_at(0, 0, b"half")
        aborted.abort()
        assert store.find(store.home) is not None


def test_a_cut_tls_connection_is_unreachable(secure: Zone) -> None:
    with over_tls(secure) as store:
        path = write(store, f"{store.home}/cut", bytes(1 << 20))
        secure.faults.cut_after(300_000, direction="sent")
        with pytest.raises(Unreachable), store.open_source(path) as source:
            source.read_at(0, 1 << 20)
        assert len(read(store, path)) == 1 << 20


def test_a_server_that_wants_tls_says_so_to_one_who_does_not(secure: Zone) -> None:
    with store_of(secure) as store, pytest.raises(BridgeError) as caught:
        store.find("/tempZone")
    assert "irods_client_server_negotiation" in caught.value.hint


def test_an_unknown_certificate_is_not_believed(secure: Zone, tmp_path: Path) -> None:
    with running_zone(ZoneConfig(root=tmp_path, tls=Negotiation.REQUIRE)) as other:
        foreign = {"irods_ssl_ca_certificate_file": str(other.certificate)}
        with over_tls(secure, **foreign) as store, pytest.raises(BridgeError, match="certificate"):
            store.find("/tempZone")
