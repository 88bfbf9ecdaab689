"""The text of the scripts that OMERO runs: each in one file, with the agent's address and a seal.

The first line of an installed script has the sha256 of the rest. So what we installed can be told from what
somebody has changed, whatever version installed it.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Self
from urllib.parse import urlsplit

from omero_irods_bridge import __version__
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.hosts import is_this_computer

FOLDER: Final = "/omero/iRODS/"
"""The menu of the clients has the last folder, and the names with spaces for underscores."""

NAMES: Final = ("Save_to_iRODS.py", "Load_from_iRODS.py", "List_iRODS_snapshots.py")

_PACKAGE: Final = "omero_irods_bridge.omero_scripts"
_SHARED: Final = "agent_call"
_MARK: Final = "# Installed by omero-irods-bridge"
_STAMP: Final = re.compile(rf"{_MARK} (\S+); sha256 of what follows: ([0-9a-f]{{64}})", re.ASCII)
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", re.ASCII)
_ADDRESS_V6: Final = re.compile(r"https?://\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where the scripts find the agent; its characters need no quoting anywhere."""

    url: str

    @classmethod
    def parse(cls, text: str, *, allow_http: bool = False) -> Self:
        """Raises UsageError for what is no address, and for one where session keys would travel openly."""
        url = text.rstrip("/")
        if not (_ADDRESS.fullmatch(url) or _ADDRESS_V6.fullmatch(url)) or not _has_port_and_host(url):
            raise UsageError(
                f"{text!r} is no address of an agent.",
                hint="Such as https://irods-agent.example.org: no user, no query, no other characters.",
            )
        if url.startswith("http:") and not allow_http and not is_this_computer(urlsplit(url).hostname or ""):
            raise UsageError(
                f"{url} is not encrypted, and the scripts send OMERO session keys there.",
                hint="Give an address with https, or --allow-http on a network that nobody else can read.",
            )
        return cls(url)


def _has_port_and_host(url: str) -> bool:
    try:
        found = urlsplit(url)
        return bool(found.hostname) and found.port != 0
    except ValueError:
        return False


def script_texts(agent: AgentAddress) -> Mapping[str, str]:
    """Each script by its path on the server."""
    shared = _shared_lines(agent)
    return {FOLDER + name: sealed(_joined(_source(name), shared)) for name in NAMES}


def sealed(text: str) -> str:
    """``text`` below the line that vouches for it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{_MARK} {__version__}; sha256 of what follows: {digest}\n{text}"


def is_as_installed(text: str) -> bool:
    """Whether nobody has changed it since some version of ours installed it, but for blanks at the end."""
    first, _, rest = text.replace("\r\n", "\n").partition("\n")
    found = _STAMP.fullmatch(first)
    return found is not None and found[2] == hashlib.sha256(f"{rest.rstrip()}\n".encode()).hexdigest()


def version_of(text: str) -> str:
    """The version that installed it, "" where none of ours did."""
    found = _STAMP.match(text)
    return found[1] if found else ""


def agent_of(text: str) -> str:
    """The address of the agent in it, "" where there is none."""
    found = re.search(r'^AGENT = "([^"\n]*)"$', text, re.MULTILINE)
    return found[1] if found else ""


def _source(name: str) -> str:
    return files(_PACKAGE).joinpath(name).read_text("ascii")


def _shared_lines(agent: AgentAddress) -> str:
    """What comes in the place of its import: the module without its docstring and the future."""
    text = _source(f"{_SHARED}.py")
    for name, value in (("AGENT", agent.url), ("VERSION", __version__)):
        text, count = re.subn(rf'^{name} = "[^"]*"$', f'{name} = "{value}"', text, flags=re.MULTILINE)
        assert count == 1, name
    body = ast.parse(text).body
    first = next(node for node in body if not (_is_docstring(node) or _imports_from(node, "__future__")))
    return "\n".join(text.splitlines()[first.lineno - 1 :])


def _joined(text: str, shared: str) -> str:
    """A script with the shared lines in the place of their import."""
    lines = text.splitlines()
    (node,) = (one for one in ast.parse(text).body if _imports_from(one, f"{_PACKAGE}.{_SHARED}"))
    lines[node.lineno - 1 : node.end_lineno] = [shared, ""]
    made = "\n".join(lines) + "\n"
    compile(made, "script", "exec", dont_inherit=True)
    return made


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _imports_from(node: ast.stmt, module: str) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == module
