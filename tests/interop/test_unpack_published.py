"""The published packets of the stock tool load, and become what ``omero transfer unpack`` makes of them.

Two users take the same packet, one by either tool. What each of them has then is packed by the stock tool and
compared; and what stock loses or gets wrong is looked at in what our load has made.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path

import omero
import omero.sys
import pytest

from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.adapters.omero.connection import connect as log_in_bridge
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.imports import MARK_NAMESPACE
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest
from omero_irods_bridge.operations import diff
from omero_irods_bridge.operations import unpack as operation
from omero_irods_bridge.wiring import SystemClock, receiver_on
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.conftest import LogIn
from tests.interop.test_transfer import graph_of, newest, pack, take_markers_back, unpack
from tests.interop.transfer_graph import Graph, Node
from tests.wire.omero_server.conftest import Connect, MakeUser, User

KINDS = {
    "valid_single_image.zip": "Image",
    "valid_single_dataset.zip": "Dataset",
    "valid_single_project.zip": "Project",
}


@pytest.fixture
def published(shared_packets: Path, request: pytest.FixtureRequest) -> Path:
    path: Path = shared_packets / request.param
    return path


def load(server: OmeroServer, user: User, path: Path) -> Loaded:
    """Ours, from the local file."""
    login = UserPassword(server.host, user.name, user.password, server.ssl_port)
    with log_in_bridge(login, secure=False) as connection, open_local(path) as packet:
        receiver = receiver_on(connection)
        plan = operation.plan(UnpackRequest(str(path)), packet, receiver)
        assert not plan.problems
        return operation.apply(plan, packet, receiver, clock=SystemClock())


@pytest.mark.parametrize("published", KINDS, indirect=True)
def test_a_published_packet_becomes_what_stock_makes_of_it(
    published: Path, server: OmeroServer, make_user: MakeUser, log_in: LogIn, tmp_path: Path
) -> None:
    graphs: list[Graph] = []
    for tool in ("stock", "ours"):
        person = make_user()
        command = log_in(person)
        if tool == "stock":
            unpack(command, published)
            take_markers_back(command)
        else:
            assert load(server, person, published).objects
            assert load(server, person, published).was_complete
        again = pack(command, newest(command, KINDS[published.name]), ".zip")
        graphs.append(graph_of(again, tmp_path / tool))
    assert graphs[1].of_kind("Image")
    assert without_marks(graphs[1]) == without_marks(graphs[0])


@pytest.mark.parametrize("published", KINDS, indirect=True)
def test_a_published_packet_that_was_just_loaded_is_identical(
    published: Path, server: OmeroServer, make_user: MakeUser
) -> None:
    person = make_user()
    load(server, person, published)
    login = UserPassword(server.host, person.name, person.password, server.ssl_port)
    with log_in_bridge(login, secure=False) as connection, open_local(published) as packet:
        found = diff.with_server(str(published), packet, receiver_on(connection))
    assert (found.changes, found.how) == ((), diff.How.LOAD)
    assert found.counts["Image"] > 0


def without_marks(graph: Graph) -> tuple[Counter[Node], Counter[tuple[Node, Node]]]:
    """The graph without what a load of ours says on the containers that it made."""
    marks = {node for node in graph.nodes if node.values[:1] == (MARK_NAMESPACE,)}
    nodes = Counter({node: count for node, count in graph.nodes.items() if node not in marks})
    links = Counter({ends: count for ends, count in graph.links.items() if not marks & set(ends)})
    return nodes, links


@pytest.mark.parametrize("published", KINDS, indirect=True)
def test_what_stock_loses_of_a_published_packet_is_there(
    published: Path, server: OmeroServer, make_user: MakeUser, connect: Connect
) -> None:
    """How shapes look: stock makes all of one colour, and of markers that are not there the text None."""
    person = make_user()
    load(server, person, published)
    with zipfile.ZipFile(published) as archive:
        told = re.findall(rb'<Line [^>]*StrokeColor="(-?[0-9]+)"', archive.read("transfer.xml"))
    query = "select s from Line s where s.details.owner.id = :id"
    lines = connect(person).getQueryService().findAllByQuery(query, omero.sys.ParametersI().addId(person.id))
    assert sorted(one.strokeColor.val for one in lines) == sorted(map(int, told))
    assert [one for one in lines if one.markerStart or one.markerEnd] == []
