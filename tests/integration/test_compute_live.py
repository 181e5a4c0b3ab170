"""Compute tasks and services: Java code that the server has (tests/java) is run, and its results are read."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from wire import Proxy

import ignite_dbapi
from ignite_dbapi.cluster.cluster import SingleNode
from ignite_dbapi.errors import DatabaseError, Error, NotSupportedError, OperationalError, ProgrammingError
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import IntObject
from ignite_dbapi.operations import compute
from ignite_dbapi.protocol.codec.values import BinaryObject
from ignite_dbapi.transport.blocking import run

TASK = "tests.Task"
INTEGER, LONG = 3, 4


@pytest.fixture
def client(java_node: Any) -> Iterator[Client]:
    with Client().connect(*java_node.addresses[0]) as client:
        yield client


# --- tasks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (5, 5),
        ("echo ä😀", "ä😀"),
        (b"\0", b"\0"),
        (1.5, 1.5),
        ([1, "a"], (1, [1, "a"])),  # collections have pyignite's shapes
        ({"a": 1}, (2, {"a": 1})),
    ],
)
def test_arguments_and_results(client: Client, value: Any, expected: Any) -> None:
    assert client.run_task(TASK, value) == expected


def test_objects(client: Client) -> None:
    value = BinaryObject("NoClassOfTheServer", {"x": 1})
    assert client.run_task(TASK, value, keep_binary=True).x == 1
    with pytest.raises(DatabaseError, match="NoClassOfTheServer"):
        client.run_task(TASK, value)


def test_a_task_that_fails(client: Client) -> None:
    tasks: list[Any] = []

    def start_and_wait() -> None:
        # It may have failed before the server answers that it was started.
        tasks.append(client.start_task(TASK, "fail on purpose"))
        tasks[0].result()

    with pytest.raises(DatabaseError, match="Remote job threw user exception"):
        start_and_wait()
    for task in tasks:
        with pytest.raises(DatabaseError, match="Remote job threw user exception"):
            task.result()
        assert task.is_done
    with pytest.raises(DatabaseError, match=r"Unknown task name .*tests\.Nothing"):
        client.run_task("tests.Nothing")
    assert client.run_task(TASK, "echo still") == "still"


def test_waiting(client: Client) -> None:
    started = time.monotonic()
    task = client.start_task(TASK, "sleep 6000")
    assert time.monotonic() - started < 5
    assert not task.is_done
    with pytest.raises(OperationalError, match=r"tests\.Task has not ended within 0\.1 s") as timeout:
        task.result(0.1)
    assert timeout.value.code == "task_timeout"
    assert client.run_task(TASK, "echo meanwhile") == "meanwhile"
    assert (task.result(), task.result(), task.is_done, task.name) == ("slept", "slept", True, TASK)


def test_the_servers_limit_of_time(client: Client) -> None:
    with pytest.raises(OperationalError, match="Task timed out"):
        client.run_task(TASK, "sleep 5000", timeout=0.2)


def test_cancelling(client: Client) -> None:
    task = client.start_task(TASK, "sleep 20000")
    errors: list[Error] = []

    def wait() -> None:
        try:
            task.result()
        except Error as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)
    task.cancel()
    task.cancel()
    waiting.join(60)
    assert [error.code for error in errors] == ["task_cancelled"]
    with pytest.raises(OperationalError, match="was cancelled"):
        task.result()
    done = client.start_task(TASK, "echo x")
    assert done.result() == "x"
    done.cancel()
    assert done.result() == "x"


def once_there_is_room(call: Callable[[], Any]) -> Any:
    """What *call* returns: the node tells of the end of a task before it lets another one take its place."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return call()
        except Error as error:
            if "limit" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def test_many_tasks_at_once(client: Client) -> None:
    def start(argument: str) -> Any:
        return once_there_is_room(lambda: client.start_task(TASK, argument))

    # The node lets each client run ten.
    for _ in range(3):
        tasks = [start(f"echo {number}") for number in range(10)]
        assert [task.result() for task in reversed(tasks)] == [str(number) for number in reversed(range(10))]
    tasks = [start("sleep 60000") for _ in range(10)]
    with pytest.raises(Error, match="limit"):
        client.start_task(TASK, "echo one too many")
    del tasks
    gc.collect()
    client.sql("SELECT 1")  # what is sent next cancels the forgotten ones
    assert once_there_is_room(lambda: client.run_task(TASK, "echo again")) == "again"


def test_options(client: Client, java_node: Any) -> None:
    (node,) = client.get_cluster().get_nodes()
    assert client.run_task(TASK, "nodes", node_ids=[node.node_id], failover=False) == 1
    assert client.run_task(TASK, "nodes", result_cache=False) == "not kept"
    with pytest.raises(DatabaseError, match="Topology projection is empty"):
        client.run_task(TASK, "nodes", node_ids=[uuid4()])
    with pytest.raises(ProgrammingError, match="name of its class"):
        client.run_task("")
    with pytest.raises(ProgrammingError, match="timeout of -1 s"):
        client.run_task(TASK, timeout=-1)


