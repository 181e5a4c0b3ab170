"""Instants and the server's wall clock: the rules of Java where they differ from Python's."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.errors import DataError, InterfaceError
from ignite_dbapi.protocol.codec.clock import UNKNOWN_OFFSET, Clock, clock_for
from ignite_dbapi.protocol.codec.values import NanosecondDatetime

ALL_ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
BEFORE_1900 = -2_208_988_800_000


def _milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


# DATE '2024-05-06', TIME '10:11:12' and TIMESTAMP '2024-05-06 07:08:09.123456789', as seen on the wire.
@pytest.mark.parametrize(
    ("zone", "date_instant", "time_instant", "timestamp_instant"),
    [
        ("UTC", "2024-05-06T00:00+00:00", 36_672_000, "2024-05-06T07:08:09.123+00:00"),
        ("Asia/Tokyo", "2024-05-05T15:00+00:00", 4_272_000, "2024-05-05T22:08:09.123+00:00"),
        ("America/New_York", "2024-05-06T04:00+00:00", 54_672_000, "2024-05-06T11:08:09.123+00:00"),
    ],
)
def test_what_was_seen_on_the_wire(zone: str, date_instant: str, time_instant: int, timestamp_instant: str) -> None:
    clock = clock_for(zone)
    assert clock.instant_of_date(date(2024, 5, 6)) == _milliseconds(date_instant)
    assert clock.date(_milliseconds(date_instant)) == date(2024, 5, 6)
    assert clock.instant_of_time(time(10, 11, 12)) == time_instant
    assert clock.time(time_instant) == time(10, 11, 12)
    exact = NanosecondDatetime.from_datetime(datetime(2024, 5, 6, 7, 8, 9, 123456), 789)
    assert clock.instant_of_timestamp(exact) == (_milliseconds(timestamp_instant), 456_789)
    again = clock.timestamp(_milliseconds(timestamp_instant), 456_789)
    assert (again, again.nanosecond) == (exact, 789)


def test_time_takes_the_offset_of_1970() -> None:
    # London had British Standard Time, an hour ahead, all through 1970; New York what it has in winters now.
    assert clock_for("Europe/London").instant_of_time(time(12)) == 11 * 3_600_000
    assert clock_for("America/New_York").instant_of_time(time(23, 30)) == (28 * 60 + 30) * 60_000
    assert clock_for("Asia/Tokyo").instant_of_time(time(0)) == -9 * 3_600_000
    assert clock_for("Asia/Tokyo").time(-9 * 3_600_000) == time(0)


def test_the_hour_that_comes_twice() -> None:
    clock = clock_for("America/New_York")
    first, second = _milliseconds("2024-11-03T05:30+00:00"), _milliseconds("2024-11-03T06:30+00:00")
    for instant, fold in ((first, 0), (second, 1)):
        value = clock.timestamp(instant)
        assert (value, value.fold) == (datetime(2024, 11, 3, 1, 30), fold)
        assert clock.instant_of_timestamp(value) == (instant, 0)
    exact = clock.timestamp(second, 1)
    assert (exact.fold, exact.nanosecond) == (1, 1)
    assert clock.instant_of_timestamp(exact) == (second, 1)


def test_the_hour_that_never_comes() -> None:
    clock = clock_for("America/New_York")
    instant, _ = clock.instant_of_timestamp(datetime(2024, 3, 10, 2, 30))
    assert instant == _milliseconds("2024-03-10T07:30+00:00")
    assert clock.timestamp(instant) == datetime(2024, 3, 10, 3, 30)


def test_days_without_a_midnight() -> None:
    # Clocks in Tokyo went from 24:00 to 01:00 on 1948-05-02.
    clock = clock_for("Asia/Tokyo")
    assert clock.date(clock.instant_of_date(date(1948, 5, 2))) == date(1948, 5, 2)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("America/New_York", -5),
        ("Europe/Amsterdam", 1),
        ("Asia/Tokyo", 9),
        ("Europe/London", 0),
        ("Europe/Dublin", 0),
        ("Australia/Sydney", 10),
        ("Africa/Casablanca", 0),
    ],
)
def test_before_1900_zones_have_their_standard_offset(zone: str, hours: int) -> None:
    clock = clock_for(zone)
    assert clock.timestamp(BEFORE_1900 - 1) == datetime(1899, 12, 31, 23, 59, 59, 999000) + timedelta(hours=hours)
    for value in (datetime(1850, 6, 1, 12), datetime(1, 1, 2), datetime(1582, 10, 10)):
        instant, _ = clock.instant_of_timestamp(value)
        assert instant == (value - datetime(1970, 1, 1)) // timedelta(milliseconds=1) - hours * 3_600_000
        assert clock.timestamp(instant) == value
        assert clock.date(clock.instant_of_date(value.date())) == value.date()


@given(
    st.sampled_from(ALL_ZONES),
    st.integers(BEFORE_1900 - 10**9, BEFORE_1900 + 10**9) | st.integers(-(2**41), 2**42),
)
def test_every_instant_comes_back_in_every_zone(zone: str, instant: int) -> None:
    clock = clock_for(zone)
    value = clock.timestamp(instant)
    if instant >= BEFORE_1900:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone))
        assert value == local.replace(tzinfo=None)
    if (
        value.year >= 1901
        or value.year < 1899
        or zone in ("Europe/Amsterdam", "Asia/Kolkata", "Europe/Dublin", "America/New_York")
    ):
        assert clock.instant_of_timestamp(value)[0] == instant


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Asia/Kolkata", "Africa/Abidjan", "Europe/Lisbon"])
def test_the_end_of_the_year_1899(zone: str) -> None:
    clock = clock_for(zone)
    for instant in range(BEFORE_1900 - 2 * 3_600_000, BEFORE_1900 + 2 * 3_600_000, 60_000):
        assert clock.instant_of_timestamp(clock.timestamp(instant)) == (instant, 0)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "GMT-11:30", "Pacific/Kiritimati"])
def test_the_first_and_the_last_year(zone: str) -> None:
    clock = clock_for(zone)
    for value in (datetime.min, datetime.max, datetime(9999, 12, 31, 12), datetime(1, 1, 1, 12)):
        assert clock.timestamp(*clock.instant_of_timestamp(value)) == value
        assert clock.date(clock.instant_of_date(value.date())) == value.date()
    day = 86_400_000
    for instant in (
        clock.instant_of_timestamp(datetime.min)[0] - 1,
        clock.instant_of_timestamp(datetime.max)[0] + 1,
        clock.instant_of_timestamp(datetime.max)[0] + 3 * day,
        2**63 - 1,
        -(2**63),
    ):
        with pytest.raises(DataError, match="outside the years 1 to 9999") as error:
            clock.timestamp(instant)
        assert str(instant) in str(error.value)
        assert error.value.code == "value_not_representable"
        with pytest.raises(DataError, match="outside the years 1 to 9999"):
            clock.date(instant)


def test_fractions_of_a_second() -> None:
    clock = clock_for("UTC")
    assert clock.instant_of_timestamp(datetime(1969, 12, 31, 23, 59, 59, 999_999)) == (-1, 999_000)
    assert clock.instant_of_timestamp(datetime(1970, 1, 1, 0, 0, 0, 1)) == (0, 1_000)
    assert clock.timestamp(-1, 999_999) == datetime(1969, 12, 31, 23, 59, 59, 999_999)
    assert clock.timestamp(-1, 999_999).nanosecond == 999
    assert type(clock.timestamp(5, 1000)) is datetime


@pytest.mark.parametrize("value", [time(1, 2, 3, 1), time(23, 59, 59, 999_999), time(0, 0, 0, 500)])
def test_time_finer_than_milliseconds_is_an_error(value: time) -> None:
    with pytest.raises(DataError, match=r"TIME holds milliseconds.*round it") as error:
        clock_for("UTC").instant_of_time(value)
    assert repr(value) in str(error.value)


def test_time_with_a_zone_is_an_error() -> None:
    with pytest.raises(DataError, match="TIME has no time zone"):
        clock_for("UTC").instant_of_time(time(1, tzinfo=UTC))


def test_aware_values_do_not_depend_on_the_zone() -> None:
    value = datetime(2024, 5, 6, 7, 8, 9, 1, tzinfo=timezone(timedelta(hours=-3)))
    instants = {clock_for(zone).instant_of_timestamp(value) for zone in ("UTC", "Asia/Tokyo", "America/New_York")}
    assert instants == {(_milliseconds("2024-05-06T10:08:09+00:00"), 1000)}


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        ("UTC", 0), ("GMT", 0), ("Etc/UTC", 0), ("Z", 0), ("GMT+3", 180), ("GMT+03:30", 210), ("UTC-0500", -300),
        ("GMT-11:30", -690), ("+05:30", 330), ("Etc/GMT+5", -300), ("UT+1", 60),
    ],
)  # fmt: skip
def test_names_of_zones(name: str, minutes: int) -> None:
    clock = clock_for(name)
    assert clock.instant_of_timestamp(datetime(1970, 1, 1)) == (-minutes * 60_000, 0)
    assert clock.name == name
    assert name in repr(clock)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "GMT+99", "GMT+24:00", "GMT+01:75", "../etc/passwd", "a\x00b", "Europe"]
)
def test_unknown_zones(name: str) -> None:
    with pytest.raises(InterfaceError, match="'timezone'") as error:
        clock_for(name)
    assert error.value.code == "unknown_timezone"
    assert repr(name) in str(error.value)


@given(
    st.sampled_from(ALL_ZONES),
    st.dates() | st.dates(date(1899, 12, 1), date(1900, 2, 1)) | st.dates(date(1960, 1, 1), date(2040, 1, 1)),
    st.lists(st.times(), min_size=1),
)
def test_the_offset_of_a_day_is_that_of_its_times(zone: str, day: date, times: list[time]) -> None:
    clock = clock_for(zone)
    number = (day - date(1970, 1, 1)).days
    offset = clock.offset_on(number)
    assert clock.offset_on(number) == offset
    wall = number * 86_400_000
    if offset != UNKNOWN_OFFSET:
        assert clock.instant_of_date(day) == wall - offset
        for value in times:
            passed = value.hour * 3_600_000 + value.minute * 60_000 + value.second * 1000 + value.microsecond // 1000
            assert clock.instant_of_timestamp(datetime.combine(day, value))[0] == wall + passed - offset


def test_days_on_which_clocks_change_have_no_offset() -> None:
    clock = clock_for("Europe/Berlin")
    first = date(1970, 1, 1)
    for day, offset in (
        (date(2024, 3, 30), 3_600_000),
        (date(2024, 3, 31), UNKNOWN_OFFSET),
        (date(2024, 4, 1), 7_200_000),
        (date(2024, 10, 26), 7_200_000),
        (date(2024, 10, 27), UNKNOWN_OFFSET),
        (date(2024, 10, 28), 3_600_000),
    ):
        assert clock.offset_on((day - first).days) == offset
    assert clock_for("GMT+3").offset_on(0) == 10_800_000


def test_many_different_days_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ignite_dbapi.protocol.codec.clock._CACHE_LIMIT", 10)
    clock = Clock(ZoneInfo("Asia/Tokyo"), "Asia/Tokyo")
    for day in range(100):
        instant = clock.instant_of_date(date(2000, 1, 1) + timedelta(days=day))
        assert clock.date(instant) == date(2000, 1, 1) + timedelta(days=day)
        clock.offset_on(day)
    assert max(len(clock._dates), len(clock._offsets), len(clock._wall_offsets)) <= 10
