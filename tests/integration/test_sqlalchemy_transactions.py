"""Isolation levels, commit and rollback through SQLAlchemy, on servers that have them and on one that has not."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from settling import settle
from sqlalchemy import exc, orm
from wire import Proxy

import ignite_dbapi


class Base(orm.DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "tx_account"
    __table_args__ = {"ignite_atomicity": "transactional"}  # noqa: RUF012 - SQLAlchemy declares it so
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    owner: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    amount: orm.Mapped[int]
    entries: orm.Mapped[list[Entry]] = orm.relationship(
        primaryjoin="Account.id == foreign(Entry.account_id)", cascade="all, delete-orphan"
    )


class Entry(Base):
    __tablename__ = "tx_entry"
    __table_args__ = {"ignite_atomicity": "transactional"}  # noqa: RUF012 - SQLAlchemy declares it so
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    account_id: orm.Mapped[int]
    amount: orm.Mapped[int]


@pytest.fixture(scope="module")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(tx_aware=True)


@pytest.fixture(scope="module")
def engine(server: Any) -> Iterator[sa.Engine]:
    engine = sa.create_engine(server.url, isolation_level="READ COMMITTED", connect_args={"transaction_timeout": 60})
    yield engine
    engine.dispose()


@pytest.fixture
def outside(server: Any) -> Iterator[ignite_dbapi.Connection]:
    with ignite_dbapi.connect(server.url) as connection:
        yield connection


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> Iterator[None]:
    if "engine" not in request.fixturenames:
        yield
        return
    engine = request.getfixturevalue("engine")
    Base.metadata.create_all(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(
            sa.insert(Account),
            [{"id": 1, "owner": "Ada", "amount": 100}, {"id": 2, "owner": "Grace", "amount": 200}],
        )
    settle(request.getfixturevalue("server").url, "UPDATE tx_account SET amount = amount WHERE id = 1")
    yield
    Base.metadata.drop_all(engine)


def amounts(outside: ignite_dbapi.Connection) -> list[Any]:
    return outside.execute("SELECT id, amount FROM tx_account ORDER BY id").fetchall()


def test_core_commits_and_rolls_back(engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"
        assert connection.default_isolation_level == "AUTOCOMMIT"
        connection.execute(sa.update(Account).values(amount=Account.amount + 1))
        connection.execute(sa.delete(Account).where(Account.id == 2))
        assert connection.scalars(sa.select(Account.amount)).all() == [101]
        assert amounts(outside) == [(1, 100), (2, 200)]
        connection.rollback()
        assert connection.scalar(sa.select(sa.func.sum(Account.amount))) == 300
        connection.execute(sa.update(Account).where(Account.id == 1).values(amount=7))
        connection.commit()
        connection.execute(sa.update(Account).where(Account.id == 1).values(amount=8))
    # Leaving a connection rolls back what was not committed.
    assert amounts(outside) == [(1, 7), (2, 200)]

    def fail() -> None:
        with engine.begin() as connection:
            connection.execute(sa.update(Account).values(amount=0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert amounts(outside) == [(1, 7), (2, 200)]


def test_sessions_commit_and_roll_back(engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    with orm.Session(engine) as session:
        account = Account(id=3, owner="Edsger", amount=1, entries=[Entry(id=1, account_id=3, amount=1)])
        session.add(account)
        ada = session.get_one(Account, 1)
        ada.amount -= 40
        session.flush()
        assert session.scalar(sa.select(sa.func.count()).select_from(Account).join(Account.entries)) == 1
        assert amounts(outside) == [(1, 100), (2, 200)]
        session.rollback()
        assert ada.amount == 100
        assert account not in session
        session.add_all(
            [Account(id=number, owner=f"owner {number}", amount=number, entries=[]) for number in range(10, 60)]
        )
        session.commit()
        assert len(amounts(outside)) == 52
        session.delete(session.get_one(Account, 10))
        session.execute(sa.update(Account).where(Account.owner.like("owner 1%")).values(amount=Account.amount * 2))
        session.commit()
    assert dict(amounts(outside))[19] == 38
    assert len(amounts(outside)) == 51


def test_statements_within_are_written_for_calcite(engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    assert engine.dialect.server_engines.default == "h2"  # type: ignore[attr-defined]
    with engine.connect() as connection:
        for statement in (sa.select(sa.func.query_engine()), sa.text("SELECT QUERY_ENGINE()")):
            assert connection.scalar(statement) == "calcite"
        # Calcite pads text literals, and would store this one with blanks; an UPDATE would not convert the number.
        shorter = sa.case((Account.id == 1, sa.literal_column("'a'")), else_=sa.literal("bbb", literal_execute=True))
        connection.execute(sa.update(Account).values(owner=shorter, amount=Account.amount + sa.literal(0.25)))
        connection.commit()
        connection.exec_driver_sql("UPDATE tx_account SET amount = ? WHERE id = ?", (5, 2))
        assert connection.scalar(sa.text("SELECT amount FROM tx_account WHERE id = :id"), {"id": 2}) == 5
        connection.rollback()
    assert outside.execute("SELECT owner, amount FROM tx_account ORDER BY id", query_engine="h2").fetchall() == [
        ("a", 100),
        ("bbb", 200),
    ]
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        assert connection.scalar(sa.select(sa.func.query_engine())) == "h2"
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.query_engine())) == "calcite"
        asked = sa.select(Account.id).execution_options(ignite_engine="h2")
        with pytest.raises(exc.NotSupportedError, match="only the Calcite engine"):
            connection.execute(asked)
        with pytest.raises(exc.NotSupportedError, match="only the Calcite engine"):
            connection.execute(sa.text("SELECT 1"), execution_options={"ignite_engine": "h2"})


def test_levels_of_connections(server: Any, engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    plain = sa.create_engine(server.url, pool_size=1, max_overflow=0)
    with plain.connect() as connection:
        assert connection.get_isolation_level() == connection.default_isolation_level == "AUTOCOMMIT"
        driver = connection.connection.driver_connection
        connection.rollback()
        connection.execution_options(isolation_level="READ COMMITTED")
        assert connection.get_isolation_level() == "READ COMMITTED"
        assert driver is not None
        assert driver.autocommit is False
        connection.execute(sa.update(Account).values(amount=1))
        with pytest.raises(exc.InvalidRequestError, match="isolation_level"):
            connection.execution_options(isolation_level="AUTOCOMMIT")
    assert amounts(outside) == [(1, 100), (2, 200)]
    with plain.connect() as connection:
        # The pool gives the same connection, at its own level again.
        assert connection.connection.driver_connection is driver
        assert driver.autocommit is True
        connection.execute(sa.update(Account).values(amount=2))
        connection.rollback()
    assert amounts(outside) == [(1, 2), (2, 2)]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.update(Account).values(amount=3))
        connection.rollback()
    assert amounts(outside) == [(1, 3), (2, 3)]
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"
        with pytest.raises(exc.ArgumentError, match="AUTOCOMMIT, READ COMMITTED"):
            connection.execution_options(isolation_level="SERIALIZABLE")
    plain.dispose()
    by_url = sa.create_engine(f"{server.url}?autocommit=false")
    with by_url.connect() as connection:
        assert connection.get_isolation_level() == connection.default_isolation_level == "READ COMMITTED"
    by_url.dispose()


def test_servers_without_transactions_are_named(ignite_url: str) -> None:
    engine = sa.create_engine(ignite_url, isolation_level="READ COMMITTED")
    with pytest.raises(exc.NotSupportedError, match="txAwareQueriesEnabled"):
        engine.connect()
    engine.dispose()
    # Before 2.0.55 SQLAlchemy leaves a connection that is refused to the garbage collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    engine = sa.create_engine(ignite_url)
    with engine.connect() as connection:
        with pytest.raises(exc.NotSupportedError, match="txAwareQueriesEnabled"):
            connection.execution_options(isolation_level="READ COMMITTED")
        assert connection.get_isolation_level() == "AUTOCOMMIT"
        assert connection.scalar(sa.text("SELECT 1")) == 1
    engine.dispose()


def test_ddl_and_reflection(engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    metadata = sa.MetaData()
    # Only the H2 engine creates a table with this option, also in transactional mode.
    made = sa.Table(
        "tx_made",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("v", sa.String(5), index=True),
        ignite_parallelism=2,
        ignite_atomicity="transactional",
    )
    with engine.connect() as connection:
        metadata.create_all(connection)
        assert connection.connection.driver_connection is not None
        assert connection.connection.driver_connection.autocommit is False
        columns = sa.inspect(connection).get_columns("tx_made")
        assert [(column["name"], str(column["type"])) for column in columns] == [("id", "INTEGER"), ("v", "VARCHAR(5)")]
        connection.execute(sa.insert(made).values(id=1, v="x"))
        # Within the transaction only Calcite can be asked, and it knows as much.
        inspector = sa.inspect(connection)
        assert inspector.has_table("tx_made")
        columns = inspector.get_columns("tx_made")
        assert [(column["name"], str(column["type"])) for column in columns] == [("id", "INTEGER"), ("v", "VARCHAR(5)")]
        assert inspector.get_pk_constraint("tx_made")["constrained_columns"] == ["id"]
        assert [index["column_names"] for index in inspector.get_indexes("tx_made")] == [["v"]]
        for ddl in (sa.schema.DropTable(made), sa.text("DROP TABLE tx_made")):
            with pytest.raises(exc.NotSupportedError, match="commit or roll back first"):
                connection.execute(ddl)
        connection.rollback()
        assert connection.scalar(sa.select(sa.func.count()).select_from(made)) == 0
        metadata.drop_all(connection)
        assert not sa.inspect(connection).has_table("tx_made")


def test_what_there_is_not(engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    with engine.connect() as connection:
        with pytest.raises(exc.InvalidRequestError, match="no savepoints"):
            connection.begin_nested()
        connection.rollback()
        with pytest.raises(exc.InvalidRequestError, match="two-phase"):
            connection.begin_twophase()
        connection.rollback()
        with pytest.raises(exc.NotSupportedError, match="no RETURNING"):
            connection.execute(sa.update(Account).values(amount=0).returning(Account.id))
        with pytest.raises(exc.CompileError, match="FOR UPDATE"):
            connection.execute(sa.select(Account.id).with_for_update())
        for sql in ("COMMIT", "SAVEPOINT a"):
            with pytest.raises(exc.NotSupportedError):
                connection.exec_driver_sql(sql)
    with orm.Session(engine) as session:
        session.execute(sa.select(Account.id))
        session.begin_nested()
        # A session asks for the savepoint when it is first needed.
        with pytest.raises(exc.InvalidRequestError, match="no savepoints"):
            session.execute(sa.select(Account.id))
    with orm.Session(engine, twophase=True) as session, pytest.raises(exc.InvalidRequestError, match="two-phase"):
        session.execute(sa.select(Account.id))
    assert amounts(outside) == [(1, 100), (2, 200)]


def test_a_commit_that_fails_says_so(server: Any, engine: sa.Engine, outside: ignite_dbapi.Connection) -> None:
    hasty = sa.create_engine(server.url, isolation_level="READ COMMITTED", connect_args={"transaction_timeout": 3})
    with hasty.connect() as connection:
        connection.execute(sa.update(Account).values(amount=0))
        time.sleep(4)
        with pytest.raises(exc.OperationalError, match="rolled back instead") as caught:
            connection.commit()
        assert not caught.value.connection_invalidated
    assert amounts(outside) == [(1, 100), (2, 200)]
    hasty.dispose()


@pytest.mark.parametrize("options", [{}, {"skip_autocommit_rollback": True}])
def test_autocommit_ends_without_a_word_to_the_server(server: Any, options: dict[str, Any]) -> None:
    with Proxy(server.addresses[0]) as proxy:
        engine = sa.create_engine(proxy.url, **options)
        with engine.connect() as connection:
            connection.scalar(sa.text("SELECT 1"))
            connection.rollback()
            before = len(proxy.frames)
            connection.scalar(sa.text("SELECT 1"))
            statement = len(proxy.frames) - before
            connection.commit()
            connection.rollback()
        assert len(proxy.frames) == before + statement
        with engine.connect() as connection:
            assert len(proxy.frames) == before + statement
        engine.dispose()
