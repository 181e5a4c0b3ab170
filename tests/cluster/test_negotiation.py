"""Every version of the protocol that the driver speaks, and servers that speak no newer one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

import ignite_dbapi
from ignite_dbapi.cluster import connecting

VERSIONS = [(1, minor, 0) for minor in range(8)]
OLD = {"2.8.1": (1, 6, 0), "2.16.0": (1, 7, 0)}
VALUES = (
    1, True, 5, 300, 2**40, Decimal("12.50"), 0.5, 0.1, "Grüße 😀", date(2024, 2, 29), time(1, 2, 3, 4000),
    datetime(2024, 7, 1, 12, 30, 1, 123_456), UUID(int=99), b"\x00\xff",
)  # fmt: skip
COLUMNS = (
    "id INT PRIMARY KEY, bo BOOLEAN, ti TINYINT, sm SMALLINT, bi BIGINT, de DECIMAL(20, 2), re REAL, do_ DOUBLE, "
    "vc VARCHAR, da DATE, tm TIME, ts TIMESTAMP, uu UUID, vb BINARY(10)"
)


def whole_story(connection: Any, name: str) -> None:
    """DDL, DML, queries in pages, values of every type, errors, what is left open."""
    cursor = connection.cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {name}")
    cursor.execute(f"CREATE TABLE {name} ({COLUMNS})")
    cursor.execute(f"CREATE INDEX i_{name} ON {name} (bi)")
    insert = f"INSERT INTO {name} VALUES ({', '.join('?' * len(VALUES))})"
    assert cursor.execute(insert, VALUES).rowcount == 1
    assert cursor.executemany(insert, [(i, *[None] * 13) for i in range(2, 50)]).rowcount == 48
    (row,) = cursor.execute(f"SELECT * FROM {name} WHERE id = ?", [1]).fetchall()
    assert row == VALUES
    assert list(map(type, row)) == list(map(type, VALUES))
    shown = cursor.execute(f"SELECT CAST(da AS VARCHAR), CAST(tm AS VARCHAR) FROM {name} WHERE id = 1").fetchone()
    assert (shown[0], shown[1][:8]) == ("2024-02-29", "01:02:03")
    assert cursor.execute(f"SELECT id FROM {name} ORDER BY id", page_size=7).fetchall() == [(i,) for i in range(1, 50)]
    with pytest.raises(ignite_dbapi.IntegrityError):
        cursor.execute(insert, VALUES)
    with pytest.raises(ignite_dbapi.ProgrammingError):
        cursor.execute("SELECT * FROM missing")
    with pytest.raises(ignite_dbapi.DataError):
        cursor.execute(f"SELECT 1 / (id - id) FROM {name}")
    assert cursor.execute(f"UPDATE {name} SET vc = ? WHERE id = ?", ["new", 2]).rowcount == 1
    assert cursor.execute(f"DELETE FROM {name} WHERE id = ?", [3]).rowcount == 1
    assert cursor.execute(f"DELETE FROM {name} WHERE id = ?", [3]).rowcount == 0
    for _ in range(150):
        connection.execute(f"SELECT id FROM {name}", page_size=3).fetchone()
    assert cursor.execute(f"SELECT COUNT(*) FROM {name}", timeout=30).fetchone() == (48,)
    connection.ping()
    cursor.execute(f"DROP TABLE {name}")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_every_version(node: Any, monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    monkeypatch.setattr(connecting, "SUPPORTED_VERSIONS", (version,))
    with ignite_dbapi.connect(node.url) as connection:
        assert connection.protocol_version == version
        assert bool(connection.features) == (version >= (1, 7, 0))
        assert (connection.node_id is not None) == (version >= (1, 4, 0))
        whole_story(connection, f"negotiated_{version[1]}")
        assert connection.server_version() == "2.17.0"
        assert connection.query_engines() == {"h2", "calcite"}


@pytest.mark.parametrize("version", VERSIONS[1:], ids=lambda version: ".".join(map(str, version)))
def test_credentials_in_every_version(secured: Any, monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    monkeypatch.setattr(connecting, "SUPPORTED_VERSIONS", (version,))
    with ignite_dbapi.connect(secured.url) as connection:
        assert connection.protocol_version == version
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(ignite_dbapi.OperationalError) as caught:
        ignite_dbapi.connect(secured.url.replace("ignite:ignite@", "ignite:wrong@"))
    assert caught.value.code == "authentication_failed"


def test_version_of_the_future_is_negotiated_down(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ((1, 8, 0), (1, 7, 5), (1, 9, 1)):
        monkeypatch.setattr(connecting, "SUPPORTED_VERSIONS", (version,))
        with ignite_dbapi.connect(node.url) as connection:
            assert connection.protocol_version == (1, 7, 0)
            assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("release", OLD)
def test_old_server(make_ignite_cluster: Callable[..., Any], release: str) -> None:
    cluster = make_ignite_cluster(ignite_version=release, timezone="Asia/Tokyo")
    with ignite_dbapi.connect(cluster.url) as connection:
        assert connection.protocol_version == OLD[release]
        assert connection.server_version() == release
        whole_story(connection, "old_story")
        for sql in (
            "SELEC 1", "SELECT zzz FROM SYS.NODES", "DROP TABLE missing", "DROP INDEX missing", "SELECT nofunc(1)",
        ):  # fmt: skip
            with pytest.raises(ignite_dbapi.ProgrammingError):
                connection.execute(sql)
        with pytest.raises(ignite_dbapi.OperationalError, match="cancelled"):
            connection.execute("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b", timeout=0.2)
        assert connection.default_query_engine() == "h2"
        engines = connection.query_engines()
        assert engines == ({"h2"} if release == "2.8.1" else {"h2", "calcite"})
        if "calcite" in engines:
            assert connection.execute("SELECT QUERY_ENGINE()", query_engine="calcite").fetchone() == ("calcite",)
            with ignite_dbapi.connect(cluster.url, query_engine="calcite") as other:
                other.execute("CREATE TABLE old_c (id SMALLINT PRIMARY KEY, v VARCHAR)")
                other.execute("INSERT INTO old_c VALUES (?, ?)", [1, "x"])
                assert other.execute("UPDATE old_c SET v = ? WHERE id = ?", ["y", 1]).rowcount == 1
                assert other.execute("DELETE FROM old_c WHERE id = ?", [1]).rowcount == 1
    # Below what the server speaks as well as at it.
    with ignite_dbapi.connect(cluster.url, timezone="UTC") as connection:
        ((moment,),) = connection.execute("SELECT TIMESTAMP '2024-01-01 12:00:00'").fetchall()
        assert moment == datetime(2024, 1, 1, 3)
