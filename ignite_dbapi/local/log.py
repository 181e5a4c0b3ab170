"""Reading a node's log: has it started, and if not, why."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["LogReader", "failure_reason"]

_MAXIMUM_REASON = 600

# The virtual machine's own complaints, before any Java code runs. Some have their reason in the line after
# them.
_JVM_COMPLAINT = re.compile(
    r"^(?:Error occurred during initialization of VM\n)?"
    r"((?:Error: |Unrecognized |Invalid |Improperly |Conflicting |"
    r"Missing |Initial heap size |Too small |Could not ).*)$",
    re.MULTILINE,
)
_JVM_BOILERPLATE = (
    "Error: Could not create the Java Virtual Machine",
    "Error: A fatal exception has occurred",
)
_CAUSE = re.compile(r"^\s*Caused by: (.*)$", re.MULTILINE)
_FAILURE = re.compile(r"(?:[\w$]+\.)+[\w$]*(?:Exception|Error)\b|\bFailed to |\bCritical system error ")
# Lines that may hold such words and yet are none of the reasons.
_HARMLESS = re.compile(r"^\s*at |^\s*\.\.\. \d+ more|^SLF4J: |^Caused by: |^\[[^\]]*\] (?:INFO|WARNING|CONFIG|FINE) ")
_LINE_HEAD = re.compile(r"^\[\d[^\]]*\] (?:SEVERE|ERROR) ")
_CLASS_NAME = re.compile(r"^(?:class )?(?:[a-z_][\w$]*\.)+([\w$]+)(?::\s*|$)")


class LogReader:
    """The part of a log file written since a given moment, read a piece at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self.text = ""

    def refresh(self) -> str:
        """Read what was added and return all text since the beginning of this reader."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        self._position += len(added)
        self.text += added.decode("utf-8", "replace")
        return self.text


def _clean(line: str) -> str:
    """Return a message without what the logger and Java put before it; a lone class name stays."""
    line = _LINE_HEAD.sub("", line.strip())
    while (match := _CLASS_NAME.match(line)) is not None:
        rest = line[match.end() :]
        if not rest:
            return match[1]
        line = rest
    return line[:_MAXIMUM_REASON]


def failure_reason(log: str) -> str:
    """Return in one line why the node did not start, as its log tells, or an empty string when it does not
    tell.

    The virtual machine's own complaint where it did not even start; else the first failure and the last cause
    under it, which is where Java programs put the root of the matter.
    """
    complaints = [line for line in _JVM_COMPLAINT.findall(log) if not line.startswith(_JVM_BOILERPLATE)]
    if complaints:
        return "; ".join(dict.fromkeys(complaints))[:_MAXIMUM_REASON]
    failures = (line for line in log.splitlines() if _FAILURE.search(line) and not _HARMLESS.match(line))
    reason = _clean(next(failures, ""))
    if causes := _CAUSE.findall(log):
        cause = _clean(causes[-1])
        if cause not in reason:
            reason = f"{reason} (cause: {cause})" if reason else cause
    return reason
