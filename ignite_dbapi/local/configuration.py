"""The server's configuration: one Spring XML file per node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import attrs

from ignite_dbapi.local.certificates import Certificates
from ignite_dbapi.local.options import LocalOptions, memory_size_in_bytes

__all__ = ["HOST", "NodePorts", "node_configuration"]

#: The only address that a local server listens on.
HOST = "127.0.0.1"

_CONFIGURATION = "org.apache.ignite.configuration."
_NAMESPACE = "http://www.springframework.org/schema/beans"
_MEBIBYTE = 1 << 20


@attrs.frozen
class NodePorts:
    """The TCP ports of one node."""

    client: int
    discovery: int
    communication: int


@attrs.frozen
class _Bean:
    """A Java object in the configuration: its class and its properties."""

    class_name: str
    properties: Mapping[str, object] = attrs.field(factory=dict)


def _full_name(class_name: str) -> str:
    """Return the class name as Java needs it; a bare one is a class of Ignite's configuration package."""
    return class_name if "." in class_name else _CONFIGURATION + class_name


def _bean_element(bean: _Bean) -> ElementTree.Element:
    element = ElementTree.Element("bean", {"class": _full_name(bean.class_name)})
    for name, value in bean.properties.items():
        item = ElementTree.SubElement(element, "property", name=name)
        item.append(_value_element(value))
    return element


def _value_element(value: object) -> ElementTree.Element:
    if value is None:
        return ElementTree.Element("null")
    if isinstance(value, _Bean):
        return _bean_element(value)
    if isinstance(value, list):
        element = ElementTree.Element("list")
        element.extend(_value_element(item) for item in value)
        return element
    element = ElementTree.Element("value")
    element.text = str(value).lower() if isinstance(value, bool) else str(value)
    return element


def node_configuration(
    options: LocalOptions,
    *,
    name: str,
    ports: NodePorts,
    discovery_ports: Sequence[int],
    work_directory: Path,
    certificates: Certificates | None,
) -> str:
    """Return the XML of one node.

    :param name: the node's consistent id, under which it finds its stored data again.
    :param discovery_ports: the discovery ports of all nodes of the cluster: nobody else can join.
    :param certificates: for a server that speaks TLS.
    """
    addresses = [f"{HOST}:{port}" for port in discovery_ports]
    ip_finder = _Bean(
        "org.apache.ignite.spi.discovery.tcp.ipfinder.vm.TcpDiscoveryVmIpFinder", {"addresses": addresses}
    )
    communication: dict[str, object] = {"localPort": ports.communication, "localPortRange": 0}
    if options.version < (2, 9, 0):
        communication["sharedMemoryPort"] = -1  # else the node takes one more port, which nobody chose
    properties: dict[str, object] = {
        "consistentId": name,
        "localHost": HOST,
        "workDirectory": work_directory,
        "metricsLogFrequency": 0,
        # No REST server: one port less, and nobody can reach the node around the client port.
        "connectorConfiguration": None,
        "discoverySpi": _Bean(
            "org.apache.ignite.spi.discovery.tcp.TcpDiscoverySpi",
            {"localPort": ports.discovery, "localPortRange": 0, "ipFinder": ip_finder},
        ),
        "communicationSpi": _Bean("org.apache.ignite.spi.communication.tcp.TcpCommunicationSpi", communication),
        "clientConnectorConfiguration": _client_connector(options, ports.client, certificates),
        "dataStorageConfiguration": _data_storage(options),
    }
    if options.auth:
        properties["authenticationEnabled"] = True
    if options.tx_aware:
        properties["transactionConfiguration"] = _Bean("TransactionConfiguration", {"txAwareQueriesEnabled": True})
    properties.update(_sql(options))
    beans = ElementTree.Element(
        "beans",
        {
            "xmlns": _NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": f"{_NAMESPACE} {_NAMESPACE}/spring-beans.xsd",
        },
    )
    beans.append(_bean_element(_Bean("IgniteConfiguration", properties)))
    ElementTree.indent(beans)
    return ElementTree.tostring(beans, encoding="unicode", xml_declaration=True) + "\n"


def _client_connector(options: LocalOptions, port: int, certificates: Certificates | None) -> _Bean:
    properties: dict[str, object] = {"host": HOST, "port": port, "portRange": 0}
    if options.idle_timeout:
        properties["idleTimeout"] = max(round(options.idle_timeout * 1000), 1)
    thin_client: dict[str, object] = {}
    if options.server_stack_traces:
        thin_client["serverToClientExceptionStackTraceSending"] = True
    if options.compute_tasks:
        thin_client["maxActiveComputeTasksPerConnection"] = options.compute_tasks
    if thin_client:
        properties["thinClientConfiguration"] = _Bean("ThinClientConfiguration", thin_client)
    if certificates is not None:
        factory: dict[str, object] = {
            "keyStoreType": "PKCS12",
            "keyStoreFilePath": certificates.server_key_store,
            "keyStorePassword": certificates.password,
            "trustStoreType": "PKCS12",
            "trustStoreFilePath": certificates.trust_store,
            "trustStorePassword": certificates.password,
        }
        properties |= {
            "sslEnabled": True,
            "sslClientAuth": options.tls_client_auth,
            "useIgniteSslContextFactory": False,
            "sslContextFactory": _Bean("org.apache.ignite.ssl.SslContextFactory", factory),
        }
    return _Bean("ClientConnectorConfiguration", properties)


def _data_storage(options: LocalOptions) -> _Bean:
    region = _Bean(
        "DataRegionConfiguration",
        {
            "name": "default",
            "initialSize": 32 * _MEBIBYTE,
            "maxSize": max(memory_size_in_bytes(options.data_region), 32 * _MEBIBYTE),
            "persistenceEnabled": options.uses_storage,
        },
    )
    properties: dict[str, object] = {"defaultDataRegionConfiguration": region}
    if options.uses_storage:
        # A server for trying out need not take the 640 MB of log files that are Ignite's default.
        properties |= {"walSegments": 4, "walSegmentSize": 32 * _MEBIBYTE}
    return _Bean("DataStorageConfiguration", properties)


def _sql(options: LocalOptions) -> dict[str, object]:
    engines = []
    for engine in options.configured_engines:
        name = {
            "h2": "org.apache.ignite.indexing.IndexingQueryEngineConfiguration",
            "calcite": "org.apache.ignite.calcite.CalciteQueryEngineConfiguration",
        }[engine]
        engines.append(_Bean(name, {"default": engine == options.engine}))
    sql: dict[str, object] = {}
    if engines:
        sql["queryEnginesConfiguration"] = engines
    if options.sql_schemas:
        sql["sqlSchemas"] = list(options.sql_schemas)
    if not sql:
        return {}
    # Before 2.9 the only one of these settings stood in the main configuration.
    return sql if options.version < (2, 9, 0) else {"sqlConfiguration": _Bean("SqlConfiguration", sql)}
