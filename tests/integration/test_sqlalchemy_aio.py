"""The dialect for asyncio: the same statements, awaited."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc, orm
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

import ignite_dbapi
import ignite_dbapi.aio
from sqlalchemy_ignite.aio import IgniteDialectAsync


class Base(orm.DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "aio_city"
    __table_args__ = {"ignite_atomicity": "transactional"}  # noqa: RUF012 - SQLAlchemy declares it so
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    streets: orm.Mapped[list[Street]] = orm.relationship(primaryjoin="City.id == foreign(Street.city_id)")


class Street(Base):
    __tablename__ = "aio_street"
    __table_args__ = {"ignite_atomicity": "transactional"}  # noqa: RUF012 - SQLAlchemy declares it so
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    city_id: orm.Mapped[int | None]


@pytest.fixture(scope="module")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(tx_aware=True)


@pytest.fixture(autouse=True)
def tables(server: Any) -> Iterator[None]:
    engine = sa.create_engine(server.url)
    Base.metadata.create_all(engine)
    yield
    Base.metadata.drop_all(engine)
    engine.dispose()


def run(url: str, main: Callable[[AsyncEngine], Awaitable[None]], **options: Any) -> None:
    async def with_engine() -> None:
        engine = create_async_engine(url.replace("ignite:", "ignite+aio:"), **options)
        try:
            await main(engine)
        finally:
            await engine.dispose()

    asyncio.run(with_engine())


def test_core(server: Any) -> None:
    async def main(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            assert isinstance(engine.dialect, IgniteDialectAsync)
            assert engine.dialect.server_version_info == (2, 17, 0)
            assert engine.dialect.server_engines.available == {"h2", "calcite"}
            assert isinstance(
                (await connection.get_raw_connection()).driver_connection, ignite_dbapi.aio.AsyncConnection
            )
            result = await connection.execute(
                sa.insert(City), [{"id": number, "name": f"city {number}"} for number in range(5)]
            )
            assert result.rowcount == 5
            rows = await connection.execute(sa.select(City.id, City.name).where(City.id < 2).order_by(City.id))
            assert rows.all() == [(0, "city 0"), (1, "city 1")]
            assert (await connection.execute(sa.update(City).where(City.id == 1).values(name="x"))).rowcount == 1
            # What the dialect hands to the driver for a statement gets there.
            join = sa.select(sa.func.query_engine(), sa.func.count()).join_from(City, Street, City.id == Street.city_id)
            assert (await connection.execute(sa.select(sa.func.query_engine()))).scalar() == "h2"
            assert (await connection.execute(join)).one() == ("calcite", 0)
            with pytest.raises(exc.InterfaceError, match="page_size"):
                await connection.execute(sa.select(City), execution_options={"ignite_page_size": 0})
            with pytest.raises(exc.ProgrammingError) as caught:
                await connection.execute(sa.text("SELECT nothing FROM aio_city"))
            assert isinstance(caught.value.orig, ignite_dbapi.ProgrammingError)
            assert not caught.value.connection_invalidated
            with pytest.raises(exc.IntegrityError):
                await connection.execute(sa.insert(City), {"id": 0, "name": "again"})
            names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
            assert {"aio_city", "aio_street"} <= set(names)

    run(server.url, main)


def test_sessions(server: Any) -> None:
    async def main(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:
            session.add_all(
                [
                    City(id=1, name="Delft", streets=[Street(id=1), Street(id=2)]),
                    City(id=2, name="Gouda", streets=[Street(id=3)]),
                ]
            )
            await session.commit()
            for option in (orm.selectinload, orm.joinedload, orm.subqueryload):
                session.expunge_all()
                cities = await session.scalars(sa.select(City).options(option(City.streets)).order_by(City.id))
                assert [len(city.streets) for city in cities.unique()] == [2, 1], option
            gouda = await session.get_one(City, 2)
            gouda.name = "Edam"
            await session.commit()
            await session.refresh(gouda)
            assert gouda.name == "Edam"

    run(server.url, main)


def test_isolation_levels(server: Any) -> None:
    async def main(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:
            session.add(City(id=1, name="Delft"))
            await session.flush()
            assert await session.scalar(sa.select(sa.func.count()).select_from(City)) == 1
            await session.rollback()
            assert await session.scalar(sa.select(sa.func.count()).select_from(City)) == 0
            session.add(City(id=2, name="Gouda"))
            await session.commit()
        async with engine.connect() as connection:
            assert await connection.get_isolation_level() == "READ COMMITTED"
            assert await connection.scalar(sa.select(sa.func.query_engine())) == "calcite"
            await connection.rollback()
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.delete(City))
            await connection.rollback()
            assert await connection.scalar(sa.select(sa.func.count()).select_from(City)) == 0
        async with engine.connect() as connection:
            assert await connection.get_isolation_level() == "READ COMMITTED"

    run(server.url, main, isolation_level="READ COMMITTED")


def test_streaming_fetches_as_it_is_read(server: Any) -> None:
    async def main(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            await connection.execute(sa.insert(City), [{"id": number, "name": "x"} for number in range(500)])
            options = {"ignite_page_size": 10, "ignite_engine": "h2"}
            result = await connection.stream(sa.select(City.id).order_by(City.id), execution_options=options)
            seen = [(await anext(aiter(result))).id]
            # The server keeps the cursor while there is more to read.
            adapted: Any = result._real_result.cursor
            assert adapted.server_side
            async for row in result:
                seen.append(row.id)
            assert seen == list(range(500))
            partitions = await connection.stream(sa.select(City.id), execution_options={"yield_per": 200})
            assert [len(part) async for part in partitions.partitions()] == [200, 200, 100]
            left = await connection.stream(sa.select(City.id), execution_options=options)
            assert len(await left.fetchmany(3)) == 3
            await left.close()
            assert await connection.scalar(sa.select(sa.func.count()).select_from(City)) == 500
        async with AsyncSession(engine) as session:
            cities = await session.stream_scalars(sa.select(City).order_by(City.id).execution_options(yield_per=50))
            assert [city.id async for city in cities] == list(range(500))

    run(server.url, main)


def test_tasks_run_side_by_side(server: Any) -> None:
    async def main(engine: AsyncEngine) -> None:
        async def insert(number: int) -> int:
            async with AsyncSession(engine) as session:
                session.add(City(id=number, name="x"))
                await session.commit()
                return (await session.scalar(sa.select(City.id).where(City.id == number))) or -1

        assert await asyncio.gather(*(insert(number) for number in range(1, 41))) == list(range(1, 41))
        # While one task waits for the server, others get on.
        slow = sa.text("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b")
        running = sa.text(
            "SELECT QUERY_ID FROM SYS.SQL_QUERIES WHERE SQL LIKE 'SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000)%'"
        )
        async with engine.connect() as waiting, engine.connect() as busy:
            task = asyncio.ensure_future(
                waiting.execute(slow, execution_options={"ignite_engine": "node", "ignite_timeout": 60})
            )
            for _ in range(4):
                assert await busy.scalar(sa.select(sa.func.count()).select_from(City)) == 40
            assert not task.done()
            # Cancelling the task alone would keep the server busy with the statement for a minute.
            while not task.done():
                for query_id in (await busy.scalars(running)).all():
                    # One that has only just been listed cannot be ended yet.
                    with contextlib.suppress(exc.DBAPIError):
                        await busy.execute(sa.text(f"KILL QUERY '{query_id}'"))
            with pytest.raises(exc.OperationalError):
                await task

    run(server.url, main, pool_size=5)


def test_a_cancelled_task_leaves_the_pool_usable(server: Any) -> None:
    async def main(engine: AsyncEngine) -> None:
        slow = sa.text("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 20000) a, SYSTEM_RANGE(1, 20000) b")

        async def wait() -> None:
            async with engine.connect() as connection:
                await connection.execute(slow, execution_options={"ignite_engine": "node", "ignite_timeout": 5})

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with engine.connect() as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1

    run(server.url, main, pool_size=1, max_overflow=0)


def test_a_lost_node_is_a_disconnect_and_pre_ping_mends_it(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(sql_schemas=("DISCONNECT",))

    async def main(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1
            cluster.nodes[0].kill()
            with pytest.raises(exc.OperationalError) as caught:
                await connection.scalar(sa.text("SELECT 1"))
            assert caught.value.connection_invalidated
            assert connection.invalidated
        cluster.nodes[0].start()
        async with engine.connect() as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1
        pooled = await engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.close()
        driver._session.channel.close()
        async with engine.connect() as connection:
            # The pooled connection is dead; the ping finds out before the statement does.
            assert await connection.scalar(sa.text("SELECT 1")) == 1

    run(cluster.url, main, pool_pre_ping=True)


def test_connections_are_closed(server: Any) -> None:
    async def port_of(connection: AsyncConnection) -> int:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return int(driver._session.channel._transport.get_extra_info("sockname")[1])

    async def main(engine: AsyncEngine) -> None:
        async with await ignite_dbapi.aio.connect(server.url) as outside:

            async def connected() -> set[int]:
                cursor = await outside.execute("SELECT REMOTE_ADDRESS FROM SYS.CLIENT_CONNECTIONS")
                return {int(address.rpartition(":")[2]) for (address,) in await cursor.fetchall()}

            # The server puts a socket on its list, and takes a closed one off it, in its own time.
            deadline = time.monotonic() + 60
            async with engine.connect() as one, engine.connect() as other:
                ports = {await port_of(one), await port_of(other)}
                assert len(ports) == 2
                while not ports <= await connected():
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)
            await engine.dispose()
            deadline = time.monotonic() + 60
            while ports & await connected():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
        # A connection that is forgotten is closed without anything being awaited, with SQLAlchemy's warning.
        held = [await engine.connect()]
        driver = (await held[0].get_raw_connection()).driver_connection
        assert driver is not None
        with pytest.warns(exc.SAWarning, match="garbage collector"):
            held.clear()
        assert driver.closed
        await asyncio.sleep(0)

    run(server.url, main)


def test_what_the_server_lacks(ignite_url: str) -> None:
    async def main(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            with pytest.raises(exc.NotSupportedError, match="txAwareQueriesEnabled"):
                await connection.execution_options(isolation_level="READ COMMITTED")
            with pytest.raises(exc.InvalidRequestError, match="no savepoints"):
                await connection.begin_nested()

    run(ignite_url, main)


def test_wrong_options_and_no_server(server: Any) -> None:
    async def refused(engine: AsyncEngine) -> None:
        with pytest.raises(exc.InterfaceError, match="did you mean 'page_size'"):
            await engine.connect()

    run(f"{server.url}?page_sice=3", refused)

    async def unreachable(engine: AsyncEngine) -> None:
        with pytest.raises(exc.OperationalError) as caught:
            await engine.connect()
        assert isinstance(caught.value.orig, ignite_dbapi.OperationalError)

    run("ignite://127.0.0.1:1?connect_timeout=2", unreachable)
