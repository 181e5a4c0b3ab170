"""MERGE as upsert: what each engine's can do, with rows of every type, through Core, the ORM, asyncio and pandas."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from settling import settle
from sqlalchemy import exc, orm
from sqlalchemy.ext.asyncio import create_async_engine

import ignite_dbapi
from sqlalchemy_ignite import insert, upsert_method

METADATA = sa.MetaData()
ITEM = sa.Table(
    "upsert_item",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20)),
    sa.Column("price", sa.Numeric(10, 2)),
    sa.Column("at", sa.DateTime),
    sa.Column("on", sa.Date),
    sa.Column("Clock Time", sa.Time, key="clock"),
    sa.Column("data", sa.LargeBinary),
    sa.Column("ratio", sa.Double),
    sa.Column("ok", sa.Boolean),
    sa.Column("code", sa.Uuid),
    sa.Column("count", sa.SmallInteger, default=1),
)
ROW: dict[str, Any] = {
    "id": 1,
    "name": "Grüße",
    "price": decimal.Decimal("12.50"),
    "at": datetime.datetime(2024, 2, 29, 12, 30, 1, 123_000),
    "on": datetime.date(2024, 2, 29),
    "clock": datetime.time(1, 2, 3),
    "data": b"\x00\xff",
    "ratio": 0.1,
    "ok": True,
    "code": uuid.UUID(int=5),
    "count": 3,
}
PAIR = sa.Table(
    "upsert_pair",
    METADATA,
    sa.Column("k", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("Key 2", sa.String(5), primary_key=True, key="k2"),
    sa.Column("v", sa.Integer),
    sa.Column("w", sa.Integer),
)


class Base(orm.DeclarativeBase):
    metadata = METADATA


class User(Base):
    __tablename__ = "upsert_user"
    ident: orm.Mapped[int] = orm.mapped_column("id", primary_key=True)
    name: orm.Mapped[str | None]
    visits: orm.Mapped[int | None]


USER: Any = User.__table__


@pytest.fixture(scope="module")
def engine(node: Any) -> Iterator[sa.Engine]:
    engine = sa.create_engine(node.url)
    METADATA.create_all(engine)
    yield engine
    METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture(params=["auto", "calcite"])
def connection(engine: sa.Engine, request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    with engine.connect().execution_options(ignite_engine=request.param) as connection:
        for table in METADATA.sorted_tables:
            connection.execute(table.delete())
        yield connection


def only_row(connection: sa.Connection, table: Any = ITEM) -> dict[str, Any]:
    row = connection.execute(sa.select(table)).one()
    return {column.key: value for column, value in zip(table.c, row, strict=True)}


def test_whole_rows(connection: sa.Connection) -> None:
    statement = insert(ITEM).on_conflict_do_update()
    assert connection.execute(statement, ROW).rowcount == 1
    assert only_row(connection) == ROW
    changed = dict.fromkeys(ROW) | {"id": 1, "name": "new"}
    assert connection.execute(statement, changed).rowcount == 1
    assert only_row(connection) == changed
    assert (
        connection.execute(statement, [ROW | {"id": number, "count": number} for number in range(1, 6)]).rowcount == 5
    )
    assert connection.execute(statement.values(ROW | {"id": 5, "count": 50})).rowcount == 1
    counts = connection.execute(sa.select(ITEM.c.id, ITEM.c.count).order_by(ITEM.c.id)).all()
    assert counts == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 50)]


def test_columns_that_are_not_given_keep_their_values(connection: sa.Connection) -> None:
    connection.execute(ITEM.insert(), ROW)
    assert connection.execute(insert(ITEM).on_conflict_do_update(), {"id": 1, "name": "new"}).rowcount == 1
    # Neither does the default of "count" replace what is there.
    assert only_row(connection) == ROW | {"name": "new"}
    connection.execute(insert(ITEM).values(id=2).on_conflict_do_update(set_={"name": "x"}))
    assert connection.execute(sa.select(ITEM.c.name, ITEM.c.count).where(ITEM.c.id == 2)).one() == (None, 1)


def test_what_is_assigned(connection: sa.Connection) -> None:
    connection.execute(ITEM.insert(), ROW)
    statement = insert(ITEM).values(id=1, price=decimal.Decimal("0.125"), count=4, name="given")
    statement = statement.on_conflict_do_update(
        index_elements=[ITEM.c.id],
        set_={
            "price": ITEM.c.price + statement.excluded.price,
            ITEM.c.count: sa.case((ITEM.c.count > 100, 100), else_=ITEM.c.count + statement.excluded.count),
            "name": ITEM.c.name + "!",
            "ratio": 2,
            "data": b"\x01",
            "ok": None,
            "at": datetime.datetime(2025, 1, 1),
            "clock": datetime.time(4, 5, 6),
            "code": uuid.UUID(int=6),
        },
    )
    assert connection.execute(statement).rowcount == 1
    assert only_row(connection) == ROW | {
        "price": decimal.Decimal("12.63"),
        "count": 7,
        "name": "Grüße!",
        "ratio": 2.0,
        "data": b"\x01",
        "ok": None,
        "at": datetime.datetime(2025, 1, 1),
        "clock": datetime.time(4, 5, 6),
        "code": uuid.UUID(int=6),
    }
    # What was stored is of the columns' types: the H2 engine, which checks that, reads it.
    h2 = connection.execute(sa.select(ITEM), execution_options={"ignite_engine": "h2"}).one()
    assert tuple(h2) == tuple(only_row(connection).values())


def test_other_values_are_not_taken_from_the_cache(connection: sa.Connection) -> None:
    connection.execute(ITEM.insert(), ROW)
    for name in ("a", "b"):
        connection.execute(insert(ITEM).values(id=1, name="x").on_conflict_do_update(set_={"name": name}))
        assert only_row(connection)["name"] == name
    connection.execute(insert(ITEM).values(id=1, name="x").on_conflict_do_nothing())
    assert only_row(connection)["name"] == "b"
    with pytest.raises(exc.IntegrityError):
        connection.execute(insert(ITEM).values(id=1, name="x"))


def test_nothing_is_done(connection: sa.Connection) -> None:
    statement = insert(ITEM).on_conflict_do_nothing(index_elements=["id"])
    assert connection.execute(statement, ROW).rowcount == 1
    assert connection.execute(statement, ROW | {"name": "other"}).rowcount == 0
    assert only_row(connection) == ROW
    rows = [{"id": number, "name": "new"} for number in range(1, 4)]
    assert connection.execute(statement, rows).rowcount == 2


def test_keys_of_several_columns(connection: sa.Connection) -> None:
    statement = insert(PAIR).on_conflict_do_update(set_={"v": PAIR.c.v + 1}, index_elements=["k2", "k"])
    for _ in range(3):
        assert connection.execute(statement, {"k": 1, "k2": "a", "v": 1}).rowcount == 1
    assert only_row(connection, PAIR) == {"k": 1, "k2": "a", "v": 3, "w": None}
    # Nothing but the key: there is nothing to assign.
    assert connection.execute(insert(PAIR).on_conflict_do_update(), {"k": 1, "k2": "a"}).rowcount == 0
    assert connection.execute(insert(PAIR).on_conflict_do_update(), {"k": 1, "k2": "b"}).rowcount == 1


def test_rows_of_a_select(engine: sa.Engine) -> None:
    select = sa.select(PAIR.c.k + 1, PAIR.c.k2, PAIR.c.v * 10, sa.literal(7))
    copy = insert(PAIR).from_select(["k", "k2", "v", "w"], select)
    with engine.connect() as connection:
        connection.execute(PAIR.delete())
        connection.execute(PAIR.insert(), [{"k": k, "k2": "a", "v": k} for k in (1, 2)])
        # Calcite would write the columns of new rows into each other.
        for refused, options in (
            (copy.on_conflict_do_update(), {"ignite_engine": "calcite"}),
            (copy.on_conflict_do_nothing(), {}),
            (copy.on_conflict_do_update(set_={"v": 1}), {}),
        ):
            with pytest.raises(exc.SQLAlchemyError, match="what a SELECT reads in the wrong columns"):
                connection.execute(refused, execution_options=options)
        assert connection.execute(copy.on_conflict_do_update()).rowcount == 2
        rows = connection.execute(sa.select(PAIR).order_by(PAIR.c.k)).all()
        assert rows == [(1, "a", 1, None), (2, "a", 10, 7), (3, "a", 20, 7)]


def test_generated_keys(connection: sa.Connection) -> None:
    result = connection.execute(insert(ITEM).values(name="x").on_conflict_do_nothing())
    assert result.inserted_primary_key == (connection.scalar(sa.select(ITEM.c.id)),)


def test_several_rows_in_values(engine: sa.Engine) -> None:
    rows = [ROW | {"id": number} for number in (1, 2)]
    with engine.connect() as connection:
        connection.execute(ITEM.delete())
        for _ in range(2):
            assert connection.execute(insert(ITEM).values(rows).on_conflict_do_update()).rowcount == 2
        partly = insert(ITEM).values([{"id": 1, "name": "x"}]).on_conflict_do_update()
        with pytest.raises(exc.CompileError, match=r"h2: .*would lose what is in price, .*calcite: .*as a list"):
            connection.execute(partly)


def test_the_orm(engine: sa.Engine) -> None:
    statement = insert(User)
    with orm.Session(engine) as session:
        session.execute(
            statement.on_conflict_do_update(set_={User.name: statement.excluded.name}),
            [{"ident": 1, "name": "a", "visits": 1}, {"ident": 2, "name": "b", "visits": 1}],
        )
        session.execute(
            statement.on_conflict_do_update(set_={"name": statement.excluded.name, "visits": User.visits + 1}),
            [{"ident": 1, "name": "A", "visits": 9}, {"ident": 3, "name": "c", "visits": 9}],
        )
        session.execute(statement.values(ident=2, name="B").on_conflict_do_update())
        session.execute(statement.on_conflict_do_nothing(), [{"ident": 1, "name": "Z"}, {"ident": 7, "name": "new"}])
        session.execute(statement.values(name="generated").on_conflict_do_nothing())
        session.commit()
        rows = session.execute(sa.select(User.ident, User.name, User.visits).order_by(User.ident)).all()
        assert rows == [(1, "A", 2), (2, "B", 1), (3, "c", 9), (7, "new", None), (8, "generated", None)]
        session.execute(sa.delete(User))
        session.commit()


def test_asyncio(node: Any, engine: sa.Engine) -> None:
    async def story() -> None:
        aio = create_async_engine(node.url.replace("ignite://", "ignite+aio://"))
        async with aio.connect() as connection:
            await connection.execute(PAIR.delete())
            statement = insert(PAIR)
            statement = statement.on_conflict_do_update(set_={"v": PAIR.c.v + statement.excluded.v})
            for _ in range(2):
                await connection.execute(statement, [{"k": number, "k2": "x", "v": number} for number in range(5)])
            assert list(await connection.scalars(sa.select(PAIR.c.v).order_by(PAIR.c.k))) == [0, 2, 4, 6, 8]
        await aio.dispose()

    asyncio.run(story())


def test_pandas(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(USER.delete())
        connection.execute(USER.insert(), [{"id": 1, "name": "a", "visits": 5}])
    frame = pytest.importorskip("pandas").DataFrame({"id": [1, 2], "name": ["A", None]})
    options: dict[str, Any] = {"if_exists": "append", "index": False, "method": upsert_method}
    assert frame.to_sql("upsert_user", engine, **options) == 2
    assert frame.to_sql("upsert_user", engine, chunksize=1, **options) == 2
    with engine.connect() as connection:
        rows = connection.execute(sa.select(USER).order_by(User.ident)).all()
        assert rows == [(1, "A", 5), (2, None, None)]
        connection.execute(USER.delete())


def test_transactions(make_ignite_cluster: Callable[..., Any]) -> None:
    url = make_ignite_cluster(tx_aware=True).url
    engine = sa.create_engine(url, isolation_level="READ COMMITTED", connect_args={"transaction_timeout": 60})
    t = sa.Table(
        "upsert_tx",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("v", sa.Integer),
        ignite_atomicity="transactional",
    )
    t.create(engine)
    with ignite_dbapi.connect(url) as outside:
        outside.execute("INSERT INTO upsert_tx VALUES (1, 0)")
        settle(url, "UPDATE upsert_tx SET v = v WHERE id = 1")
        outside.execute("DELETE FROM upsert_tx")
    with engine.connect() as connection:
        connection.execute(insert(t).on_conflict_do_update(), [{"id": 1, "v": 1}, {"id": 2, "v": 2}])
        connection.commit()
        connection.execute(insert(t).on_conflict_do_update(), [{"id": 1, "v": 10}, {"id": 3, "v": 30}])
        assert connection.execute(t.select().order_by(t.c.id)).all() == [(1, 10), (2, 2), (3, 30)]
        connection.rollback()
        assert connection.execute(t.select().order_by(t.c.id)).all() == [(1, 1), (2, 2)]
    t.drop(engine)
    engine.dispose()


def test_nodes_without_calcite(new_york: Any) -> None:
    engine = sa.create_engine(new_york.url)
    PAIR.create(engine)
    with engine.connect() as connection:
        whole = insert(PAIR).on_conflict_do_update()
        for value in (1, 2):
            connection.execute(whole, {"k": 1, "k2": "a", "v": value, "w": value})
        assert only_row(connection, PAIR) == {"k": 1, "k2": "a", "v": 2, "w": 2}
        with pytest.raises(exc.CompileError, match=r"would lose what is in w; give all columns.*calcite engine could"):
            connection.execute(whole, {"k": 1, "k2": "a", "v": 3})
        row = {"k": 1, "k2": "a", "v": 3, "w": 3}
        other = insert(PAIR).on_conflict_do_update(set_={"v": 1, "w": insert(PAIR).excluded.w})
        with pytest.raises(exc.CompileError, match="assigns nothing but the given values"):
            connection.execute(other, row)
        with pytest.raises(exc.CompileError, match="h2: its MERGE replaces the row that is there"):
            connection.execute(insert(PAIR).on_conflict_do_nothing(), {"k": 1, "k2": "a", "v": 3, "w": 3})
        assert only_row(connection, PAIR) == {"k": 1, "k2": "a", "v": 2, "w": 2}
    PAIR.drop(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda i: i.on_conflict_do_update(set_={"id": 1}), exc.CompileError, "set_ has the key column 'id'"),
        (lambda i: i.on_conflict_do_update(set_={"nosuch": 1}), exc.CompileError, "'nosuch', which is no column"),
        (lambda i: i.on_conflict_do_update(set_={}), exc.ArgumentError, "set_ is empty"),
        (lambda i: i.on_conflict_do_update(index_elements=["name"]), exc.CompileError, "is not the primary key"),
        (lambda i: i.on_conflict_do_update(where=ITEM.c.id > 1), exc.CompileError, "no condition beside the key"),
        (lambda i: i.prefix_with("X").on_conflict_do_nothing(), exc.CompileError, "neither prefixes nor hints"),
        (lambda i: i.on_conflict_do_nothing().returning(ITEM.c.id), exc.NotSupportedError, "no RETURNING"),
        (
            lambda i: i.on_conflict_do_nothing().on_conflict_do_update(),
            exc.InvalidRequestError,
            "says already what is done",
        ),
        (
            lambda _: insert(sa.table("upsert_item", sa.column("id"))).on_conflict_do_nothing(),
            exc.CompileError,
            "need a Table with its primary key",
        ),
    ],
)
def test_what_cannot_be(engine: sa.Engine, make: Callable[[Any], Any], error: type[Exception], message: str) -> None:
    with engine.connect() as connection, pytest.raises(error, match=message):
        connection.execute(make(insert(ITEM)), {"id": 1, "name": "x"})


def test_keys_that_calcite_does_not_find(engine: sa.Engine) -> None:
    t = sa.Table(
        "upsert_stamps",
        sa.MetaData(),
        sa.Column("at", sa.DateTime, primary_key=True),
        sa.Column("v", sa.Integer),
        sa.Column("w", sa.Integer),
    )
    t.create(engine)
    row = {"at": datetime.datetime(2024, 1, 1), "v": 1, "w": 1}
    with engine.connect() as connection:
        for _ in range(2):
            connection.execute(insert(t).on_conflict_do_update(), row)
        assert only_row(connection, t) == row
        with pytest.raises(exc.CompileError, match="calcite: it finds no rows"):
            connection.execute(insert(t).on_conflict_do_update(set_={"v": 2}), row)
    t.drop(engine)


def test_how_it_is_shown() -> None:
    from sqlalchemy_ignite import IgniteDialect

    statement = insert(PAIR)
    shown = str(statement.on_conflict_do_update().compile(dialect=IgniteDialect()))
    assert shown == 'MERGE INTO upsert_pair (k, "Key 2", v, w) VALUES (?, ?, ?, ?)'
    partly = statement.values(k=1, k2="a", v=1).on_conflict_do_update(set_={"v": PAIR.c.v + statement.excluded.v})
    assert str(partly.compile(dialect=IgniteDialect())) == (
        "MERGE INTO upsert_pair USING (VALUES (CAST(? AS BIGINT), CAST(? AS VARCHAR), CAST(? AS INTEGER))) AS excluded "
        '(k, "Key 2", v) ON upsert_pair.k = excluded.k AND upsert_pair."Key 2" = excluded."Key 2" '
        "WHEN MATCHED THEN UPDATE SET v = CAST(upsert_pair.v + excluded.v AS INTEGER) "
        'WHEN NOT MATCHED THEN INSERT (k, "Key 2", v) VALUES (excluded.k, excluded."Key 2", excluded.v)'
    )
