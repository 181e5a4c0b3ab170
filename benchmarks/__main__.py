"""This driver, the raw wire, the JDBC thin driver and pyignite, side by side in one run.

``python -m benchmarks`` starts a node, fills a table, lets every contender do every work once to check that all
read the same, and then lets them take turns, round after round, in an order that changes; the first rounds warm up. It
prints and saves what each did in a second (the median of the rounds) and its ratio to the raw wire within the same
round, with the spread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from benchmarks import works

RESULTS = Path(__file__).parent / "results"
BASE = "raw"
# Rounds that are not counted, for the server to warm up.
_WARMING = 3


@attrs.frozen
class Contender:
    """Who takes part."""

    name: str
    title: str
    color: str
    environment: dict[str, str] = attrs.field(factory=dict)


CONTENDERS = (
    Contender("raw", "raw wire", "#999999"),
    Contender("compiled", "ignite-dbapi", "#1b7837"),
    Contender("interpreted", "ignite-dbapi, interpreted", "#7fbf7b", {"IGNITE_DBAPI_PURE": "1"}),
    Contender("jdbc", "JDBC thin driver", "#2166ac"),
    Contender("pyignite", "pyignite 0.6.1", "#b2182b"),
)


class Process:
    """A contender's process."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.is_ready = self._stdout.readline().strip() == "ready"

    def do(self, work: str) -> tuple[float, list[int] | None] | None:
        """Do *work*; seconds and checksum, None if the contender does not know such a work."""
        self._stdin.write(work + "\n")
        self._stdin.flush()
        line = self._stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended during {work!r}")
        answer = json.loads(line)
        return None if answer is None else (answer[0], answer[1])

    def close(self) -> None:
        """Let it end."""
        self._stdin.close()
        self._process.wait(30)


@contextmanager
def started(contender: Contender, address: tuple[str, int]) -> Iterator[Process | None]:
    """The process of *contender*; None if it cannot run here."""
    host, port = address
    if contender.name == "jdbc":
        command = jdbc_command(host, port)
    else:
        command = [sys.executable, "-m", "benchmarks.contenders", contender.name, host, str(port)]
    if command is None:
        yield None
        return
    process = Process(command, contender.environment)
    try:
        yield process if process.is_ready else None
    finally:
        process.close()


def jdbc_command(host: str, port: int) -> list[str] | None:
    """How to run the JDBC contender: from its source, which takes a JDK."""
    from ignite_dbapi.local.artifacts import fetch_jars
    from ignite_dbapi.local.java import find_java, module_options
    from ignite_dbapi.local.options import DEFAULT_IGNITE_VERSION

    java = find_java(DEFAULT_IGNITE_VERSION)
    if shutil.which("javac", path=str(java.path.parent)) is None:
        return None
    jars = os.pathsep.join(str(jar) for jar in fetch_jars(DEFAULT_IGNITE_VERSION))
    source = str(Path(__file__).with_name("Jdbc.java"))
    url = f"jdbc:ignite:thin://{host}:{port}"
    return [str(java.path), *module_options(java.major), "-cp", jars, source, url, works.insert_table("jdbc")]


def fill(url: str) -> None:
    """Make the tables."""
    import ignite_dbapi

    with ignite_dbapi.connect(url) as connection:
        for statement in works.create_statements([contender.name for contender in CONTENDERS]):
            connection.execute(statement)
        connection.cursor().executemany(
            f"INSERT INTO {works.TABLE} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", works.rows(works.ROWS)
        )


