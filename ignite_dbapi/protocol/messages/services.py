"""Services: calling Java objects that the cluster keeps running under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import attrs

from ignite_dbapi.errors import NotSupportedError
from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.codec.values import MapValue
from ignite_dbapi.protocol.context import Context, Feature
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cluster import read_node_ids, require, write_node_ids

_KEEP_BINARY: Final = 1
_PARAMETER_TYPES: Final = 2

_DESCRIPTOR_SIZE: Final = 13


@attrs.frozen(eq=False, repr=False, kw_only=True)
class ServiceInvoke(Message[Any]):
    """Call *method* of the service *name*, on one of the nodes *node_ids* (none: on any that it runs on).

    *parameter_types* are the type ids of the method's parameters; without them the server chooses the method by its
    name and the number of arguments. *call_context* is what the service learns of the caller. *timeout* is how many
    milliseconds the server waits for the service to be deployed, 0 for ever.
    """

    op_code = 7000

    name: str
    method: str
    arguments: Sequence[Any] = ()
    parameter_types: Sequence[int] | None = None
    node_ids: Sequence[UUID] = ()
    timeout: int = 0
    keep_binary: bool = False
    call_context: Mapping[str, str | bytes] | None = None
    lossless: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.SERVICE_INVOKE, "service calls")
        writer.string(self.name)
        writer.u8((_KEEP_BINARY if self.keep_binary else 0) | (0 if self.parameter_types is None else _PARAMETER_TYPES))
        writer.i64(self.timeout)
        write_node_ids(writer, self.node_ids)
        writer.string(self.method)
        writer.i32(len(self.arguments))
        for number, argument in enumerate(self.arguments):
            if self.parameter_types is not None:
                writer.i32(self.parameter_types[number])
            writer.value(argument)
        if context.has(Feature.SERVICE_INVOKE_CALL_CONTEXT):
            self._encode_call_context(writer)
        elif self.call_context is not None:
            raise NotSupportedError("the server does not offer a context of service calls", code="no_feature")

    def _encode_call_context(self, writer: Writer) -> None:
        if self.call_context is None:
            writer.value(None)
        else:
            writer.value(MapValue(list(self.call_context.items())))

    def decode(self, reader: Reader, context: Context) -> Any:
        """Read what the method returned."""
        return Reader(reader.data, context.knowledge, reader.position, reader.end, lossless=self.lossless).value()


@attrs.frozen
class ServiceDescriptor:
    """A service: how many instances there may be in all and per node (0: no limit), and who started it.

    *cache_name* is the cache whose keys decide where it runs, if it was deployed so; *is_dotnet* tells services of
    .NET from those of Java.
    """

    name: str
    class_name: str
    total_count: int
    max_per_node_count: int
    cache_name: str | None
    origin_node_id: UUID | None
    is_dotnet: bool


@attrs.frozen(eq=False, repr=False)
class ServiceDescriptors(Message[tuple[ServiceDescriptor, ...]]):
    """Ask what services there are."""

    op_code = 7001

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.GET_SERVICE_DESCRIPTORS, "descriptions of services")

    def decode(self, reader: Reader, context: Context) -> tuple[ServiceDescriptor, ...]:
        """Read the descriptors."""
        return tuple(_read_descriptor(reader) for _ in range(reader.count(_DESCRIPTOR_SIZE)))


@attrs.frozen(eq=False, repr=False)
class ServiceDescriptorGet(Message[ServiceDescriptor]):
    """Ask for the description of one service; the answer is an error if there is none of that name."""

    op_code = 7002

    name: str

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.GET_SERVICE_DESCRIPTORS, "descriptions of services")
        writer.string(self.name)

    def decode(self, reader: Reader, context: Context) -> ServiceDescriptor:
        """Read the descriptor."""
        return _read_descriptor(reader)


@attrs.frozen(eq=False, repr=False)
class ServiceTopology(Message[tuple[UUID, ...]]):
    """Ask on which nodes a service runs."""

    op_code = 7003

    name: str

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.SERVICE_TOPOLOGY, "the nodes of services")
        writer.string(self.name)

    def decode(self, reader: Reader, context: Context) -> tuple[UUID, ...]:
        """Read the ids of the nodes."""
        return read_node_ids(reader)


def _read_descriptor(reader: Reader) -> ServiceDescriptor:
    return ServiceDescriptor(
        name=reader.string() or "",
        class_name=reader.string() or "",
        total_count=reader.i32(),
        max_per_node_count=reader.i32(),
        cache_name=reader.string(),
        origin_node_id=reader.uuid(),
        is_dotnet=reader.u8() != 0,
    )
