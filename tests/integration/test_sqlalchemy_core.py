"""Core and ORM: create, read, update, delete; types both ways; statements that the two engines read differently."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc, orm

from sqlalchemy_ignite import TINYINT

CLUSTERS: dict[str, dict[str, Any]] = {
    "both engines": {},
    "h2 alone": {"engines": ("h2",)},
    "calcite default": {"engine": "calcite", "timezone": "Asia/Tokyo"},
}
metadata = sa.MetaData()


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


types = sa.Table(
    "core_types",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("boolean", sa.Boolean),
    sa.Column("tiny", TINYINT),
    sa.Column("small", sa.SmallInteger),
    sa.Column("integer", sa.Integer),
    sa.Column("big", sa.BigInteger),
    sa.Column("numeric", sa.Numeric(12, 3)),
    sa.Column("unbounded", sa.Numeric),
    sa.Column("as_float", sa.Numeric(12, 3, asdecimal=False)),
    sa.Column("float", sa.Float),
    sa.Column("double", sa.Double),
    sa.Column("real", sa.REAL),
    sa.Column("string", sa.String(10)),
    sa.Column("text", sa.Text),
    sa.Column("fixed", sa.CHAR(3)),
    sa.Column("day", sa.Date),
    sa.Column("clock", sa.Time),
    sa.Column("moment", sa.DateTime),
    sa.Column("uuid", sa.Uuid),
    sa.Column("uuid_text", sa.Uuid(as_uuid=False)),
    sa.Column("uuid_hex", sa.Uuid(native_uuid=False)),
    sa.Column("binary", sa.LargeBinary),
    sa.Column("json", sa.JSON),
    sa.Column("enum", sa.Enum(Colour)),
    sa.Column("interval", sa.Interval),
)
VALUES: dict[str, Any] = {
    "boolean": True,
    "tiny": -7,
    "small": 300,
    "integer": 2**31 - 1,
    "big": -(2**62),
    "numeric": decimal.Decimal("1.500"),
    "unbounded": decimal.Decimal("123456789012345678901234567890.125"),
    "as_float": 2.5,
    "float": 0.1,
    "double": 1e300,
    "real": 0.5,
    "string": "é'\"%:?\\",
    "text": "long " * 200,
    "fixed": "abc",
    "day": datetime.date(1850, 2, 28),
    "clock": datetime.time(23, 59, 58, 123000),
    "moment": datetime.datetime(2024, 2, 29, 12, 34, 56, 789000),
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "uuid_text": "12345678-1234-5678-1234-567812345679",
    "uuid_hex": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "binary": b"\x00\xff\x01",
    "json": {"a": [1, None, "é"]},
    "enum": Colour.BLUE,
    "interval": datetime.timedelta(days=2, seconds=3, milliseconds=5),
}
item = sa.Table(
    "core_item",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.Integer),
    sa.Column("name", sa.String(20)),
    sa.Column("price", sa.Numeric(10, 2)),
)
ITEMS = [
    {"id": number, "a": number * 10, "name": f"item_{number}", "price": decimal.Decimal(number)}
    for number in range(1, 8)
]
pair = sa.Table(
    "core_pair",
    metadata,
    sa.Column("b", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.String(5), primary_key=True),
    sa.Column("v", sa.Integer),
)


class Base(orm.DeclarativeBase):
    metadata = metadata


class Author(Base):
    __tablename__ = "core_author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    name: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    books: orm.Mapped[list[Book]] = orm.relationship(
        primaryjoin="Author.id == foreign(Book.author_id)", order_by="Book.id", back_populates="author"
    )


class Book(Base):
    __tablename__ = "core_book"
    id: orm.Mapped[uuid.UUID] = orm.mapped_column(primary_key=True, default=uuid.uuid4)
    author_id: orm.Mapped[int] = orm.mapped_column(index=True)
    title: orm.Mapped[str]
    author: orm.Mapped[Author] = orm.relationship(
        primaryjoin="Author.id == foreign(Book.author_id)", back_populates="books"
    )


Author.book_count = orm.column_property(
    sa.select(sa.func.count(Book.id)).where(Book.author_id == Author.id).correlate_except(Book).scalar_subquery()
)


@pytest.fixture(scope="module", params=list(CLUSTERS))
def engine(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(make_ignite_cluster(**CLUSTERS[request.param]).url)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    yield engine
    metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(item.insert(), ITEMS)
        yield connection


def engines_of(connection: sa.Connection) -> list[str]:
    return sorted(connection.dialect.server_engines.available)


# --- types ----------------------------------------------------------------------------------------------------------


def test_types_both_ways(connection: sa.Connection) -> None:
    connection.execute(types.insert(), {"id": 1, **VALUES})
    found = connection.execute(sa.select(types)).one()._asdict()
    assert found.pop("id") == 1
    assert {name: (type(value), value) for name, value in found.items()} == {
        name: (type(value), value) for name, value in VALUES.items()
    }


def test_none_of_every_type(connection: sa.Connection) -> None:
    connection.execute(types.insert(), {"id": 2, **dict.fromkeys(VALUES)})
    row = connection.execute(sa.select(types).where(types.c.id == 2)).one()
    assert set(row[1:]) == {None}


@pytest.mark.parametrize("name", [name for name in VALUES if name != "json"])
def test_parameters_have_exact_types(connection: sa.Connection, name: str) -> None:
    column, value = types.c[name], VALUES[name]
    connection.execute(types.insert(), {"id": 1, **VALUES})
    for engine in engines_of(connection):
        options = {"ignite_engine": engine}
        assert connection.scalar(sa.select(types.c.id).where(column == value), execution_options=options) == 1
        assert connection.scalar(sa.select(types.c.id).where(column.in_([value])), execution_options=options) == 1
        alone = sa.select(sa.literal(value, column.type))
        assert connection.scalar(alone, execution_options=options) == value
        either = sa.select(sa.func.coalesce(sa.null(), sa.literal(value, column.type), type_=column.type))
        assert connection.scalar(either, execution_options=options) == value
        updated = connection.execute(types.update().values({name: value}), execution_options=options)
        assert updated.rowcount == 1
        assert connection.scalar(sa.select(column), execution_options=options) == value


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (sa.SmallInteger, 5),
        (TINYINT, 5),
        (sa.Integer, 5),
        (sa.BigInteger, 5),
        (sa.Numeric(10, 2), decimal.Decimal("1.5")),
        (sa.Double, 1.5),
        (sa.REAL, 0.1),
        (sa.String(5), "x"),
        (sa.Uuid, uuid.UUID(int=5)),
        (sa.DateTime, datetime.datetime(2024, 1, 2, 3, 4, 5)),
        (sa.Time, datetime.time(3, 4, 5, 6000)),
        (sa.LargeBinary, b"\x00k"),
        (sa.Boolean, True),
    ],
    ids=str,
)
def test_rows_are_found_by_keys_of_every_type(engine: sa.Engine, type_: Any, value: Any) -> None:
    own = sa.MetaData()
    table = sa.Table(
        "core_key", own, sa.Column("k", type_, primary_key=True, autoincrement=False), sa.Column("v", sa.Integer)
    )
    own.drop_all(engine)
    own.create_all(engine)
    try:
        with engine.begin() as connection:
            connection.execute(table.insert(), {"k": value, "v": 1})
            assert connection.execute(table.update().values(v=2).where(table.c.k == value)).rowcount == 1
            assert connection.scalar(sa.select(table.c.v).where(table.c.k == value)) == 2
            assert connection.execute(table.delete().where(table.c.k == value)).rowcount == 1
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
    finally:
        own.drop_all(engine)


def test_literals(connection: sa.Connection) -> None:
    connection.execute(types.insert(), {"id": 1, **VALUES})
    names = [name for name in VALUES if name not in ("json", "interval", "uuid_text", "enum", "unbounded", "double")]
    query = sa.select(types.c.id).where(*(types.c[name] == VALUES[name] for name in names))
    rendered = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    assert "?" not in rendered.replace("é''\"%:?\\", "")
    for engine in engines_of(connection):
        literal = query.execution_options(ignite_engine=engine)
        compiled = literal.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        assert connection.exec_driver_sql(str(compiled), execution_options={"ignite_engine": engine}).scalar() == 1


def test_text_keeps_its_length_on_calcite(connection: sa.Connection) -> None:
    size = sa.case(
        (item.c.a > 40, sa.literal("small", literal_execute=True)), else_=sa.literal("b", literal_execute=True)
    )
    for engine in engines_of(connection):
        found = connection.scalars(
            sa.select(size.label("size")).order_by(item.c.id), execution_options={"ignite_engine": engine}
        ).all()
        assert found == ["b"] * 4 + ["small"] * 3


# --- expressions ----------------------------------------------------------------------------------------------------


def test_expressions_mean_the_same_on_both_engines(connection: sa.Connection) -> None:
    a = item.c.a
    expressions: dict[str, tuple[Any, Any]] = {
        "integer + float": (a + 1.5, 31.5),
        "integer * float": (a * 1.5, 45.0),
        "float + integer": (1.5 + a, 31.5),
        "true division": (sa.cast(a / 4, sa.Double), 7.5),
        "floor division": (a // 4, 7),
        "modulo": (a % 7, 2),
        "power of minus": (-a, -30),
        "bits and": (a.bitwise_and(22), 30 & 22),
        "bits or": (a.bitwise_or(1), 31),
        "bits xor": (a.bitwise_xor(6), 30 ^ 6),
        "bits not": (a.bitwise_not(), ~30),
        "concatenation": (item.c.name + "!", "item_3!"),
        "case": (sa.case((a > 5, "big"), else_="small"), "big"),
        "case with numbers": (sa.case((a > 5, 1.5), else_=0), 1.5),
        "coalesce": (sa.func.coalesce(sa.null(), sa.literal(3)), 3),
        "cast": (sa.cast(a, sa.String), "30"),
        "cast of text": (sa.cast(sa.literal("12"), sa.Integer), 12),
        "type coerced": (sa.type_coerce(a, sa.Integer) + 1, 31),
        "boolean": (sa.and_(a > 5, item.c.name.is_not(None)), True),
        "distinct from": (a.is_distinct_from(None), True),
        "between": (a.between(29, 31), True),
        "lower": (sa.func.lower(item.c.name), "item_3"),
        "length": (sa.func.char_length(item.c.name), 6),
        "extract": (sa.extract("year", sa.literal(datetime.date(2024, 5, 6))), 2024),
        "regexp_replace": (item.c.name.regexp_replace("[0-9]", "x"), "item_x"),
    }
    for engine in engines_of(connection):
        for name, (expression, expected) in expressions.items():
            query = sa.select(sa.type_coerce(expression, expression.type).label("x")).where(item.c.id == 3)
            assert connection.scalar(query, execution_options={"ignite_engine": engine}) == expected, (name, engine)


def test_comparison_with_another_type_is_not_rounded(connection: sa.Connection) -> None:
    for engine in engines_of(connection):
        options = {"ignite_engine": engine}
        found = sa.select(sa.func.count()).where(item.c.a.in_([10.4, 20.0]))
        assert connection.scalar(found, execution_options=options) == 1
        below = sa.select(sa.func.count()).where(item.c.a < 10.5)
        assert connection.scalar(below, execution_options=options) == 1


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (item.c.name.contains("_3"), [3]),
        (item.c.name.contains("_", autoescape=True), list(range(1, 8))),
        (item.c.name.contains("m_", autoescape=True), list(range(1, 8))),
        (item.c.name.startswith("item/_3", escape="/"), [3]),
        (item.c.name.like("item\\_3", escape="\\"), [3]),
        (item.c.name.like("item!_3", escape="!"), [3]),
        (item.c.name.not_like("item\\_3"), list(range(1, 8))),
        (item.c.name.ilike("ITEM_3"), [3]),
        (item.c.name.icontains("EM_3"), [3]),
        (item.c.name.endswith("%", autoescape=True), []),
        (item.c.name.in_([]), []),
        (item.c.name.not_in([]), list(range(1, 8))),
        (sa.tuple_(item.c.id, item.c.name).in_([(1, "item_1"), (2, "x"), (3, "item_3")]), [1, 3]),
        (sa.tuple_(item.c.id, item.c.name).in_([]), []),
        (sa.false(), []),
        (sa.or_(item.c.id == 2, sa.literal(3) == item.c.id), [2, 3]),
    ],
)
def test_conditions(connection: sa.Connection, condition: Any, expected: list[int]) -> None:
    for engine in engines_of(connection):
        query = sa.select(item.c.id).where(condition).order_by(item.c.id)
        assert connection.scalars(query, execution_options={"ignite_engine": engine}).all() == expected


def test_clauses(connection: sa.Connection) -> None:
    half = (item.c.a % 20 + 1).label("half")
    for engine in engines_of(connection):
        run = connection.execution_options(ignite_engine=engine).execute
        ordered = sa.select(item.c.id).order_by(item.c.id.desc())
        assert run(ordered.limit(2)).scalars().all() == [7, 6]
        assert run(ordered.limit(2).offset(3)).scalars().all() == [4, 3]
        assert run(ordered.offset(5)).scalars().all() == [2, 1]
        assert run(ordered.fetch(2)).scalars().all() == [7, 6]
        assert run(ordered.offset(1).fetch(1)).scalars().all() == [6]
        grouped = sa.select(half, sa.func.count()).group_by(half).having(sa.func.count() > 3)
        assert [tuple(row) for row in run(grouped)] == [(11, 4)]
        assert run(sa.select(sa.literal(1)).where(sa.literal(1) == 2)).all() == []
        assert run(sa.select(sa.literal(1)).where(sa.literal(1) == 1)).scalar() == 1
        nulls = sa.select(item.c.id).order_by(sa.case((item.c.id > 3, None), else_=item.c.id).nulls_last(), item.c.id)
        assert run(nulls).scalars().all() == list(range(1, 8))
        union = sa.union(sa.select(item.c.id).where(item.c.id < 3), sa.select(item.c.id).where(item.c.id < 4))
        assert sorted(run(union).scalars()) == [1, 2, 3]
    # A label that hides a column sorts by what it labels.
    reversed_ids = (8 - item.c.id).label("a")
    assert connection.scalars(sa.select(reversed_ids).order_by(reversed_ids)).all() == list(range(1, 8))


def test_now_is_the_servers(connection: sa.Connection) -> None:
    assert isinstance(connection.scalar(sa.select(sa.func.now())), datetime.datetime)
    assert isinstance(connection.scalar(sa.select(sa.func.current_date())), datetime.date)


def test_what_ignite_has_not_is_refused_in_words(connection: sa.Connection) -> None:
    q = sa.select(item.c.id).cte("q", recursive=True)
    refused: list[tuple[Any, str]] = [
        (sa.select(sa.func.row_number().over(order_by=item.c.id)), "no window functions"),
        (sa.select(item.c.id).with_for_update(), "no SELECT … FOR UPDATE"),
        (sa.select(q.union_all(sa.select(q.c.id + 1))), "WITH RECURSIVE"),
        (sa.select(item.c.id).add_cte(item.delete().cte("gone")), "'gone' changes rows"),
        (sa.select(item.c.id).fetch(1, with_ties=True), "WITH TIES"),
        (sa.select(item.c.a.bitwise_lshift(1)), "no shift operators"),
        (item.update().values(a=1).where(item.c.id == pair.c.b), "no UPDATE … FROM"),
        (item.delete().where(item.c.id == pair.c.b), "no DELETE … USING"),
        (sa.select(item.c.id).where(item.c.name.regexp_match("X", flags="i")), r"\(\?i\)"),
    ]
    for statement, words in refused:
        with pytest.raises(exc.CompileError, match=words):
            connection.execute(statement)


# --- DML ------------------------------------------------------------------------------------------------------------


def test_create_read_update_delete(connection: sa.Connection) -> None:
    inserted = connection.execute(item.insert().values(id=100, a=1, name="x"))
    assert inserted.rowcount == 1
    assert inserted.inserted_primary_key == (100,)
    many = connection.execute(item.insert(), [{"id": number, "a": 1} for number in range(200, 260)])
    assert many.rowcount == 60
    changed = connection.execute(item.update().where(item.c.id >= 200).values(a=item.c.a + 1, name=None))
    assert changed.rowcount == 60
    assert connection.scalar(sa.select(sa.func.sum(item.c.a)).where(item.c.id >= 200)) == 120
    by_row = connection.execute(
        item.update().where(item.c.id == sa.bindparam("key")).values(a=sa.bindparam("to")),
        [{"key": 200, "to": 5}, {"key": 201, "to": 6}, {"key": 999, "to": 7}],
    )
    assert by_row.rowcount == 2
    assert connection.execute(item.delete().where(item.c.id >= 100)).rowcount == 61


def test_updates_convert_to_the_type_of_the_column(connection: sa.Connection) -> None:
    for engine in engines_of(connection):
        options = {"ignite_engine": engine}
        connection.execute(
            item.update()
            .where(item.c.id == 1)
            .values(a=item.c.a + 1.0, price=item.c.price * 2, name=item.c.name + "x"),
            execution_options=options,
        )
    expected = len(engines_of(connection))
    # The H2 engine reads a value of another Java class not at all.
    reader = "h2"
    row = connection.execute(
        sa.select(item.c.a, item.c.price, item.c.name).where(item.c.id == 1),
        execution_options={"ignite_engine": reader},
    ).one()
    assert tuple(row) == (10 + expected, decimal.Decimal(2**expected), "item_1" + "x" * expected)
    assert [type(value) for value in row] == [int, decimal.Decimal, str]
    for engine in engines_of(connection):
        with pytest.raises(exc.DBAPIError, match="too long"):
            connection.execute(
                item.update().where(item.c.id == 1).values(name=item.c.name + "y" * 30),
                execution_options={"ignite_engine": engine},
            )


def test_insert_from_select(connection: sa.Connection) -> None:
    source = sa.select(item.c.id + 1000, item.c.a, item.c.name).where(item.c.id < 4)
    assert connection.execute(item.insert().from_select(["id", "a", "name"], source)).rowcount == 3
    assert connection.scalars(sa.select(item.c.id).where(item.c.id > 999).order_by(item.c.id)).all() == [
        1001,
        1002,
        1003,
    ]


def test_values_of_many_rows_never_go_to_calcite(connection: sa.Connection) -> None:
    rows = [{"id": number, "a": number} for number in range(300, 400)]
    statement = item.insert().values(rows)
    assert connection.execute(statement).rowcount == 100
    if "calcite" in engines_of(connection):
        with pytest.raises(exc.StatementError, match="pass the rows as a list to execute"):
            connection.execute(statement, execution_options={"ignite_engine": "calcite"})


@pytest.mark.filterwarnings("ignore:Column .* is marked as a member of the primary key")
def test_a_missing_key_is_an_error(connection: sa.Connection) -> None:
    with pytest.raises(exc.CompileError, match=r"no value for the key column 'id', and none is generated"):
        connection.execute(item.insert().values(a=1))
    with pytest.raises(exc.CompileError, match="no value for the key column 'a'"):
        connection.execute(pair.insert(), {"b": 1, "v": 2})
    with pytest.raises(exc.IntegrityError, match="key column 'id' is None"):
        connection.execute(item.insert(), {"id": None, "a": 1})
    with pytest.raises(exc.IntegrityError, match="key column 'a' is None"):
        connection.execute(pair.insert(), [{"b": 1, "a": "x", "v": 2}, {"b": 2, "a": None, "v": 2}])
    with pytest.raises(exc.CompileError, match="no value for the key column 'id'"):
        connection.execute(item.insert().from_select(["a"], sa.select(item.c.a)))
    assert connection.scalar(sa.select(sa.func.count()).select_from(pair)) == 0
    assert connection.scalar(sa.select(sa.func.count()).select_from(item)) == len(ITEMS)


def test_duplicate_keys_and_null_values(connection: sa.Connection) -> None:
    with pytest.raises(exc.IntegrityError):
        connection.execute(item.insert(), {"id": 1})
    with pytest.raises(exc.IntegrityError):
        connection.execute(Book.__table__.insert(), {"author_id": None, "title": "x"})


def test_returning_is_refused(connection: sa.Connection) -> None:
    for statement in (
        item.insert().values(id=500).returning(item.c.id),
        item.update().values(a=1).returning(item.c.id),
        item.delete().returning(item.c.id),
    ):
        with pytest.raises(exc.NotSupportedError, match="Ignite has no RETURNING"):
            connection.execute(statement)
    assert connection.scalar(sa.select(sa.func.count()).select_from(item)) == len(ITEMS)


def test_tables_with_names_that_need_quotes(engine: sa.Engine) -> None:
    own = sa.MetaData()
    table = sa.Table(
        "Mixed Case",
        own,
        sa.Column("select", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camelCase", sa.String(10)),
        sa.Column("per%cent", sa.Integer),
        sa.Column("a:b", sa.Integer),
        sa.Column("é", sa.Integer),
        sa.Column("(p)", sa.Integer),
    )
    own.drop_all(engine)
    own.create_all(engine)
    try:
        with engine.begin() as connection:
            values = {"select": 1, "camelCase": "x", "per%cent": 2, "a:b": 3, "é": 4, "(p)": 5}
            connection.execute(table.insert(), values)
            connection.execute(table.update().values({"per%cent": table.c["per%cent"] + 1}))
            row = connection.execute(sa.select(table).where(table.c["(p)"] == 5, table.c["a:b"].in_([3, 4]))).one()
            assert row._asdict() == {**values, "per%cent": 3}
    finally:
        own.drop_all(engine)


# --- ORM ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def session(connection: sa.Connection, engine: sa.Engine) -> Iterator[orm.Session]:
    with orm.Session(engine) as session:
        for number in range(1, 4):
            session.add(
                Author(id=number, name=f"author {number}", books=[Book(title=f"b{number}{k}") for k in range(number)])
            )
        session.commit()
        yield session


def test_orm_relationships(session: orm.Session) -> None:
    for option in (orm.joinedload, orm.selectinload, orm.lazyload, orm.subqueryload):
        session.expunge_all()
        authors = session.scalars(
            sa.select(Author).where(Author.id >= 2).order_by(Author.id).options(option(Author.books))
        ).unique()
        assert [(author.id, sorted(book.title for book in author.books), author.book_count) for author in authors] == [
            (2, ["b20", "b21"], 2),
            (3, ["b30", "b31", "b32"], 3),
        ]
    session.expunge_all()
    book = session.scalars(sa.select(Book).where(Book.title == "b31").options(orm.joinedload(Book.author))).one()
    assert book.author.name == "author 3"
    joined = sa.select(Author.name, sa.func.count()).join(Author.books).group_by(Author.name).order_by(Author.name)
    assert [tuple(row) for row in session.execute(joined)] == [("author 1", 1), ("author 2", 2), ("author 3", 3)]
    assert session.scalars(sa.select(Author.id).where(Author.books.any(Book.title == "b10"))).all() == [1]
    without = sa.select(Author.id).where(~Author.books.any(Book.title == "b10")).order_by(Author.id)
    assert session.scalars(without).all() == [2, 3]


@pytest.mark.filterwarnings("ignore:Column .* is marked as a member of the primary key")
def test_orm_unit_of_work(session: orm.Session) -> None:
    author = session.get_one(Author, 3)
    author.name = "renamed"
    author.books[0].title = "new title"
    session.delete(author.books[1])
    session.commit()
    session.expunge_all()
    author = session.get_one(Author, 3)
    assert author.name == "renamed"
    assert len(author.books) == 2
    assert author.book_count == 2
    changed = session.execute(sa.update(Author).where(Author.id < 3).values(name=Author.name + "!"))
    assert changed.rowcount == 2
    assert session.get_one(Author, 1).name == "author 1!"
    gone = session.execute(sa.delete(Book).where(Book.author_id == 3))
    assert gone.rowcount == 2
    session.add(Author(name="no key"))
    with pytest.raises(exc.CompileError, match="no value for the key column 'id'"):
        session.flush()
    session.rollback()
    with pytest.raises(exc.InvalidRequestError, match="no savepoints"):
        session.connection().begin_nested()
    session.rollback()


def test_orm_bulk(session: orm.Session) -> None:
    session.execute(sa.insert(Author), [{"id": number, "name": str(number)} for number in range(10, 30)])
    session.execute(sa.update(Author), [{"id": number, "name": "bulk"} for number in range(10, 20)])
    assert session.scalar(sa.select(sa.func.count()).where(Author.name == "bulk")) == 10
    pages = session.scalars(sa.select(Author.id).order_by(Author.id).execution_options(yield_per=7))
    assert list(pages) == [1, 2, 3, *range(10, 30)]
