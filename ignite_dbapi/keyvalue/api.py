"""Single operations on one node of a client, for programs that look into a cluster.

Each function takes a connection, such as ``client.random_node``, and returns an :class:`APIResult`; with a connection
of an :class:`AioClient` it returns a coroutine. For everything else there are the methods of clients and caches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ignite_dbapi.keyvalue import registration
from ignite_dbapi.keyvalue.datatypes.conversion import keys_to_wire, pairs_to_wire, to_wire
from ignite_dbapi.keyvalue.settings import cache_configuration, cache_properties
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.sql import ResourceClose


@attrs.define
class APIResult:
    """What an operation gave: *status* 0 and a *value*, or the status and the *message* of the server's error."""

    status: int = 0
    message: str = "Success"
    value: Any = None


def resource_close(conn: Any, cursor: int) -> Any:
    """Close a cursor by its number."""
    return conn._result_of(lambda session: calls.call(session, ResourceClose(cursor)))


# --- caches ---------------------------------------------------------------------------------------------------


def cache_get_names(conn: Any) -> Any:
    """The names of all caches."""
    return conn._result_of(operations.cache_names)


def cache_create(conn: Any, name: str) -> Any:
    """Create a cache by name."""
    return conn._result_of(lambda session: operations.create(session, name))


def cache_get_or_create(conn: Any, name: str) -> Any:
    """Create a cache by name, unless it exists."""
    return conn._result_of(lambda session: operations.get_or_create(session, name))


def cache_create_with_config(conn: Any, cache_props: Mapping[int, Any]) -> Any:
    """Create a cache with properties."""
    name, configuration = cache_configuration(cache_props)
    return conn._result_of(lambda session: operations.create(session, configuration or name))


def cache_get_or_create_with_config(conn: Any, cache_props: Mapping[int, Any]) -> Any:
    """Create a cache with properties, unless it exists."""
    name, configuration = cache_configuration(cache_props)
    return conn._result_of(lambda session: operations.get_or_create(session, configuration or name))


def cache_get_configuration(conn: Any, cache_info: CacheAccess) -> Any:
    """The properties of a cache by their codes."""

    def properties(session: Session) -> Operation[dict[int, Any]]:
        return cache_properties((yield from operations.get_configuration(session, cache_info.name)))

    return conn._result_of(properties)


def cache_destroy(conn: Any, cache: str) -> Any:
    """Remove a cache by name."""
    return conn._result_of(lambda session: operations.destroy(session, cache))


def cache_get_node_partitions(conn: Any, caches: int | Iterable[int]) -> Any:
    """Which node holds which partitions of caches with these ids.

    A dict with the ``version`` of the topology and a ``partition_mapping``: for each cache id a dict with
    ``is_applicable``, ``number_of_partitions`` and, if applicable, ``node_mapping`` (partitions by node id) and
    ``cache_config`` (ids of affinity fields by ids of types).
    """
    ids = [caches] if isinstance(caches, int) else list(caches)

    def partitions(session: Session) -> Operation[dict[str, Any]]:
        affinity = yield from operations.affinity(session, ids)
        mapping: dict[int, dict[str, Any]] = {}
        for group in affinity.groups:
            node_mapping = {node: set(numbers) for node, numbers in group.partitions.items()}
            for number, key_fields in group.key_fields.items():
                mapping[number] = {"is_applicable": group.is_applicable, "number_of_partitions": 0}
                if group.is_applicable:
                    mapping[number]["number_of_partitions"] = len(group.primary_nodes())
                    mapping[number]["node_mapping"] = node_mapping
                    mapping[number]["cache_config"] = dict(key_fields)
        return {"version": affinity.topology_version, "partition_mapping": mapping}

    return conn._result_of(partitions)


# --- entries --------------------------------------------------------------------------------------------------


def cache_get(conn: Any, cache_info: CacheAccess, key: Any, key_hint: Any = None) -> Any:
    """The value of a key."""
    return conn._result_of(lambda session: operations.get(session, cache_info, to_wire(key, key_hint)))


def cache_local_peek(conn: Any, cache_info: CacheAccess, key: Any, key_hint: Any = None) -> Any:
    """The value of a key if the node holds it in memory."""
    return conn._result_of(lambda session: operations.local_peek(session, cache_info, to_wire(key, key_hint)))


def cache_put(
    conn: Any, cache_info: CacheAccess, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None
) -> Any:
    """Set the value of a key."""
    return conn._result_of(
        lambda session: operations.put(session, cache_info, to_wire(key, key_hint), to_wire(value, value_hint))
    )


def cache_get_all(conn: Any, cache_info: CacheAccess, keys: Iterable[Any]) -> Any:
    """The values of keys, by key."""

    def entries(session: Session) -> Operation[dict[Any, Any]]:
        return dict((yield from operations.get_all(session, cache_info, keys_to_wire(keys))))

    return conn._result_of(entries)


def cache_put_all(conn: Any, cache_info: CacheAccess, pairs: Mapping[Any, Any]) -> Any:
    """Set the values of many keys."""
    return conn._result_of(lambda session: operations.put_all(session, cache_info, pairs_to_wire(pairs)))


# --- binary types ---------------------------------------------------------------------------------------------


def get_binary_type(conn: Any, binary_type: str | int) -> Any:
    """What the cluster knows of a type."""
    return conn._result_of(lambda session: registration.get_binary_type(session, binary_type))


def put_binary_type(
    conn: Any,
    type_name: str,
    affinity_key_field: str | None = None,
    is_enum: bool = False,
    schema: Mapping[str, Any] | None = None,
) -> Any:
    """Register a type with the cluster."""
    return conn._result_of(
        lambda session: registration.put_binary_type(session, type_name, affinity_key_field, is_enum, schema)
    )


resource_close_async = resource_close
cache_get_names_async = cache_get_names
cache_create_async = cache_create
cache_get_or_create_async = cache_get_or_create
cache_create_with_config_async = cache_create_with_config
cache_get_or_create_with_config_async = cache_get_or_create_with_config
cache_get_configuration_async = cache_get_configuration
cache_destroy_async = cache_destroy
cache_get_node_partitions_async = cache_get_node_partitions
cache_get_async = cache_get
cache_local_peek_async = cache_local_peek
cache_put_async = cache_put
cache_get_all_async = cache_get_all
cache_put_all_async = cache_put_all
get_binary_type_async = get_binary_type
put_binary_type_async = put_binary_type
