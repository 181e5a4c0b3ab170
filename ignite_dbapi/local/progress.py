"""Progress of a download on standard error: a bar in a terminal, plain lines in a log file or a CI run."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Protocol

__all__ = ["DownloadProgress", "download_progress"]

_SECONDS_BETWEEN_LINES = 5.0


class DownloadProgress(Protocol):
    """What a download reports; both methods may be called from any thread."""

    def add_bytes(self, count: int) -> None:
        """Tell that ``count`` more bytes have arrived."""

    def file_done(self) -> None:
        """Tell that one more file is complete."""


@contextlib.contextmanager
def download_progress(title: str, files: int, total_bytes: int) -> Iterator[DownloadProgress]:
    """Show the progress of downloading ``files`` files of ``total_bytes`` bytes altogether."""
    if sys.stderr.isatty():
        with _bar(title, files, total_bytes) as bar:
            yield bar
    else:
        lines = _Lines(title, files, total_bytes)
        yield lines
        lines.finish()


@contextlib.contextmanager
def _bar(title: str, files: int, total_bytes: int) -> Iterator[DownloadProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.fields[files]} files"),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(title, total=total_bytes, done=0, files=files)
        lock = threading.Lock()

        class Bar:
            done = 0

            def add_bytes(self, count: int) -> None:
                progress.advance(task, count)

            def file_done(self) -> None:
                with lock:
                    self.done += 1
                    progress.update(task, done=self.done)

        yield Bar()


class _Lines:
    """A line at the start, one every few seconds, and one at the end."""

    def __init__(self, title: str, files: int, total_bytes: int) -> None:
        self._title = title
        self._files = files
        self._total = total_bytes
        self._arrived = 0
        self._done = 0
        self._lock = threading.Lock()
        self._started = self._printed = time.monotonic()
        self._print(f"{title}: {files} files, {total_bytes / 1e6:.0f} MB")

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def add_bytes(self, count: int) -> None:
        with self._lock:
            self._arrived += count
            now = time.monotonic()
            if now - self._printed >= _SECONDS_BETWEEN_LINES:
                self._printed = now
                self._print(
                    f"{self._title}: {self._arrived / 1e6:.0f} of {self._total / 1e6:.0f} MB, "
                    f"{self._done} of {self._files} files"
                )

    def file_done(self) -> None:
        with self._lock:
            self._done += 1

    def finish(self) -> None:
        self._print(f"{self._title}: done in {time.monotonic() - self._started:.0f} s")
