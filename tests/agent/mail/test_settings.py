"""Settings of mail: what is wrong in them is told by name, and a password never goes over a plain line."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_irods_bridge.mail_settings import MailSettings, Tls, is_address
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.settings import load

SOUND = {"host": '"smtp.example.org"', "sender": '"a@example.org"'}


def loaded(tmp_path: Path, **lines: str) -> MailSettings:
    file = tmp_path / "config.toml"
    text = "\n".join(f"{name} = {value}" for name, value in lines.items())
    file.write_text(f"[agent.mail]\n{text}\n")
    return load(file).settings.agent.mail


def test_without_settings_there_is_no_mail() -> None:
    assert MailSettings().host is None


@pytest.mark.parametrize(("tls", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_the_port_is_that_of_the_way(tmp_path: Path, tls: str, port: int) -> None:
    found = loaded(tmp_path, **SOUND, tls=f'"{tls}"')
    assert (found.tls, found.server) == (Tls(tls), ("smtp.example.org", port))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ({"sender": '"a@example.org"'}, "agent.mail"),
        ({"host": '"smtp.example.org"'}, "does not say sender"),
        ({**SOUND, "user": '"me"'}, "both user and password_file"),
        ({**SOUND, "user": '"me"', "password_file": '"/x"', "tls": '"none"'}, "a password that all can read"),
        ({**SOUND, "admin": '["a@x.org"]'}, "line 4: agent.mail.admin"),
        ({**SOUND, "admins": '["a@x.org, b@x.org"]'}, "line 4: agent.mail.admins"),
        ({**SOUND, "admins": '["a@x.org\\nBcc: b@x.org"]'}, "agent.mail.admins"),
        ({**SOUND, "addresses": '"@x.org"'}, "line 4: agent.mail.addresses"),
        ({**SOUND, "retry_after_s": "[]"}, "line 4: agent.mail.retry_after_s"),
        ({**SOUND, "host": '"smtp.example.org\\nQUIT"'}, "line 2: agent.mail.host"),
    ],
)
def test_what_is_wrong_is_told_by_name(tmp_path: Path, lines: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, **lines)
    assert says in caught.value.message


def test_each_setting_has_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(tmp_path, **SOUND)
    monkeypatch.setenv("OMERO_IRODS_AGENT__MAIL__HOST", "other.example.org")
    file = tmp_path / "config.toml"
    found = {one.name: (one.value, one.source) for one in load(file).values()}
    assert found["agent.mail.host"] == ("other.example.org", "environment")
    assert found["agent.mail.sender"] == ("a@example.org", str(file))
    assert found["agent.mail.per_hour_user"] == (20, "default")


@pytest.mark.parametrize("text", ["a@b", "a.b+c@x-y.example.org", "o'neil@x.org"])
def test_an_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@b", "a@b@c", "a@b\n", "a@b, c@d", "<a@b>", "a b@c", "ä@b", "a@b;c@d", "a@" + "b" * 300],
)
def test_what_could_be_two_addresses_or_a_header_is_none(text: str) -> None:
    assert not is_address(text)
