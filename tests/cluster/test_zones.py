"""What SQL shows of a DATE, TIME or TIMESTAMP is the wall clock that Python sent, in whatever zone the server runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import ignite_dbapi

DATES = [date(1600, 3, 1), date(1900, 6, 1), date(1969, 12, 31), date(1970, 1, 1), date(2024, 3, 10), date(2024, 7, 1)]
TIMES = [time(0), time(0, 0, 1), time(9, 59, 59), time(12), time(23, 59, 59)]
MOMENTS = [
    datetime(1900, 6, 1, 1, 2, 3), datetime(1969, 12, 31, 23, 59, 59), datetime(1970, 1, 1), datetime(2024, 1, 1),
    datetime(2024, 3, 10, 1, 59, 59), datetime(2024, 3, 10, 3, 0), datetime(2024, 7, 1, 12, 30),
    datetime(2024, 11, 3, 3, 0), datetime(2038, 1, 19, 3, 14, 8),
]  # fmt: skip


@pytest.fixture(params=["utc", "tokyo", "new_york"])
def server(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Any:
    if request.param == "utc":
        return make_ignite_cluster(timezone="UTC")
    return request.getfixturevalue(request.param)


def engines(connection: Any) -> list[str | None]:
    return [None] if len(connection.query_engines()) == 1 else ["h2", "calcite"]


def test_text_on_the_server_is_the_wall_clock(server: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, d DATE, t TIME, ts TIMESTAMP", at=server)
    rows = list(enumerate(zip(DATES * 2, TIMES * 3, MOMENTS, strict=False)))
    with ignite_dbapi.connect(server.url) as connection:
        cursor = connection.cursor()
        for engine in engines(connection):
            cursor.execute(f"DELETE FROM {name}")
            cursor.executemany(
                f"INSERT INTO {name} VALUES (?, ?, ?, ?)", [(i, *values) for i, values in rows], query_engine=engine
            )
            for reader in engines(connection):
                cursor.execute(f"SELECT id, d, t, ts FROM {name} ORDER BY id", query_engine=reader)
                assert cursor.fetchall() == [(i, *values) for i, values in rows]
                cursor.execute(
                    f"SELECT CAST(d AS VARCHAR), CAST(t AS VARCHAR), CAST(ts AS VARCHAR) FROM {name} ORDER BY id",
                    query_engine=reader,
                )
                shown = [(d, t, ts.removesuffix(".0")) for d, t, ts in cursor.fetchall()]
                assert shown == [(str(d), str(t), str(ts)) for _, (d, t, ts) in rows]
            for i, (d, t, ts) in rows:
                cursor.execute(
                    f"SELECT id FROM {name} WHERE d = ? AND t = ? AND ts = ? AND id = ?",
                    [d, t, ts, i],
                    query_engine=engine,
                )
                assert cursor.fetchall() == [(i,)]


def test_literals_are_read_as_they_stand(server: Any) -> None:
    with ignite_dbapi.connect(server.url) as connection:
        for engine in engines(connection):
            for d, t, ts in zip(DATES * 2, TIMES * 2, MOMENTS, strict=False):
                cursor = connection.execute(f"SELECT DATE '{d}', TIME '{t}', TIMESTAMP '{ts}'", query_engine=engine)
                assert cursor.fetchall() == [(d, t, ts)]


def test_current_time(server: Any) -> None:
    with ignite_dbapi.connect(server.url) as connection:
        zone = ZoneInfo({"Etc/UTC": "UTC"}.get(server.options.timezone, server.options.timezone))
        for engine in engines(connection):
            ((now,),) = connection.execute("SELECT CURRENT_TIMESTAMP", query_engine=engine).fetchall()
            assert abs((datetime.now(zone).replace(tzinfo=None) - now).total_seconds()) < 60


def test_option_timezone_overrides(tokyo: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, ts TIMESTAMP", at=tokyo)
    noon = datetime(2024, 7, 1, 12)
    with ignite_dbapi.connect(tokyo.url, timezone="UTC") as connection:
        connection.execute(f"INSERT INTO {name} VALUES (?, ?)", [1, noon])
        assert connection.execute(f"SELECT ts FROM {name}").fetchall() == [(noon,)]
    with ignite_dbapi.connect(tokyo.url) as connection:
        assert connection.execute(f"SELECT ts FROM {name}").fetchall() == [(datetime(2024, 7, 1, 21),)]
        assert connection.execute(f"SELECT CAST(ts AS VARCHAR) FROM {name}").fetchone()[0][:16] == "2024-07-01 21:00"
    with ignite_dbapi.connect(tokyo.url, timezone=ZoneInfo("America/New_York")) as connection:
        assert connection.execute(f"SELECT ts FROM {name}").fetchall() == [(datetime(2024, 7, 1, 8),)]
    with pytest.raises(ignite_dbapi.InterfaceError, match="Asia/Tokio"):
        ignite_dbapi.connect(f"{tokyo.url}?timezone=Asia/Tokio")


def test_the_hour_that_occurs_twice_round_trips(new_york: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, ts TIMESTAMP", at=new_york)
    both = [datetime(2024, 11, 3, 1, 30, fold=fold) for fold in (0, 1)]
    with ignite_dbapi.connect(new_york.url) as connection:
        cursor = connection.cursor()
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", enumerate(both))
        got = [row[0] for row in cursor.execute(f"SELECT ts FROM {name} ORDER BY id")]
        assert got == both
