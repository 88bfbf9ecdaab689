"""Starting, stopping, starting again, several at once."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import omero
import omero.clients
import pytest
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server, server_process
from omero_irods_sandbox.omero_server.server import OmeroServer


def log_in(server: OmeroServer) -> Any:
    client = omero.client(server.host, server.ssl_port)
    client.createSession("root", server.root_password)
    return client


def save_dataset(client: Any, name: str) -> int:
    dataset = omero.model.DatasetI()
    dataset.name = rstring(name)
    return int(client.getSession().getUpdateService().saveAndReturnObject(dataset).id.val)


def names(client: Any) -> list[str]:
    return [one.name.val for one in client.getSession().getQueryService().findAll("Dataset", None)]


def test_what_was_saved_survives_a_restart(tmp_path: Path) -> None:
    config = ServerConfig(data=tmp_path / "data")
    with running_server(config) as first:
        client = log_in(first)
        saved = save_dataset(client, "kept")
        client.getSession().getConfigService().setConfigValue("omero.test.setting", "kept too")
        identity, password = first.uuid, first.root_password
        client.closeSession()
    with running_server(config) as second:
        assert (second.uuid, second.root_password) == (identity, password)
        client = log_in(second)
        assert names(client) == ["kept"]
        assert client.getSession().getConfigService().getConfigValue("omero.test.setting") == "kept too"
        assert save_dataset(client, "new") > saved
        client.closeSession()


def test_sessions_do_not_survive_a_restart(tmp_path: Path) -> None:
    config = ServerConfig(data=tmp_path / "data")
    with running_server(config) as first:
        client = log_in(first)
        client.getSession().detachOnDestroy()
        session_id = client.getSession().getAdminService().getEventContext().sessionId
        client.closeSession()
    with running_server(config) as second:
        row = second.store.row("Session", session_id)
        assert row is not None
        assert row["closed"] is not None


def test_servers_side_by_side_do_not_mix(tmp_path: Path) -> None:
    with (
        running_server(ServerConfig(data=tmp_path / "one")) as one,
        running_server(ServerConfig(data=tmp_path / "two")) as two,
    ):
        clients = [log_in(one), log_in(two)]
        save_dataset(clients[0], "in one")
        save_dataset(clients[1], "in two")
        assert [names(client) for client in clients] == [["in one"], ["in two"]]
        assert one.uuid != two.uuid
        for client in clients:
            client.closeSession()


def test_a_password_that_is_given_replaces_the_one_that_was_kept(tmp_path: Path) -> None:
    with running_server(ServerConfig(data=tmp_path / "data")) as first:
        assert first.root_password != "chosen"
    with running_server(ServerConfig(data=tmp_path / "data", root_password="chosen")) as second:
        assert second.root_password_file.read_text().strip() == "chosen"
        log_in(second).closeSession()


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = ServerConfig(data=tmp_path / "data", ssl=taken.getsockname()[1])
        with pytest.raises(RuntimeError, match=r"cannot listen on 127\.0\.0\.1"):
            OmeroServer(config).start()


def test_other_machines_are_kept_out_unless_asked_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow-other-hosts"):
        ServerConfig(data=tmp_path, host="0.0.0.0")
    ServerConfig(data=tmp_path, host="0.0.0.0", allow_other_hosts=True)


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    with running_server(ServerConfig(data=tmp_path / "data")) as server:
        server.store.database.execute("pragma user_version = 99")
    with pytest.raises(ValueError, match="version 99"):
        OmeroServer(ServerConfig(data=tmp_path / "data"))


def test_reset_goes_back_to_the_start(tmp_path: Path) -> None:
    with running_server(ServerConfig(data=tmp_path / "data", can_reset=True)) as server:
        client = log_in(server)
        save_dataset(client, "gone")
        new_file = server.config.data / "Files" / "1"
        new_file.parent.mkdir(exist_ok=True)
        new_file.write_text("gone too")
        server.faults.fail_call("IQuery.findAll")
        server.reset()
        assert not new_file.exists()
        with pytest.raises(omero.RemovedSessionException):
            names(client)
        client.closeSession()
        again = log_in(server)
        assert names(again) == []
        again.closeSession()


def test_a_reset_forgets_groups_too(tmp_path: Path) -> None:
    with running_server(ServerConfig(data=tmp_path / "data", can_reset=True)) as server:
        client, group = log_in(server), omero.model.ExperimenterGroupI()
        group.name = rstring("gone")
        created = client.getSession().getAdminService().createGroup(group)
        assert created in server.directory.groups()
        client.closeSession()
        server.reset()
        assert created not in server.directory.groups()


def test_without_a_first_state_there_is_no_reset(tmp_path: Path) -> None:
    with (
        running_server(ServerConfig(data=tmp_path / "data")) as server,
        pytest.raises(RuntimeError, match="can_reset"),
    ):
        server.reset()


def test_a_process_says_when_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", "--ssl", "0", "--tcp", "0") as process:
        client = omero.client(f"tcp://{process.host}:{process.tcp}")
        client.createSession("root", process.root_password)
        assert client.getSession().getConfigService().getDatabaseUuid() == process.uuid
        assert process.managed_repository.is_dir()
        client.closeSession()
        assert process.stop() == 0


def test_a_process_that_is_killed_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server_process(data, "--ssl", "0", "--tcp", "0") as process:
        client = omero.client(process.host, process.ssl)
        client.createSession("root", process.root_password)
        save_dataset(client, "kept")
        process.kill()
    client.__del__()
    with running_server(ServerConfig(data=data)) as server:
        again = log_in(server)
        assert names(again) == ["kept"]
        again.closeSession()


def test_a_process_that_cannot_start_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="status 1"),
        server_process(tmp_path / "data", "--host", "0.0.0.0"),
    ):
        pass
