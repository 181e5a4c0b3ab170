# What the compiled forms of the writer and of the encoder of table rows make of Python's dates, times and decimals.
from cpython.datetime cimport (
    datetime_day,
    datetime_fold,
    datetime_hour,
    datetime_microsecond,
    datetime_minute,
    datetime_month,
    datetime_second,
    datetime_tzinfo,
    datetime_year,
    date_day,
    date_month,
    date_year,
)
from cpython.unicode cimport PyUnicode_AsUTF8AndSize


cdef inline long long days_of(long long year, long long month, long long day) noexcept:
    """Days from 1970-01-01 to a day of the Gregorian calendar, of the year 1 or later."""
    if month <= 2:
        # Years are counted from March here, so that the leap day is the last one.
        year -= 1
        month += 12
    cdef long long era = year // 400
    cdef long long year_of_era = year - era * 400
    cdef long long day_of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


cdef inline long long day_of_date(object value) noexcept:
    """The day of a date, 0 for 1970-01-01."""
    return days_of(date_year(value), date_month(value), date_day(value))


cdef inline long long day_of_datetime(object value) noexcept:
    """The day of a datetime, 0 for 1970-01-01."""
    return days_of(datetime_year(value), datetime_month(value), datetime_day(value))


cdef inline bint is_wall_time(object value) noexcept:
    """Whether a datetime is naive and without a fold: a time of the server's wall clock, most often the only one."""
    return datetime_tzinfo(value) is None and datetime_fold(value) == 0


cdef inline long long microsecond_of_day(object value) noexcept:
    """The time of day of a datetime."""
    cdef long long minutes = 60 * datetime_hour(value) + datetime_minute(value)
    return (60 * minutes + datetime_second(value)) * 1_000_000 + datetime_microsecond(value)


cdef inline bint take_decimal(object value, long long *unscaled, long long *scale) except -1:
    """Whether a Decimal has 18 digits at most, and no exponent; then what it is made of, by way of its text."""
    cdef str text = str(value)
    cdef Py_ssize_t size = 0
    cdef const char *character = PyUnicode_AsUTF8AndSize(text, &size)
    cdef const char *end = character + size
    cdef long long number = 0
    cdef long long digits = 0
    cdef long long behind = -1
    cdef bint is_negative = character[0] == c"-"
    if is_negative:
        character += 1
    while character < end:
        if character[0] == c".":
            behind = 0
        elif c"0" <= character[0] <= c"9":
            digits += 1
            if digits > 18:
                return False
            number = number * 10 + (character[0] - c"0")
            if behind >= 0:
                behind += 1
        else:
            return False
        character += 1
    unscaled[0] = -number if is_negative else number
    scale[0] = behind if behind > 0 else 0
    return True
