"""The thin client protocol: bytes to values and messages, without I/O."""

from __future__ import annotations

from ignite_dbapi.protocol import _forms

if _forms.MUST_INTERPRET:
    _forms.interpret(__path__)
