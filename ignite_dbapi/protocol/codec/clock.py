"""Wall-clock values of one time zone, to instants on the wire and back.

Ignite sends DATE, TIME and TIMESTAMP as instants, and makes and shows them in the time zone of the server's
JVM. A :class:`Clock` of that zone therefore gives the wall clock that SQL shows. It follows Java where Java's
calendar and Python's ``zoneinfo`` differ: before 1900 Java applies a zone's standard offset, not local mean
time.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from struct import Struct
from typing import Final, TypeAlias

from ignite_dbapi.errors import DataError, InterfaceError
from ignite_dbapi.protocol.codec.values import NanosecondDatetime

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400_000
# 1900-01-01T00:00Z; earlier instants take the standard offset of the zone (see the module's docstring).
_STANDARD_OFFSET_BEFORE: Final = -2_208_988_800_000
# 9999-12-30T00:00Z; later instants have the same offset: no zone changes its clocks at the end of December.
_LAST_KNOWN_OFFSET: Final = 253_402_128_000_000
_CACHE_LIMIT: Final = 50_000

# Clock.day_offsets: days since 1970 from 1900 to 2099.
FIRST_DAY: Final = -25_567
LAST_DAY: Final = 47_481
# Stands for the offset of days that are not known, or have several.
UNKNOWN_OFFSET: Final = -(2**31)
_OFFSET: Final = Struct("<i")

_UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Z", "GMT", "Etc/GMT"})
# Java's custom ids: GMT+3, GMT+03:30, UTC-0500, and plain offsets.
_CUSTOM_ID: Final = re.compile(r"(?:GMT|UTC|UT)?([+-])(\d{1,2})(?::?(\d{2}))?")


def clock_for(name: str) -> Clock:
    """The clock of the time zone *name*: an IANA name such as ``Asia/Tokyo``, or Java's form ``GMT+03:00``.

    Raises InterfaceError if this machine knows no such zone.
    """
    if name in _UTC_NAMES:
        return Clock(UTC, name)
    custom = _CUSTOM_ID.fullmatch(name)
    if custom:
        sign, hours, minutes = custom.group(1), int(custom.group(2)), int(custom.group(3) or 0)
        if hours < 24 and minutes < 60:
            offset = timedelta(hours=hours, minutes=minutes)
            return Clock(timezone(-offset if sign == "-" else offset), name)
    # Loaded here because only values of time need it, and servers in UTC do not.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return Clock(ZoneInfo(name), name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InterfaceError(
            f"time zone {name!r} is not known on this machine; name the server's zone with the connect "
            f"option 'timezone' (an IANA name such as 'Europe/Berlin'), or install the package 'tzdata'",
            code="unknown_timezone",
        ) from None


# Within the class below, date and time are the names of methods.
_Date: TypeAlias = date
_Time: TypeAlias = time


class Clock:
    """Converts between instants (milliseconds since 1970-01-01T00:00Z) and wall-clock values of *zone*."""

    def __init__(self, zone: tzinfo, name: str) -> None:
        self.zone = zone
        self.name = name
        fixed = zone.utcoffset(None)
        self._fixed_offset: int | None = None if fixed is None else _milliseconds(fixed)
        # The smallest one of a year: in summer clocks are ahead; in Morocco they are back in Ramadan only.
        self._standard_offset = min(self._zone_offset(datetime(2024, month, 1)) for month in range(1, 13))
        # Days on which offset and fold do not change: day number -> (offset, fold).
        self._offsets: dict[int, tuple[int, int]] = {}
        self._wall_offsets: dict[int, int] = {}
        self._dates: dict[int, date] = {}
        self._day_offsets: bytearray | None = None

    def __repr__(self) -> str:
        return f"Clock({self.name!r})"

    # --- instants to wall clock ---------------------------------------------------------------------------

    def timestamp(self, milliseconds: int, nanoseconds: int = 0) -> datetime:
        """The date and time of an instant; nanoseconds below a microsecond are kept (NanosecondDatetime)."""
        offset = self._fixed_offset
        fold = 0
        if offset is None:
            offset, fold = self._offset_at(milliseconds)
        seconds, rest = divmod(milliseconds + offset, 1000)
        try:
            value = _EPOCH + timedelta(0, seconds, rest * 1000 + nanoseconds // 1000)
        except OverflowError:
            raise _out_of_range("TIMESTAMP", milliseconds) from None
        if fold:
            value = value.replace(fold=1)
        if nanoseconds % 1000:
            return NanosecondDatetime.from_datetime(value, nanoseconds % 1000)
        return value

    def date(self, milliseconds: int) -> _Date:
        """The day of an instant."""
        known = self._dates.get(milliseconds)
        if known is not None:
            return known
        offset = self._fixed_offset
        if offset is None:
            offset = self._offset_at(milliseconds)[0]
        try:
            value = date.fromordinal((milliseconds + offset) // _DAY + _EPOCH_ORDINAL)
        except (ValueError, OverflowError):
            raise _out_of_range("DATE", milliseconds) from None
        if len(self._dates) >= _CACHE_LIMIT:
            self._dates.clear()
        self._dates[milliseconds] = value
        return value

    def time(self, milliseconds: int) -> _Time:
        """The time of day of an instant, which for SQL TIME lies on 1970-01-01."""
        offset = self._fixed_offset
        if offset is None:
            offset = self._offset_at(milliseconds)[0]
        seconds, rest = divmod((milliseconds + offset) % _DAY, 1000)
        minutes, second = divmod(seconds, 60)
        return time(minutes // 60, minutes % 60, second, rest * 1000)

    def time_since_midnight(self, milliseconds: int) -> timedelta:
        """The wall clock of an instant, counted from midnight of 1970-01-01: for SQL TIME within a day."""
        offset = self._fixed_offset
        if offset is None:
            offset = self._offset_at(milliseconds)[0]
        try:
            return timedelta(milliseconds=milliseconds + offset)
        except OverflowError:
            raise DataError(
                f"TIME of {milliseconds} ms is more than Python's timedelta can hold", code="value_not_representable"
            ) from None

    # --- wall clock to instants ---------------------------------------------------------------------------

    def instant_of_timestamp(self, value: datetime) -> tuple[int, int]:
        """*value* as (milliseconds, nanoseconds): naive values are this zone's wall clock, aware ones exact.

        In the hour that occurs twice when clocks are set back, ``fold`` tells which one is meant.
        """
        nanosecond = getattr(value, "nanosecond", 0)
        if value.tzinfo is not None:
            difference = value - _EPOCH_UTC
            microseconds = _microseconds(difference)
        else:
            microseconds = _microseconds(value - _EPOCH) - self._offset_of_wall(value) * 1000
        milliseconds, rest = divmod(microseconds, 1000)
        return milliseconds, rest * 1000 + nanosecond

    def instant_of_date(self, value: _Date) -> int:
        """Midnight of *value* in this zone."""
        wall = (value.toordinal() - _EPOCH_ORDINAL) * _DAY
        if self._fixed_offset is not None:
            return wall - self._fixed_offset
        return wall - self._offset_of_wall(datetime(value.year, value.month, value.day))

    def instant_of_time(self, value: _Time) -> int:
        """*value* on 1970-01-01 in this zone. DataError for what TIME cannot hold: parts of a millisecond."""
        if value.tzinfo is not None:
            raise DataError(
                f"TIME has no time zone: {value!r} cannot be sent; pass value.replace(tzinfo=None)",
                code="value_not_representable",
            )
        milliseconds, rest = divmod(value.microsecond, 1000)
        if rest:
            raise DataError(
                f"TIME holds milliseconds: {value!r} has {rest} microseconds more; round it first",
                code="value_not_representable",
            )
        wall = ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + milliseconds
        if self._fixed_offset is not None:
            return wall - self._fixed_offset
        return wall - self._offset_of_wall(datetime.combine(date(1970, 1, 1), value))

    def instant_of_time_since_midnight(self, milliseconds: int) -> int:
        """The instant that is *milliseconds* of wall clock after midnight of 1970-01-01 in this zone."""
        try:
            return milliseconds - self._offset_of_wall(_EPOCH + timedelta(milliseconds=milliseconds))
        except OverflowError:
            raise _out_of_range("TIME", milliseconds) from None

    # --- offsets ------------------------------------------------------------------------------------------

    @property
    def fixed_offset(self) -> int | None:
        """The zone's offset from UTC in milliseconds, if it has never another one."""
        return self._fixed_offset

    def offset_at(self, milliseconds: int) -> int:
        """The zone's offset from UTC in milliseconds at an instant."""
        return self._offset_at(milliseconds)[0] if self._fixed_offset is None else self._fixed_offset

    @property
    def day_offsets(self) -> bytearray:
        """The zone's offsets from UTC in milliseconds, by days of UTC: numbers of 32 bits for loops without objects.

        The table goes from :data:`FIRST_DAY` to :data:`LAST_DAY`, and is filled by :meth:`learn_offset` as days
        come along: asking the zone costs more than everything else. Days that are not known yet, on which the offset
        changes, or hours of which occur twice, have :data:`UNKNOWN_OFFSET`.
        """
        if self._day_offsets is None:
            self._day_offsets = bytearray(_OFFSET.pack(UNKNOWN_OFFSET) * (LAST_DAY - FIRST_DAY + 1))
        return self._day_offsets

    def learn_offset(self, milliseconds: int) -> int:
        """The zone's offset at an instant, which :attr:`day_offsets` has from now on for all of its day, if it may."""
        if self._fixed_offset is not None:
            return self._fixed_offset
        offset = self._offset_at(milliseconds)[0]
        day = milliseconds // _DAY
        if FIRST_DAY <= day <= LAST_DAY and self._offsets.get(day) == (offset, 0):
            _OFFSET.pack_into(self.day_offsets, 4 * (day - FIRST_DAY), offset)
        return offset

    def offset_on(self, day: int) -> int:
        """The zone's offset in milliseconds on a *day* of its wall clock, 0 for 1970-01-01, for values without a fold.

        :data:`UNKNOWN_OFFSET` if it changes on that day.
        """
        if self._fixed_offset is not None:
            return self._fixed_offset
        known = self._wall_offsets.get(day)
        if known is None:
            start = _EPOCH + timedelta(day)
            known = self._offset_of_wall(start)
            if self._offset_of_wall(start.replace(hour=23, minute=59, second=59, microsecond=999_000)) != known:
                known = UNKNOWN_OFFSET
            if len(self._wall_offsets) >= _CACHE_LIMIT:
                self._wall_offsets.clear()
            self._wall_offsets[day] = known
        return known

    def _offset_at(self, milliseconds: int) -> tuple[int, int]:
        """The zone's offset in milliseconds at an instant, and the fold of the wall clock there."""
        day = milliseconds // _DAY
        known = self._offsets.get(day)
        if known is not None:
            return known
        start, end = self._exact_offset_at(day * _DAY), self._exact_offset_at((day + 1) * _DAY - 1)
        if start != end:
            return self._exact_offset_at(milliseconds)
        if len(self._offsets) >= _CACHE_LIMIT:
            self._offsets.clear()
        self._offsets[day] = start
        return start

    def _exact_offset_at(self, milliseconds: int) -> tuple[int, int]:
        if milliseconds < _STANDARD_OFFSET_BEFORE:
            return self._standard_offset, 0
        # The last day of the year 9999 may be the day after it in this zone, or the day before in UTC.
        seconds, rest = divmod(min(milliseconds, _LAST_KNOWN_OFFSET), 1000)
        local = (_EPOCH_UTC + timedelta(0, seconds, rest * 1000)).astimezone(self.zone)
        offset = local.utcoffset()
        assert offset is not None
        fold = local.fold
        if milliseconds + _milliseconds(offset) - self._standard_offset < _STANDARD_OFFSET_BEFORE:
            fold = 1  # clocks went back to local mean time when 1900 began
        return _milliseconds(offset), fold

    def _offset_of_wall(self, value: datetime) -> int:
        if self._fixed_offset is not None:
            return self._fixed_offset
        wall = _microseconds(value - _EPOCH) // 1000
        if wall - self._standard_offset < _STANDARD_OFFSET_BEFORE:
            if not value.fold:
                return self._standard_offset
            offset = self._zone_offset(value.replace(fold=0))
            return offset if wall - offset >= _STANDARD_OFFSET_BEFORE else self._standard_offset
        return self._zone_offset(value)

    def _zone_offset(self, value: datetime) -> int:
        offset = self.zone.utcoffset(value)
        assert offset is not None
        return _milliseconds(offset)


def _milliseconds(difference: timedelta) -> int:
    return (difference.days * 86_400 + difference.seconds) * 1000 + difference.microseconds // 1000


def _microseconds(difference: timedelta) -> int:
    return (difference.days * 86_400 + difference.seconds) * 1_000_000 + difference.microseconds


def _out_of_range(kind: str, milliseconds: int) -> DataError:
    return DataError(
        f"{kind} of {milliseconds} ms since 1970-01-01T00:00Z lies outside the years 1 to 9999 that Python's "
        f"datetime can hold; select it as text (CAST(... AS VARCHAR)) instead",
        code="value_not_representable",
    )
