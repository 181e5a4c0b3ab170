"""The errors of the local server."""

from __future__ import annotations

from pathlib import Path

__all__ = ["LocalServerError"]


class LocalServerError(RuntimeError):
    """A local Ignite server could not be prepared, started or stopped.

    The message says what went wrong, with the server's own reason where there is one, and what to do about
    it.

    :ivar log_path: the log of the node that failed, kept on disk, or None when no node was involved.
    """

    def __init__(self, message: str, *, log_path: Path | None = None) -> None:
        super().__init__(message)
        self.log_path = log_path


class PortInUseError(LocalServerError):
    """A port that was chosen for a node was taken by somebody else in the meantime."""


def missing_extra(package: str, purpose: str) -> LocalServerError:
    """Return the error for an optional package that is missing: which one, for what, and the way out."""
    return LocalServerError(
        f"The package {package!r}, needed to {purpose}, is not installed. "
        'Install it with: pip install "ignite-dbapi[local]"'
    )
