"""pandas over the dialect and over the bare driver."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import exc

import ignite_dbapi

CLUSTERS: dict[str, dict[str, Any]] = {
    "both engines": {},
    "h2 alone": {"engines": ("h2",)},
    "calcite default": {"engine": "calcite", "timezone": "Asia/Tokyo"},
}


@pytest.fixture(scope="module", params=list(CLUSTERS))
def engine(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(make_ignite_cluster(**CLUSTERS[request.param]).url)
    with engine.connect():
        yield engine
    engine.dispose()


@pytest.fixture
def table(engine: sa.Engine) -> Iterator[str]:
    names = ("pd_frame", "pd_other", "PdMixed")
    yield names[0]
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name.upper() if name.islower() else name}"')


def has_calcite(engine: sa.Engine) -> bool:
    return "calcite" in engine.dialect.server_engines.available  # type: ignore[attr-defined]


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "name": ["a", None, "é"],
            "amount": [1.5, float("nan"), -2.25],
            "flag": [True, False, True],
            "moment": pd.to_datetime(["2024-01-01 10:11:12.345", None, "1999-12-31 23:59:59.000"]),
            "day": [datetime.date(2024, 1, 1), None, datetime.date(1850, 5, 6)],
        }
    )


def declared(name: str, *others: sa.Column[Any]) -> tuple[sa.MetaData, sa.Table]:
    metadata = sa.MetaData()
    table = sa.Table(
        name,
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text),
        sa.Column("amount", sa.Double),
        sa.Column("flag", sa.Boolean),
        sa.Column("moment", sa.DateTime),
        sa.Column("day", sa.Date),
    )
    return metadata, table


def test_to_sql_and_back(engine: sa.Engine, table: str) -> None:
    if not has_calcite(engine):
        with pytest.raises(exc.CompileError, match=r"no primary key: give it one, or run the node with the Calcite"):
            frame().to_sql(table, engine, index=False)
        return
    assert frame().to_sql(table, engine, index=False) == 3
    found = pd.read_sql_table(table, engine).sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(found[["id", "name", "amount", "flag"]], frame()[["id", "name", "amount", "flag"]])
    assert found["moment"].tolist()[0] == pd.Timestamp("2024-01-01 10:11:12.345")
    assert pd.isna(found["moment"][1])
    assert frame().to_sql(table, engine, index=False, if_exists="append") == 3
    assert pd.read_sql(f"SELECT COUNT(*) AS n FROM {table}", engine)["n"].tolist() == [6]
    assert frame().to_sql(table, engine, index=True, index_label="row_number", if_exists="replace") == 3
    assert pd.read_sql_query(sa.text(f"SELECT * FROM {table}"), engine).columns.tolist()[0] == "row_number"
    with pytest.raises(ValueError, match="already exists"):
        frame().to_sql(table, engine)


def test_append_to_a_table_with_a_key(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    for method in (None, "multi"):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM {table}")
        assert frame().to_sql(table, engine, index=False, if_exists="append", method=method) == 3
        found = pd.read_sql(f"SELECT * FROM {table} ORDER BY id", engine, index_col="id")
        assert found.index.tolist() == [1, 2, 3]
        assert found["name"].iloc[[0, 2]].tolist() == ["a", "é"]
        assert found["day"].tolist() == [datetime.date(2024, 1, 1), None, datetime.date(1850, 5, 6)]


def test_many_rows(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    rows = pd.DataFrame({"id": range(2500), "amount": [number / 4 for number in range(2500)]})
    assert rows.to_sql(table, engine, index=False, if_exists="append", chunksize=1000) == 2500
    streaming = engine.execution_options(stream_results=True, ignite_page_size=200)
    with streaming.connect() as connection:
        chunks = list(pd.read_sql(f"SELECT id, amount FROM {table} ORDER BY id", connection, chunksize=1000))
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 500]
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), rows)


def test_read_sql_with_parameters_and_joins(engine: sa.Engine, table: str) -> None:
    metadata, parent = declared(table)
    child = sa.Table(
        "pd_other",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("frame_id", sa.BigInteger, index=True),
    )
    metadata.create_all(engine)
    frame().to_sql(table, engine, index=False, if_exists="append")
    pd.DataFrame({"id": range(30), "frame_id": [number % 3 + 1 for number in range(30)]}).to_sql(
        "pd_other", engine, index=False, if_exists="append"
    )
    # Plain strings go to the driver as they are; the H2 engine asked plainly would find a part of the ten rows.
    joined = f"SELECT c.id FROM {table} p JOIN pd_other c ON c.frame_id = p.id WHERE p.id = ?"
    assert sorted(pd.read_sql(joined, engine, params=(2,))["id"]) == list(range(1, 30, 3))
    query = sa.select(child.c.id).join_from(parent, child, child.c.frame_id == parent.c.id).where(parent.c.id == 2)
    assert len(pd.read_sql(query, engine)) == 10
    metadata.drop_all(engine)


def test_names_with_upper_case(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared("PdMixed")
    metadata.create_all(engine)
    assert frame().to_sql("PdMixed", engine, index=False, if_exists="append") == 3
    assert len(pd.read_sql_table("PdMixed", engine)) == 3


@pytest.mark.filterwarnings("ignore:pandas only supports SQLAlchemy")
def test_read_sql_over_the_bare_driver(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    frame().to_sql(table, engine, index=False, if_exists="append")
    with engine.connect() as pooled:
        ((host, port),) = pooled.connection.driver_connection.options.addresses  # type: ignore[union-attr]
    with ignite_dbapi.connect(host=host, port=port) as connection:
        found = pd.read_sql(f"SELECT id, name FROM {table} WHERE id > ? ORDER BY id", connection, params=(1,))
    assert found.columns.tolist() == ["ID", "NAME"]
    assert found["ID"].tolist() == [2, 3]
