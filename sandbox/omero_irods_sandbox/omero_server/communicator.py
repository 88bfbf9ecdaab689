"""Ice as the server needs it."""

from __future__ import annotations

from typing import Any, Final

import Ice
import omero.ObjectFactoryRegistrar as Registrar  # its name in omero-py
from omero.rtypes import ObjectFactories

from omero_irods_sandbox.omero_server import tls

_PROPERTIES: Final = {
    "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
    "IceSSL.Ciphers": "HIGH:!DHE",
    "IceSSL.Protocols": "TLS1_2,TLS1_3",
    "IceSSL.VerifyPeer": "0",
    # KiB; clients take larger ones (etc/templates/grid/templates.xml of openmicroscopy).
    "Ice.MessageSizeMax": "65536",
    "Ice.ThreadPool.Server.Size": "4",
    "Ice.ThreadPool.Server.SizeMax": "50",
    "Ice.ThreadPool.Client.SizeMax": "50",
    "Ice.Warn.Dispatch": "0",
    # Buffers of 64 MiB messages would stay for ever.
    "Ice.CacheMessageBuffers": "0",
    # Clients send no heartbeats for months; sessions expire, connections do not (omero-wire.md, pitfall 8).
    "Ice.ACM.Server.Close": "0",
    "Ice.ACM.Server.Heartbeat": "0",
}


def make_communicator(certificate: tls.Certificate) -> Any:
    """A communicator that speaks TLS and knows the classes of OMERO."""
    properties = Ice.createProperties([])
    for name, value in _PROPERTIES.items():
        properties.setProperty(name, value)
    properties.setProperty("IceSSL.DefaultDir", str(certificate.folder))
    properties.setProperty("IceSSL.CertFile", certificate.bundle.name)
    properties.setProperty("IceSSL.CAs", certificate.authority.name)
    properties.setProperty("IceSSL.Password", tls.PASSWORD)
    data = Ice.InitializationData()
    data.properties = properties
    communicator = Ice.initialize(data)
    Registrar.registerObjectFactory(communicator, None)
    for factory in ObjectFactories.values():
        factory.register(communicator)
    return communicator


def port_of(adapter: Any, kind: str) -> int:
    """The port that the adapter listens on for ``ssl`` or ``tcp``."""
    for endpoint in adapter.getEndpoints():
        info = endpoint.getInfo()
        is_wanted = info.type() == (Ice.TCPEndpointType if kind == "tcp" else _SSL_ENDPOINT_TYPE)
        if is_wanted:
            return int(info.port)
    raise LookupError(f"the adapter has no {kind} endpoint")


_SSL_ENDPOINT_TYPE: Final = 2
"""IceSSL::EndpointType."""
