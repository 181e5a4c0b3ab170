"""Generated keys and sequences: numbers from atomic longs, unique whoever takes them, and what Ignite has not."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from settling import settle
from sqlalchemy import exc, orm
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.schema import CreateSequence, DropSequence

import ignite_dbapi
import sqlalchemy_ignite

_numbers = itertools.count(1)


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "keys_author"
    ident: orm.Mapped[int] = orm.mapped_column("id", primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(30))
    books: orm.Mapped[list[Book]] = orm.relationship(
        primaryjoin="Author.ident == foreign(Book.author_id)", order_by="Book.id"
    )


class Book(Base):
    __tablename__ = "keys_book"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    author_id: orm.Mapped[int | None]
    title: orm.Mapped[str | None]


@pytest.fixture(scope="module")
def engine(node: Any) -> Iterator[sa.Engine]:
    engine = sa.create_engine(node.url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[orm.Session]:
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        yield session
    Base.metadata.drop_all(engine)


@pytest.fixture
def table(engine: sa.Engine) -> Iterator[Callable[..., sa.Table]]:
    """A function that creates a table with the key column ``id``, or the given ones, and a column ``v``."""
    metadata = sa.MetaData()

    def create(*columns: sa.Column[Any], name: str | None = None, **options: Any) -> sa.Table:
        columns = columns or (sa.Column("id", sa.Integer, primary_key=True),)
        table = sa.Table(name or f"keys_{next(_numbers)}", metadata, *columns, sa.Column("v", sa.String(20)), **options)
        table.create(engine)
        return table

    yield create
    metadata.drop_all(engine)


@pytest.fixture
def sequence(engine: sa.Engine) -> Iterator[Callable[..., sa.Sequence]]:
    created: list[sa.Sequence] = []

    def create(name: str | None = None, **options: Any) -> sa.Sequence:
        sequence = sa.Sequence(name or f"keys_sequence_{next(_numbers)}", **options)
        sequence.create(engine)
        created.append(sequence)
        return sequence

    yield create
    for one in created:
        one.drop(engine, checkfirst=True)


def new_key(connection: sa.Connection, statement: sa.Insert) -> int:
    key: Any = connection.execute(statement).inserted_primary_key
    return int(key[0])


def keys_of(connection: sa.Connection, table: sa.Table) -> list[Any]:
    return list(connection.scalars(sa.select(table.c.id).order_by(table.c.id)))


def counter_names(connection: sa.Connection) -> list[str]:
    return list(connection.scalars(sa.text("SELECT NAME FROM SYS.DS_ATOMICLONGS")))


# -- inserts ----------------------------------------------------------------------------------------------------------


def test_each_form_of_insert_gets_keys(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table()
    assert connection.execute(t.insert().values(v="a")).inserted_primary_key == (1,)
    result = connection.execute(t.insert(), {"v": "b"})
    assert (result.inserted_primary_key, result.lastrowid) == ((2,), 2)
    assert connection.execute(t.insert(), [{"v": "c"}, {"v": "d"}]).rowcount == 2
    assert connection.execute(t.insert().values([{"v": "e"}, {"v": "f"}])).rowcount == 2
    assert connection.execute(t.insert().values([("id-less", None)][:0] or [{"v": "g"}])).rowcount == 1
    assert connection.execute(t.insert()).inserted_primary_key == (8,)
    assert connection.execute(sa.insert(t).values(v=sa.func.upper("h"))).inserted_primary_key == (9,)
    rows = connection.execute(sa.select(t).order_by(t.c.id)).all()
    assert rows == list(enumerate(["a", "b", "c", "d", "e", "f", "g", None, "H"], start=1))


@pytest.mark.parametrize("type_", [sa.SmallInteger, sa.Integer, sa.BigInteger, sqlalchemy_ignite.TINYINT])
def test_types_of_keys(connection: sa.Connection, table: Callable[..., sa.Table], type_: Any) -> None:
    t = table(sa.Column("id", type_, primary_key=True))
    connection.execute(t.insert(), [{"v": "a"}] * 30)
    assert keys_of(connection, t) == list(range(1, 31))
    # The rows are found by their keys, which were stored in the type of the column.
    assert connection.execute(t.delete().where(t.c.id == 30)).rowcount == 1


def test_a_key_beyond_its_type_is_an_error(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table(sa.Column("id", sa.SmallInteger, primary_key=True))
    connection.execute(t.insert().values(id=2**15 - 1))
    with pytest.raises(exc.DataError):
        connection.execute(t.insert().values(v="x"))


def test_composite_keys(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table(
        sa.Column("tenant", sa.String(5), primary_key=True),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    )
    assert connection.execute(t.insert().values(tenant="a", v="x")).inserted_primary_key == ("a", 1)
    connection.execute(t.insert(), [{"tenant": "a"}, {"tenant": "b"}])
    assert connection.execute(sa.select(t.c.tenant, t.c.id).order_by(t.c.id)).all() == [("a", 1), ("a", 2), ("b", 3)]


@pytest.mark.filterwarnings("ignore:Column .* is marked as a member of the primary key")
def test_without_autoincrement_nothing_is_generated(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table(sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    with pytest.raises(exc.CompileError, match=r"no value for the key column 'id', and none is generated"):
        connection.execute(t.insert().values(v="x"))
    two = table(sa.Column("a", sa.Integer, primary_key=True), sa.Column("id", sa.Integer, primary_key=True))
    with pytest.raises(exc.CompileError, match="no value for the key column"):
        connection.execute(two.insert().values(v="x"))
    assert not [name for name in counter_names(connection) if t.name.upper() in name or two.name.upper() in name]


def test_none_is_not_a_missing_key(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    with pytest.raises(exc.IntegrityError, match="key column 'id' is None"):
        connection.execute(table().insert(), [{"id": 1}, {"id": None}])


def test_rows_that_the_server_selects_get_no_keys(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table()
    with pytest.raises(exc.CompileError, match="generated for rows that come from Python"):
        connection.execute(t.insert().from_select(["v"], sa.select(t.c.v)))
    connection.execute(t.insert().values(v="x"))
    connection.execute(t.insert().from_select(["id", "v"], sa.select(t.c.id + 100, t.c.v)))
    assert keys_of(connection, t) == [1, 101]


@pytest.mark.parametrize("name", ["Mixed Case", "quo.ted", "select"])
def test_names_that_are_quoted(connection: sa.Connection, table: Callable[..., sa.Table], name: str) -> None:
    t = table(sa.Column("Id", sa.Integer, key="id", primary_key=True), name=name)
    connection.execute(t.insert(), [{"v": "a"}, {"v": "b"}])
    assert keys_of(connection, t) == [1, 2]
    assert f'key "PUBLIC"."{connection.dialect.denormalize_name(name)}"' in counter_names(connection)


def test_schemas(tokyo: Any) -> None:
    engine = sa.create_engine(tokyo.url)
    metadata = sa.MetaData()
    columns = [("id", sa.Integer, True), ("v", sa.Integer, False)]
    here, there = (
        sa.Table("keys_schemas", metadata, *[sa.Column(n, t, primary_key=p) for n, t, p in columns], schema=schema)
        for schema in (None, "other")
    )
    sequence = sa.Sequence("keys_schemas_sequence", schema="other", metadata=metadata)
    metadata.create_all(engine)
    try:
        with engine.connect() as connection:
            connection.execute(here.insert(), [{"v": 1}] * 3)
            assert connection.execute(there.insert().values(v=1)).inserted_primary_key == (1,)
            translated = {"schema_translate_map": {None: "other"}}
            result = connection.execute(here.insert().values(v=2), execution_options=translated)
            assert result.inserted_primary_key == (2,)
            assert keys_of(connection, there) == [1, 2]
            inspector = sa.inspect(connection)
            assert inspector.get_sequence_names(schema="other") == ["keys_schemas_sequence"]
            assert not inspector.has_sequence("keys_schemas_sequence")
            assert inspector.has_sequence("keys_schemas_sequence", schema="other")
            assert connection.scalar(sequence) == 1
        other = sa.create_engine(f"{tokyo.url}/OTHER")
        with other.connect() as connection:
            assert connection.execute(here.insert().values(v=3)).inserted_primary_key == (21,)
        other.dispose()
    finally:
        metadata.drop_all(engine)
    with engine.connect() as connection:
        assert not [name for name in counter_names(connection) if "KEYS_SCHEMAS" in name]
    engine.dispose()


# -- the ORM ----------------------------------------------------------------------------------------------------------


def test_objects_get_their_keys(session: orm.Session) -> None:
    author = Author(name="Hella", books=[Book(title="Oeroeg"), Book(title="Het woud")])
    others = [Author(name=f"author {number}") for number in range(100)]
    session.add_all([author, *others])
    session.commit()
    assert len({one.ident for one in [author, *others]}) == 101
    assert [book.author_id for book in author.books] == [author.ident] * 2
    session.expire_all()
    found = session.get_one(Author, others[50].ident)
    assert found.name == "author 50"


def test_bulk_inserts_of_the_orm(session: orm.Session) -> None:
    session.execute(sa.insert(Book), [{"title": f"book {number}"} for number in range(250)])
    session.execute(sa.insert(Author).values(name="one"))
    session.execute(sa.insert(Author).values(ident=100, name="given"))
    session.execute(sa.insert(Author).values([{"name": "two"}, {"name": "three"}]))
    session.add_all([Author(ident=None, name="four")])
    session.commit()
    assert list(session.scalars(sa.select(Book.id).order_by(Book.id))) == list(range(1, 251))
    assert list(session.scalars(sa.select(Author.ident).order_by(Author.ident))) == [1, 100, 101, 102, 103]


# -- counters ---------------------------------------------------------------------------------------------------------


def test_counters_come_and_go_with_their_tables(
    node: Any, connection: sa.Connection, table: Callable[..., sa.Table]
) -> None:
    t = table()
    name = f'key "PUBLIC"."{t.name.upper()}"'
    assert name in counter_names(connection)
    connection.execute(t.insert(), [{"v": "x"}] * 5)
    t.drop(connection)
    assert name not in counter_names(connection)
    t.create(connection)
    assert connection.execute(t.insert().values(v="x")).inserted_primary_key == (1,)
    # Dropped by somebody who knows nothing of counters.
    with ignite_dbapi.connect(node.url) as other:
        other.execute(f"DROP TABLE {t.name}")
    t.create(connection)
    assert connection.execute(t.insert().values(v="x")).inserted_primary_key == (1,)
    connection.execute(sa.schema.CreateTable(t, if_not_exists=True))
    assert new_key(connection, t.insert().values(v="x")) > 1


def test_migrations_make_and_drop_counters(connection: sa.Connection) -> None:
    migration = pytest.importorskip("alembic.migration")
    operations = pytest.importorskip("alembic.operations").Operations(migration.MigrationContext.configure(connection))
    t = operations.create_table(
        "keys_migrated", sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer)
    )
    assert 'key "PUBLIC"."KEYS_MIGRATED"' in counter_names(connection)
    operations.bulk_insert(t, [{"v": 1}, {"v": 2}])
    assert keys_of(connection, t) == [1, 2]
    operations.drop_table("keys_migrated")
    assert 'key "PUBLIC"."KEYS_MIGRATED"' not in counter_names(connection)


def test_a_table_made_elsewhere(node: Any, connection: sa.Connection) -> None:
    with ignite_dbapi.connect(node.url) as other:
        other.execute("CREATE TABLE keys_elsewhere (id INT PRIMARY KEY, v VARCHAR)")
        other.cursor().executemany(
            "INSERT INTO keys_elsewhere VALUES (?, ?)", [(number, "x") for number in (3, 70, 41)]
        )
    t = sa.Table("keys_elsewhere", sa.MetaData(), autoload_with=connection)
    assert connection.execute(t.insert().values(v="y")).inserted_primary_key == (71,)
    t.drop(connection)


def test_keys_loaded_by_others_before_the_first_is_generated(
    node: Any, connection: sa.Connection, table: Callable[..., sa.Table]
) -> None:
    t = table()
    with ignite_dbapi.connect(node.url) as other:
        other.execute(f"INSERT INTO {t.name} VALUES (500, 'x')")
    assert connection.execute(t.insert().values(v="y")).inserted_primary_key == (501,)


def test_given_keys_are_not_generated_again(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table()
    connection.execute(t.insert().values(v="1"))
    connection.execute(t.insert().values(id=5, v="given"))
    connection.execute(t.insert(), [{"id": 7}, {"id": 6}])
    connection.execute(t.insert().values([{"id": 8}, {"id": 9}]))
    assert connection.execute(t.insert().values(v="2")).inserted_primary_key == (10,)
    connection.execute(t.insert().values(id=1000))
    connection.execute(t.insert(), [{"v": "x"}] * 30)
    assert keys_of(connection, t)[-30:] == list(range(1001, 1031))


def test_a_collision_is_an_error_once(node: Any, connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table()
    connection.execute(t.insert().values(v="1"))
    with ignite_dbapi.connect(node.url) as other:
        other.cursor().executemany(f"INSERT INTO {t.name} VALUES (?, 'x')", [(number,) for number in (2, 3, 900)])
    with pytest.raises(exc.IntegrityError):
        connection.execute(t.insert().values(v="2"))
    assert connection.execute(t.insert().values(v="2")).inserted_primary_key == (901,)


def test_reseeding_avoids_the_collision(node: Any, connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table()
    connection.execute(t.insert().values(v="1"))
    with ignite_dbapi.connect(node.url) as other:
        other.execute(f"INSERT INTO {t.name} VALUES (900, 'x')")
    assert sqlalchemy_ignite.reseed_keys(connection, t) == 900
    assert connection.execute(t.insert().values(v="2")).inserted_primary_key == (901,)
    assert sqlalchemy_ignite.reseed_keys(connection, t) == 920
    with pytest.raises(exc.ArgumentError, match="not generated"):
        sqlalchemy_ignite.reseed_keys(connection, sa.Table("x", sa.MetaData(), sa.Column("id", sa.Uuid)))


def test_identity_says_where_keys_start(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table(sa.Column("id", sa.Integer, sa.Identity(start=1000), primary_key=True))
    assert connection.execute(t.insert().values(v="x")).inserted_primary_key == (1000,)
    connection.execute(t.insert(), [{"v": "y"}])
    assert keys_of(connection, t) == [1000, 1001]
    with pytest.warns(exc.SAWarning, match="always=True in Identity"):
        table(sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (sa.Column("id", sa.Integer, sa.Identity(increment=5), primary_key=True), "start alone"),
        (sa.Column("id", sa.Integer, sa.Identity(cycle=True), primary_key=True), "start alone"),
        (sa.Column("other", sa.Integer, sa.Identity()), "no Identity"),
        (sa.Column("other", sa.Integer, sa.Computed("1 + 1")), "no computed columns"),
    ],
)
def test_what_ignite_does_not_compute(connection: sa.Connection, column: sa.Column[Any], message: str) -> None:
    t = sa.Table("keys_refused", sa.MetaData(), column, sa.Column("v", sa.Integer))
    if not column.primary_key:
        t.append_column(sa.Column("id", sa.Integer, primary_key=True))
    with pytest.raises(exc.CompileError, match=message):
        t.create(connection)


def test_blocks(node: Any, table: Callable[..., sa.Table]) -> None:
    t = table()
    first, second = sa.create_engine(node.url, key_block_size=3), sa.create_engine(f"{node.url}?key_block_size=10")
    with first.connect() as one, second.connect() as other:
        taken = [new_key(c, t.insert().values(v="x")) for c in (one, other, one, one, one)]
        assert taken == [1, 4, 2, 3, 14]
        # A statement of many rows takes one block.
        one.execute(t.insert(), [{"v": "x"}] * 100)
        assert one.execute(t.insert().values(v="x")).inserted_primary_key == (115,)
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("size", [0, -1, "many", 1.5, True])
def test_sizes_of_blocks(size: Any) -> None:
    with pytest.raises(exc.ArgumentError, match="key_block_size"):
        sa.create_engine("ignite://", key_block_size=size)


# -- many at once -----------------------------------------------------------------------------------------------------


def _insert_in_process(url: str, name: str, count: int) -> None:
    engine = sa.create_engine(url, key_block_size=4)
    t = sa.Table(name, sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.String(20)))
    with engine.connect() as connection:
        for _ in range(count):
            connection.execute(t.insert().values(v="process"))
    engine.dispose()


def test_32_threads_of_two_engines_and_two_processes(
    node: Any, engine: sa.Engine, table: Callable[..., sa.Table]
) -> None:
    t = table()
    engines = [sa.create_engine(node.url, key_block_size=7, pool_size=16) for _ in range(2)]

    def write(number: int) -> None:
        with engines[number % 2].connect() as connection:
            for _ in range(10):
                connection.execute(t.insert().values(v="one"))
            connection.execute(t.insert(), [{"v": "many"}] * 10)

    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_insert_in_process, args=(node.url, t.name, 50)) for _ in range(2)]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(write, range(32)))
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(t)) == 32 * 20 + 100
    for one in engines:
        one.dispose()


def test_a_forked_process_takes_a_block_of_its_own(engine: sa.Engine, table: Callable[..., sa.Table]) -> None:
    t = table()
    with engine.connect() as connection:
        connection.execute(t.insert().values(v="parent"))

    def insert() -> None:
        engine.dispose(close=False)
        with engine.connect() as connection:
            connection.execute(t.insert().values(v="child"))

    child = multiprocessing.get_context("fork").Process(target=insert)
    child.start()
    child.join(60)
    assert child.exitcode == 0
    with engine.connect() as connection:
        connection.execute(t.insert().values(v="parent"))
        assert keys_of(connection, t) == [1, 2, 21]


def test_32_tasks(node: Any) -> None:
    async def story() -> None:
        engine = create_async_engine(node.url.replace("ignite://", "ignite+aio://"), pool_size=32, key_block_size=3)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

        async def write(number: int) -> list[int]:
            async with AsyncSession(engine, expire_on_commit=False) as session:
                books = [Book(title=f"{number} {index}") for index in range(5)]
                session.add_all(books)
                await session.flush()
                await session.execute(sa.insert(Book), [{"title": "bulk"}] * 5)
                return [book.id for book in books]

        try:
            taken = list(itertools.chain.from_iterable(await asyncio.gather(*map(write, range(32)))))
            assert len(set(taken)) == 160
            async with engine.connect() as connection:
                assert await connection.scalar(sa.select(sa.func.count()).select_from(Book)) == 320
                sequence = sa.Sequence("keys_of_tasks")
                await connection.run_sync(sequence.create)
                assert await connection.run_sync(lambda one: one.scalar(sequence)) == 1
                assert await connection.scalar(sequence.next_value()) == 2
                await connection.run_sync(sequence.drop)
        finally:
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.drop_all)
            await engine.dispose()

    asyncio.run(story())


# -- sequences --------------------------------------------------------------------------------------------------------


def test_sequences_by_themselves(connection: sa.Connection, sequence: Callable[..., sa.Sequence]) -> None:
    plain = sequence()
    assert connection.scalar(plain) == 1
    assert connection.scalar(plain.next_value()) == 2
    assert connection.scalar(sa.select(plain.next_value())) == 3
    assert connection.execute(sa.select(plain.next_value(), plain.next_value() * 10)).one() == (4, 50)
    fives = sequence(start=100, increment=5)
    assert [connection.scalar(fives) for _ in range(25)] == list(range(100, 225, 5))
    down = sequence(increment=-1, start=3, minvalue=1, cache=2)
    assert [connection.scalar(down) for _ in range(3)] == [3, 2, 1]
    with pytest.raises(exc.DataError, match="has given its last number, 1"):
        connection.scalar(down)
    up = sequence(minvalue=10, maxvalue=12)
    assert [connection.scalar(up) for _ in range(3)] == [10, 11, 12]
    for _ in range(2):
        with pytest.raises(exc.DataError, match="has given its last number, 12"):
            connection.scalar(up)
    with pytest.raises(exc.DataError, match="has given its last number, 2"):
        connection.execute(sa.select(*[sequence("keys_two_only", maxvalue=2).next_value() for _ in range(1)] * 3))
    last = sequence(start=2**63 - 1, cache=1)
    assert connection.scalar(last) == 2**63 - 1
    with pytest.raises(exc.DataError, match="has given its last number"):
        connection.scalar(last)


def test_the_cache_of_a_sequence_is_its_block(
    node: Any, connection: sa.Connection, sequence: Callable[..., sa.Sequence]
) -> None:
    cached = sequence(cache=5)
    other = sa.create_engine(node.url)
    with other.connect() as second:
        assert [one.scalar(cached) for one in (connection, second, connection, second)] == [1, 6, 2, 7]
    other.dispose()


def test_sequences_as_defaults(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    sequence = sa.Sequence("keys_default", start=10)
    t = table(
        sa.Column("id", sa.Integer, sequence, primary_key=True),
        sa.Column("n", sa.BigInteger, sa.Sequence("keys_number", start=500)),
    )
    assert sorted(sa.inspect(connection).get_sequence_names())[:2] == ["keys_default", "keys_number"]
    assert connection.execute(t.insert().values(v="x")).inserted_primary_key == (10,)
    connection.execute(t.insert(), [{"v": "y"}, {"v": "z"}])
    connection.execute(t.insert().values([{"v": "m"}, {"v": "n"}]))
    connection.execute(t.insert().values(id=sequence.next_value(), n=7, v="o"))
    rows = connection.execute(sa.select(t.c.id, t.c.n, t.c.v).order_by(t.c.id)).all()
    assert [row.id for row in rows] == list(range(10, 16))
    assert [row.n for row in rows] == [500, 501, 502, 503, 504, 7]
    t.drop(connection)
    assert not sa.inspect(connection).has_sequence("keys_default")
    assert not sa.inspect(connection).has_sequence("keys_number")
    t.create(connection)


def test_an_optional_sequence_is_not_needed(connection: sa.Connection, table: Callable[..., sa.Table]) -> None:
    t = table(sa.Column("id", sa.Integer, sa.Sequence("keys_optional", optional=True), primary_key=True))
    assert not sa.inspect(connection).has_sequence("keys_optional")
    assert connection.execute(t.insert().values(v="x")).inserted_primary_key == (1,)


def test_creating_and_dropping_sequences(connection: sa.Connection) -> None:
    sequence = sa.Sequence("Keys of Mine", start=5)
    connection.execute(CreateSequence(sequence))
    assert sa.inspect(connection).has_sequence("Keys of Mine")
    assert connection.scalar(sequence) == 5
    with pytest.raises(exc.ProgrammingError, match="the sequence 'Keys of Mine' exists already"):
        connection.execute(CreateSequence(sequence))
    connection.execute(CreateSequence(sequence, if_not_exists=True))
    assert connection.scalar(sequence) == 6
    connection.execute(DropSequence(sequence))
    connection.execute(DropSequence(sequence, if_exists=True))
    with pytest.raises(exc.ProgrammingError, match="the sequence 'Keys of Mine' does not exist"):
        connection.execute(DropSequence(sequence))
    with pytest.raises(exc.ProgrammingError, match="There is no sequence 'Keys of Mine' in the schema 'PUBLIC'"):
        connection.scalar(sequence)


@pytest.mark.parametrize("options", [{"cycle": True}, {"increment": 0}, {"cache": 0}])
def test_sequences_that_cannot_be(connection: sa.Connection, options: dict[str, Any]) -> None:
    with pytest.raises(exc.CompileError, match="keys_impossible"):
        sa.Sequence("keys_impossible", **options).create(connection)


def test_rows_of_the_server_cannot_take_values(
    connection: sa.Connection, table: Callable[..., sa.Table], sequence: Callable[..., sa.Sequence]
) -> None:
    t, numbers = table(), sequence()
    for statement in (
        sa.select(t.c.id, numbers.next_value()),
        t.update().values(v=numbers.next_value()),
        t.insert().from_select(["id"], sa.select(numbers.next_value()).select_from(t)),
        sa.select(sa.select(numbers.next_value()).scalar_subquery()),
    ):
        with pytest.raises(exc.CompileError, match="each row would need one of its own"):
            connection.execute(statement)
    shown = str(t.insert().values(v=numbers.next_value()).compile(connection, compile_kwargs={"literal_binds": True}))
    assert f"NEXT VALUE FOR {numbers.name}" in shown


# -- transactions, restarts, other servers ----------------------------------------------------------------------------


def settle_table(url: str, name: str) -> None:
    """Let the first transaction that changes the new table need no time."""
    with ignite_dbapi.connect(url) as outside:
        outside.execute(f"INSERT INTO {name} (id) VALUES (100)")
        settle(url, f"UPDATE {name} SET v = v WHERE id = 100")
        outside.execute(f"DELETE FROM {name}")


def test_in_transactions(make_ignite_cluster: Callable[..., Any]) -> None:
    url = make_ignite_cluster(tx_aware=True).url
    engine = sa.create_engine(
        url, isolation_level="READ COMMITTED", connect_args={"transaction_timeout": 60}, key_block_size=3
    )
    metadata = sa.MetaData()
    t = sa.Table(
        "keys_tx",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("v", sa.String(20)),
        sa.Column("n", sa.Integer, sa.Sequence("keys_tx_sequence")),
        ignite_atomicity="transactional",
    )
    metadata.create_all(engine)
    settle_table(url, "keys_tx")
    try:
        with engine.connect() as connection:
            keys = [new_key(connection, t.insert().values(v="undone")) for _ in range(5)]
            assert keys == [1, 2, 3, 4, 5]
            connection.rollback()
            assert connection.execute(t.insert().values(v="kept")).inserted_primary_key == (6,)
            connection.execute(t.insert(), [{"v": "kept"}] * 10)
            connection.commit()
            # Found while a transaction is open, and with its own rows.
            connection.execute(t.insert().values(id=500))
            assert connection.execute(t.insert().values(v="after")).inserted_primary_key == (501,)
            assert sqlalchemy_ignite.reseed_keys(connection, t) >= 501
            connection.rollback()
            assert keys_of(connection, t) == list(range(6, 17))
    finally:
        metadata.drop_all(engine)
        engine.dispose()


def test_no_counter_is_made_in_a_transaction(make_ignite_cluster: Callable[..., Any]) -> None:
    url = make_ignite_cluster(tx_aware=True).url
    engine = sa.create_engine(url, isolation_level="READ COMMITTED", connect_args={"transaction_timeout": 60})
    with ignite_dbapi.connect(url) as other:
        for name in ("keys_tx_one", "keys_tx_two"):
            other.execute(f'CREATE TABLE {name} (id INT PRIMARY KEY, v INT) WITH "atomicity=transactional"')
        # The first atomic long of a cluster makes the cache that all are kept in.
        other.atomic_long("keys_tx_settled").remove()
    settle_table(url, "keys_tx_one")
    one, two = (sa.Table(name, sa.MetaData(), autoload_with=engine) for name in ("keys_tx_one", "keys_tx_two"))
    try:
        with engine.connect() as connection:
            # The first statement of a transaction finds none open yet.
            connection.execute(one.insert().values(v=1))
            with pytest.raises(exc.NotSupportedError, match="making it in an open transaction"):
                connection.execute(two.insert().values(v=1))
            connection.commit()
            sqlalchemy_ignite.reseed_keys(connection, two)
            connection.execute(one.insert().values(v=1))
            connection.execute(two.insert().values(v=1))
            connection.commit()
            assert (keys_of(connection, one), keys_of(connection, two)) == ([1, 2], [1])
    finally:
        one.drop(engine)
        two.drop(engine)
        engine.dispose()


def test_after_a_restart_without_persistence_keys_begin_anew(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(heap="512m", data_region="256m")
    engine = sa.create_engine(cluster.url, key_block_size=2)
    metadata = sa.MetaData()
    t = sa.Table("keys_gone", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    sequence = sa.Sequence("keys_gone_sequence", metadata=metadata)
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.execute(t.insert(), [{"v": 1}] * 4)
        assert connection.scalar(sequence) == 1
        assert connection.scalar(sequence) == 2
    engine.dispose()
    for node in cluster.nodes:
        node.stop()
        node.start()
    with engine.connect() as connection:
        with pytest.raises(exc.ProgrammingError, match="gone when the cluster was stopped"):
            connection.scalar(sequence)
        metadata.create_all(connection)
        connection.execute(t.insert(), [{"v": 1}] * 3)
        assert keys_of(connection, t) == [1, 2, 3]
        assert connection.scalar(sequence) == 1
    metadata.drop_all(engine)
    # Tables that others make anew while the engine has numbers left.
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.execute(t.insert(), [{"v": 1}] * 3)
    engine.dispose()
    for node in cluster.nodes:
        node.stop()
        node.start()
    with ignite_dbapi.connect(cluster.url) as other:
        other.execute("CREATE TABLE keys_gone (id INT PRIMARY KEY, v INT)")
        other.execute("INSERT INTO keys_gone VALUES (77, 1)")
    with engine.connect() as connection:
        connection.execute(t.insert(), [{"v": 1}] * 3)
        assert keys_of(connection, t) == [77, 78, 79, 80]
    t.drop(engine)
    engine.dispose()
    for node in cluster.nodes:
        node.stop()


def test_persistence_keeps_counters(make_ignite_cluster: Callable[..., Any], tmp_path_factory: Any) -> None:
    directory: Path = tmp_path_factory.mktemp("keys")
    cluster = make_ignite_cluster(persistent=directory)
    engine = sa.create_engine(cluster.url, key_block_size=5)
    t = sa.Table("keys_kept", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    t.create(engine)
    with engine.connect() as connection:
        connection.execute(t.insert(), [{"v": 1}] * 7)
        connection.execute(t.delete())
    engine.dispose()
    for node in cluster.nodes:
        node.stop()
        node.start()
    again = sa.create_engine(cluster.url)
    with again.connect() as connection:
        # No key is given twice, although no row was left to tell.
        assert connection.execute(t.insert().values(v=2)).inserted_primary_key == (8,)
    t.drop(again)
    again.dispose()
    for node in cluster.nodes:
        node.stop()


def test_two_nodes(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(nodes=2)
    engines = [sa.create_engine(f"ignite://{host}:{port}") for host, port in cluster.addresses]
    metadata = sa.MetaData()
    t = sa.Table("keys_two", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    sequence = sa.Sequence("keys_two_sequence", metadata=metadata)
    metadata.create_all(engines[0])
    taken = []
    for engine in engines * 2:
        with engine.connect() as connection:
            taken.append((new_key(connection, t.insert().values(v=1)), connection.scalar(sequence)))
            assert sa.inspect(connection).has_sequence("keys_two_sequence")
    assert taken == [(1, 1), (21, 21), (2, 2), (22, 22)]
    metadata.drop_all(engines[1])
    with engines[0].connect() as connection:
        assert not sa.inspect(connection).has_sequence("keys_two_sequence")
    for engine in engines:
        engine.dispose()


def test_an_old_server_says_what_to_do(make_ignite_cluster: Callable[..., Any]) -> None:
    engine = sa.create_engine(make_ignite_cluster(ignite_version="2.8.1").url)
    t = sa.Table("keys_old", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    t.create(engine)
    with engine.connect() as connection:
        with pytest.raises(exc.NotSupportedError, match=r"key column 'id' of the table 'keys_old'.*uuid4") as caught:
            connection.execute(t.insert().values(v=1))
        assert caught.value.orig is not None
        assert getattr(caught.value.orig, "code", None) == "no_atomic_longs"
        assert connection.execute(t.insert().values(id=1, v=1)).rowcount == 1
        assert sa.inspect(connection).get_sequence_names() == []
        with pytest.raises(exc.NotSupportedError, match=r"2\.13"):
            sa.Sequence("old").create(connection, checkfirst=False)
    t.drop(engine)
    engine.dispose()
