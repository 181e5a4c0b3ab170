"""``python -m ignite_dbapi.local``: a local cluster that runs until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

import attrs

from ignite_dbapi.local.cluster import LocalCluster
from ignite_dbapi.local.errors import LocalServerError, PortInUseError, missing_extra
from ignite_dbapi.local.options import DEFAULT_IGNITE_VERSION, LocalOptions, supported_versions
from ignite_dbapi.local.ports import is_free

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["main"]

#: Apache Ignite's own default for client connections, so that the URLs of its documentation work as they
#: stand.
_USUAL_PORT = 10800
_CHECK_INTERVAL = 0.5
_EXIT_INTERRUPTED = 128


class _Interrupted(
    BaseException
):  # not an Exception, as KeyboardInterrupt: nothing on its way may take it for an error
    """Ctrl-C or SIGTERM came."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ignite_dbapi.local",
        description="Start a local Apache Ignite cluster and keep it until Ctrl-C. The first run downloads "
        "the server (about 60 MB) and, where there is none, a Java runtime.",
    )
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="number of server nodes (default: 1)")
    parser.add_argument(
        "--port",
        type=int,
        metavar="P",
        help=f"client port of the first node; the others follow (default: {_USUAL_PORT} if free, else any)",
    )
    parser.add_argument("--persistent", metavar="DIR", help="keep the data in DIR (default: data live in memory)")
    parser.add_argument(
        "--engine",
        choices=["h2", "calcite"],
        default="h2",
        help="SQL engine of statements naming none (default: h2)",
    )
    parser.add_argument("--tx-aware", action="store_true", help="let SQL join transactions (Ignite 2.17)")
    parser.add_argument("--tls", action="store_true", help="encrypt client connections, with certificates made for it")
    parser.add_argument("--tls-client-auth", action="store_true", help="also ask clients for a certificate")
    parser.add_argument("--auth", action="store_true", help="ask for user and password (ignite, ignite)")
    parser.add_argument(
        "--ignite-version",
        choices=supported_versions(),
        default=DEFAULT_IGNITE_VERSION,
        metavar="V",
        help=f"one of {', '.join(supported_versions())} (default: {DEFAULT_IGNITE_VERSION})",
    )
    parser.add_argument("--timezone", metavar="ZONE", help="the server's time zone, such as Asia/Tokyo")
    parser.add_argument(
        "--sql-schema",
        action="append",
        default=[],
        metavar="NAME",
        help="an SQL schema beside PUBLIC; may be repeated",
    )
    parser.add_argument("--heap", default="1g", metavar="SIZE", help="Java heap of each node (default: 1g)")
    parser.add_argument(
        "--data-region", default="1g", metavar="SIZE", help="memory for data of each node (default: 1g)"
    )
    parser.add_argument(
        "--jvm-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option for Java; may be repeated",
    )
    parser.add_argument("--logs", metavar="DIR", help="directory of the logs (default: a new one in the cache)")
    return parser


def _options(arguments: argparse.Namespace) -> LocalOptions:
    port = arguments.port
    usual = range(_USUAL_PORT, _USUAL_PORT + max(arguments.nodes, 1))
    if port is None and all(is_free(candidate) for candidate in usual):
        port = _USUAL_PORT
    return LocalOptions(
        nodes=arguments.nodes,
        port=port,
        persistent=arguments.persistent,
        engine=arguments.engine,
        tx_aware=arguments.tx_aware,
        tls=arguments.tls,
        tls_client_auth=arguments.tls_client_auth,
        auth=arguments.auth,
        ignite_version=arguments.ignite_version,
        timezone=arguments.timezone,
        sql_schemas=arguments.sql_schema,
        heap=arguments.heap,
        data_region=arguments.data_region,
        jvm_options=arguments.jvm_option,
        logs_dir=arguments.logs,
    )


def _started(options: LocalOptions, *, port: int | None) -> LocalCluster:
    """Start the cluster; on other ports when the usual ones got lost and the user did not ask for any."""
    cluster = LocalCluster(options)
    try:
        cluster.start()
    except PortInUseError:
        if port is not None:
            raise
        cluster = LocalCluster(attrs.evolve(options, port=None))
        cluster.start()
    return cluster


def _raise_interrupted(signal_number: int, _frame: FrameType | None) -> None:
    # One is enough: a second Ctrl-C must not break into the stopping of the nodes.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    raise _Interrupted(signal_number)


def _console(*, stderr: bool = False) -> Console:
    try:
        from rich.console import Console
    except ImportError as error:
        raise missing_extra("rich", "show the local server in a terminal") from error
    # Soft wrap: a URL broken into two lines could not be copied.
    return Console(stderr=stderr, soft_wrap=True, highlight=False)


def _show(cluster: LocalCluster, console: Console) -> None:
    url = cluster.url
    console.print(f"[bold green]{url}[/]")
    count = len(cluster.nodes)
    console.print(f"Apache Ignite {cluster.options.ignite_version}, {count} node{'s' if count > 1 else ''}, ready.")
    console.print(f'  DB-API:      ignite_dbapi.connect("{url}")', markup=False)
    console.print(f'  SQLAlchemy:  sqlalchemy.create_engine("{_first_address_only(cluster)}")', markup=False)
    console.print(f"  Logs:        {cluster.logs_directory}", markup=False)
    console.print("Ctrl-C stops it.")


def _first_address_only(cluster: LocalCluster) -> str:
    """Return the URL with the first address alone, since SQLAlchemy's URLs have room for one."""
    first, *others = (f"{host}:{port}" for host, port in cluster.addresses)
    return cluster.url.replace(",".join([first, *others]), first)


def _watch(cluster: LocalCluster, console: Console) -> int:
    """Report nodes that end by themselves; return when none is left. Ctrl-C comes as an exception."""
    ended: set[str] = set()
    pause = threading.Event()
    while len(ended) < len(cluster.nodes):
        pause.wait(_CHECK_INTERVAL)
        for node in cluster.nodes:
            if node.name not in ended and not node.is_running:
                ended.add(node.name)
                console.print(f"{node.name} has ended. {node.end_reason()} Log: {node.log_path}", markup=False)
    return 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 after Ctrl-C or SIGTERM, 1 when the cluster failed."""
    parsed = _parser().parse_args(arguments)
    is_ready = False
    try:
        console, errors = _console(), _console(stderr=True)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, _raise_interrupted)
        with _started(_options(parsed), port=parsed.port) as cluster:
            is_ready = True
            _show(cluster, console)
            return _watch(cluster, errors)
    except LocalServerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except _Interrupted as interrupted:
        print("Stopped.", file=sys.stderr)
        # Once the cluster is up, Ctrl-C is how it is meant to end; before, something was cut off.
        return 0 if is_ready else _EXIT_INTERRUPTED + interrupted.signal_number


if __name__ == "__main__":
    sys.exit(main())
