"""Compute: running Java tasks that the servers have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import attrs

from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context, Feature
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cluster import require, write_node_ids
from ignite_dbapi.protocol.messages.resources import OpenedResource

_NO_FAILOVER: Final = 1
_NO_RESULT_CACHE: Final = 2
_KEEP_BINARY: Final = 4


@attrs.frozen(eq=False, repr=False, kw_only=True)
class ComputeTaskExecute(Message[OpenedResource]):
    """Start the task *task*, a Java class or a name that it was deployed under; its end comes as a notification.

    It may use the nodes *node_ids*, or all if there are none named. *timeout* is in milliseconds, 0 for none. Without
    *failover* a job that fails is not tried on another node; without *result_cache* the task does not keep the results
    of its jobs.
    """

    op_code = 6000
    opens_subscription = True

    task: str
    argument: Any = None
    node_ids: Sequence[UUID] = ()
    timeout: int = 0
    failover: bool = True
    result_cache: bool = True
    keep_binary: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.EXECUTE_TASK_BY_NAME, "compute tasks")
        write_node_ids(writer, self.node_ids)
        writer.u8(
            (0 if self.failover else _NO_FAILOVER)
            | (0 if self.result_cache else _NO_RESULT_CACHE)
            | (_KEEP_BINARY if self.keep_binary else 0)
        )
        writer.i64(self.timeout)
        writer.string(self.task)
        writer.value(self.argument)

    def decode(self, reader: Reader, context: Context) -> OpenedResource:
        """Read the task's number."""
        return OpenedResource.read(reader)