def measure(processes: dict[str, Process], chosen: list[works.Work], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds by work and contender, one for each round."""
    seconds: dict[str, dict[str, list[float]]] = {}
    for work in chosen:
        taking_part = {}
        checksums = {}
        for name, process in processes.items():
            outcome = process.do(work.name)
            if outcome is not None:
                taking_part[name] = process
                if outcome[1] is not None:
                    checksums[name] = outcome[1]
        if len({tuple(checksum) for checksum in checksums.values()}) > 1:
            raise SystemExit(f"{work.title}: the contenders did not read the same: {checksums}")
        times: dict[str, list[float]] = {name: [] for name in taking_part}
        for turn in range(-_WARMING, rounds):
            # Nobody comes always first, while the server still compiles, or always behind the same one's garbage.
            for name in random.sample(list(taking_part), len(taking_part)):
                outcome = taking_part[name].do(work.name)
                assert outcome is not None
                if turn >= 0:
                    times[name].append(outcome[0])
        seconds[work.name] = times
        print(f"{work.title}: measured", file=sys.stderr, flush=True)
    return seconds


def ratios(times: dict[str, list[float]], name: str) -> list[float]:
    """How fast *name* was in each round, as a share of the raw wire's speed in that round."""
    return [base / own for base, own in zip(times[BASE], times[name], strict=True)]


def table(seconds: dict[str, dict[str, list[float]]], chosen: list[works.Work], names: list[str]) -> str:
    """The results as a Markdown table."""
    titles = {contender.name: contender.title for contender in CONTENDERS}
    lines = [
        "| work | " + " | ".join(titles[name] for name in names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for work in chosen:
        cells = []
        for name in names:
            times = seconds[work.name].get(name)
            if times is None:
                cells.append("")
                continue
            cell = f"{work.count / statistics.median(times):,.0f}"
            if name != BASE:
                found = ratios(seconds[work.name], name)
                cell += f" · **{statistics.median(found):.2f}** ({min(found):.2f} to {max(found):.2f})"
            cells.append(cell)
        lines.append(f"| {work.title}, {work.unit}/s | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(seconds: dict[str, dict[str, list[float]]], chosen: list[works.Work], names: list[str], path: Path) -> None:
    """Bars of the ratios, with the spread as whiskers."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    contenders = [contender for contender in CONTENDERS if contender.name in names and contender.name != BASE]
    figure, axes = pyplot.subplots(figsize=(10, 0.9 * len(chosen) + 1.5))
    height = 0.8 / len(contenders)
    for position, contender in enumerate(contenders):
        places, widths, errors = [], [], []
        for line, work in enumerate(chosen):
            if contender.name in seconds[work.name]:
                found = ratios(seconds[work.name], contender.name)
                middle = statistics.median(found)
                places.append(line + (position - (len(contenders) - 1) / 2) * height)
                widths.append(middle)
                errors.append((middle - min(found), max(found) - middle))
        axes.barh(
            places,
            widths,
            height,
            xerr=[list(side) for side in zip(*errors, strict=True)],
            label=contender.title,
            color=contender.color,
            error_kw={"ecolor": "#333333", "elinewidth": 0.8},
        )
    axes.axvline(1, color="#999999", linewidth=1)
    axes.set_yticks(range(len(chosen)), [work.title for work in chosen])
    axes.invert_yaxis()
    axes.set_xlabel("speed, as a share of the raw wire's")
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--works", nargs="+", choices=[work.name for work in works.WORKS], metavar="WORK")
    parser.add_argument("--without", nargs="+", default=[], metavar="CONTENDER")
    parser.add_argument("--save", type=Path, default=RESULTS, metavar="DIRECTORY")
    arguments = parser.parse_args()
    chosen = [work for work in works.WORKS if arguments.works is None or work.name in arguments.works]
    from ignite_dbapi.local import LocalCluster

    with LocalCluster(heap="2g") as cluster, ExitStack() as stack:
        fill(cluster.url)
        processes = {}
        for contender in CONTENDERS:
            if contender.name in arguments.without:
                continue
            process = stack.enter_context(started(contender, cluster.addresses[0]))
            if process is None:
                print(f"{contender.title}: not available here, left out", file=sys.stderr)
            else:
                processes[contender.name] = process
        seconds = measure(processes, chosen, arguments.rounds)
    names = list(processes)
    heading = (
        f"Python {platform.python_version()}, {os.cpu_count()} cores, one node, {arguments.rounds} rounds in turns; "
        f"{works.ROWS:,} rows, pages of {works.PAGE:,}. In bold the ratio to the raw wire in the same round "
        "(median, lowest to highest)."
    )
    text = f"{heading}\n\n{table(seconds, chosen, names)}\n"
    print(text)
    arguments.save.mkdir(parents=True, exist_ok=True)
    (arguments.save / "speed.md").write_text(text, encoding="utf-8")
    (arguments.save / "speed.json").write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")
    plot(seconds, chosen, names, arguments.save / "speed.svg")


if __name__ == "__main__":
    main()
