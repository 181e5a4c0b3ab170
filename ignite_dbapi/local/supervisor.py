"""The process between Python and a node's Java virtual machine, so that no server outlives the program it
belongs to.

Run as a script (``python -I -S supervisor.py LOG DIRECTORY COMMAND...``), with the standard library alone, so
that it starts in a few hundredths of a second. It starts COMMAND with its output going to LOG, and then

* writes ``pid N`` on standard output;
* reads orders, one per line, from standard input: ``terminate``, ``kill``, ``stop`` and ``continue`` send
  that signal, and then ``done ORDER`` goes to standard output;
* takes the end of standard input, which comes when the parent dies in whatever way, as the order to kill the
  server and to remove DIRECTORY, the cluster's temporary files, since nobody else is left to do so;
* ends when the server ends.

Signals go through this process because it is the server's parent: until it has seen the end of the server,
the server's process id cannot be given to another process, so a signal never hits a stranger.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
#: Seconds between two looks at whether the parent is still there. Its death normally shows at once, by the
#: end of standard input; but a process that the parent forked may hold the other end of that pipe open.
_PARENT_CHECK_INTERVAL = 1.0


def _die_with_supervisor() -> Callable[[], None] | None:
    """Return what the child runs before the server starts, so that the server dies when this process is
    killed.

    Linux alone offers it. The signal comes at the end of the *thread* that started the child, which here is
    the main thread, and that one lasts as long as the process.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    supervisor = os.getpid()

    def set_death_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:  # it died before the line above took effect
            os._exit(1)

    return set_death_signal


def _send(server: subprocess.Popen[bytes], order: str) -> None:
    if order == "terminate":
        server.terminate()
    elif order == "stop":
        server.send_signal(signal.SIGSTOP)
        if hasattr(os, "waitid"):
            # On a busy machine the signal alone leaves the server's threads running for a while. The state is left
            # as it is for later looks; who has ended instead is waited for elsewhere.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    elif order == "continue":
        server.send_signal(signal.SIGCONT)
    else:
        server.kill()


def supervise(log_path: str, directory: str, command: list[str]) -> int:
    """Run ``command`` until it ends or the parent does; return its exit code."""
    parent = os.getppid()
    events: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    with open(log_path, "ab") as log:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_supervisor()
        )
    # A parent that is gone already does not read this; that shows at the end of standard input, below.
    with contextlib.suppress(BrokenPipeError):
        print(f"pid {server.pid}", flush=True)

    def read_orders() -> None:
        for line in sys.stdin:
            events.put(("order", line.strip()))
        events.put(("parent gone", ""))

    def wait_for_exit() -> None:
        server.wait()
        events.put(("exit", ""))

    for target in (read_orders, wait_for_exit):
        threading.Thread(target=target, daemon=True).start()
    while True:
        try:
            kind, order = events.get(timeout=_PARENT_CHECK_INTERVAL)
        except queue.Empty:
            if os.getppid() == parent:
                continue
            kind, order = "parent gone", ""
        if kind == "exit":
            break
        if kind == "order":
            _send(server, order)
            # A parent that is gone, or waits for the server's end instead, does not read it.
            with contextlib.suppress(BrokenPipeError):
                print(f"done {order}", flush=True)
        else:
            server.kill()
            server.wait()
            # Every supervisor of the cluster does this, so the last one finds no server still writing there.
            shutil.rmtree(directory, ignore_errors=True)
            break
    return server.returncode


def main(arguments: list[str]) -> int:
    """Supervise the command given on the command line."""
    log_path, directory, *command = arguments
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):
        # The parent decides when the server ends. A handler and not SIG_IGN, because the server would inherit
        # that and then ignore the request to terminate.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda _number, _frame: None)
    code = supervise(log_path, directory, command)
    # Not sys.exit: the thread that reads standard input may still wait there, holding the stream's lock.
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1:])
