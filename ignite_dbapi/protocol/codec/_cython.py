"""Stands in for the ``cython`` module where Cython is not installed.

The hot modules of the protocol are written in Cython's pure-Python mode: one source, compiled where a compiler
was at hand and interpreted elsewhere. Interpreted, the names below do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

compiled = False

Py_ssize_t = int
int = int
uint = int
longlong = int
ulonglong = int
short = int
bint = bool
double = float
p_const_uchar = bytes
p_const_char = bytes
p_uchar = bytes
p_int = bytes


def cclass(definition: _T) -> _T:
    """Compiled: an extension type."""
    return definition


def cfunc(function: _T) -> _T:
    """Compiled: a C function."""
    return function


def ccall(function: _T) -> _T:
    """Compiled: a C function for C, and a method for Python."""
    return function


def annotation_typing(_: bool) -> Callable[[_T], _T]:
    """Compiled: whether annotations say of which C type something is."""
    return lambda function: function


def inline(function: _T) -> _T:
    """Compiled: inlined where it is called."""
    return function


def final(definition: _T) -> _T:
    """Compiled: not subclassed, so that methods are called directly."""
    return definition


def exceptval(*_: Any, **__: Any) -> Callable[[_T], _T]:
    """Compiled: which return value means that an exception was raised."""
    return lambda function: function


def cdivision(_is_c: bool) -> Callable[[_T], _T]:
    """Compiled: whether division rounds towards zero, as C does."""
    return lambda function: function


def nogil(function: _T) -> _T:
    """Compiled: may be called without holding the GIL."""
    return function


def struct(**_: Any) -> Any:
    """Compiled: a C struct."""
    return None


def declare(_type: Any = None, value: Any = None, **_: Any) -> Any:
    """Compiled: a C variable or attribute."""
    return value