def test_tasks_are_disabled_by_default(node: Any) -> None:
    with (
        Client().connect(*node.addresses[0]) as client,
        pytest.raises(NotSupportedError, match="maxActiveComputeTasksPerConnection") as disabled,
    ):
        client.run_task(TASK)
    assert disabled.value.code == "compute_disabled"


def test_lost_connection(java_node: Any) -> None:
    with Proxy(java_node.addresses[0]) as proxy:
        connection = ignite_dbapi.connect(proxy.url)
        router = SingleNode(connection._session)
        task = run(router.call(lambda session: compute.start(session, TASK, "sleep 3000")))
    with pytest.raises(OperationalError) as lost:
        run(task.result())
    assert lost.value.is_connection_lost
    connection.close()


def test_tasks_with_asyncio(java_node: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*java_node.addresses[0]) as client:
            assert await client.run_task(TASK, "echo x") == "x"
            # The first one may still count as one of the ten.
            tasks = await asyncio.gather(*(client.start_task(TASK, f"echo {number}") for number in range(8)))
            assert await asyncio.gather(*(task.result() for task in tasks)) == list("01234567")
            task = await client.start_task(TASK, "sleep 20000")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(task.result(), 0.2)
            waiting = asyncio.create_task(task.result())
            await asyncio.sleep(0.1)
            await task.cancel()
            with pytest.raises(OperationalError, match="was cancelled"):
                await waiting

    asyncio.run(main())


# --- services ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def greeter(java_node: Any) -> str:
    with Client().connect(*java_node.addresses[0]) as client:
        assert client.get_services() == ()
        return str(client.run_task(TASK, "deploy greeter"))


def test_descriptors(client: Client, greeter: str) -> None:
    (node,) = client.get_cluster().get_nodes()
    (descriptor,) = client.get_services()
    assert (descriptor.name, descriptor.class_name) == ("greeter", "tests.Greeter")
    assert (descriptor.total_count, descriptor.max_per_node_count, descriptor.is_dotnet) == (1, 1, False)
    assert (descriptor.cache_name, descriptor.origin_node_id) == (None, node.node_id)
    service = client.service(greeter)
    assert service.descriptor() == descriptor
    assert service.nodes() == (node.node_id,)
    assert "greeter" in repr(service)


def test_calls(client: Client, greeter: str) -> None:
    service = client.service(greeter)
    assert service.call("greet", "Ann") == "Hello, Ann"
    assert service.call("greet", None) == "Hello, null"
    assert service.call("add", 2**40, 1) == 2**40 + 1
    assert service.call("kind", (1, IntObject), parameter_types=[INTEGER]) == "Integer"
    assert service.call("kind", 1, parameter_types=[LONG]) == "Long"
    assert service.call("caller") is None
    told = client.service(greeter, call_context={"caller": "the tests"})
    assert told.call("caller") == "the tests"
    here = client.service(greeter, node_ids=service.nodes(), timeout=5)
    assert here.call("greet", "Bob") == "Hello, Bob"


def test_calls_that_fail(client: Client, greeter: str) -> None:
    service = client.service(greeter)
    with pytest.raises(DatabaseError, match="on purpose"):
        service.call("fail", "on purpose")
    with pytest.raises(DatabaseError, match="Could not find proxy method 'nothing'"):
        service.call("nothing")
    with pytest.raises(DatabaseError, match="Could not find proxy method 'greet'"):
        service.call("greet")
    with pytest.raises(ProgrammingError, match="2 parameter types for 1 arguments"):
        service.call("greet", "Ann", parameter_types=[1, 2])
    nobody = client.service("nobody")
    for call in (nobody.descriptor, lambda: nobody.call("greet", "Ann")):
        with pytest.raises(DatabaseError, match="Service not found: nobody"):
            call()
    assert nobody.nodes() == ()
    with pytest.raises(ProgrammingError, match="timeout of -1 s"):
        client.service(greeter, timeout=-1).call("greet", "Ann")


def test_a_cluster_without_services(node: Any) -> None:
    with Client().connect(*node.addresses[0]) as client:
        assert client.get_services() == ()


def test_services_with_asyncio(java_node: Any, greeter: str) -> None:
    async def main() -> None:
        async with AioClient().connect(*java_node.addresses[0]) as client:
            service = client.service(greeter)
            assert await service.call("greet", "Ann") == "Hello, Ann"
            assert (await service.descriptor(),) == await client.get_services()
            assert len(await service.nodes()) == 1

    asyncio.run(main())
