"""The arrows between the rooms of the house point one way, and importing the driver is light."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import ignite_dbapi

# Where the packages are imported from: the tree, or an installation.
PACKAGE = Path(ignite_dbapi.__file__).parent
ROOT = PACKAGE.parent
SHELLS = {"connection", "cursor", "aio", "keyvalue", "arrow", "row_sources", ""}
IO_MODULES = {
    "socket",
    "threading",
    "asyncio",
    "ssl",
    "select",
    "selectors",
    "subprocess",
    "concurrent",
    "multiprocessing",
}

# Room: what of the package it may import. The room itself always may.
ALLOWED = {
    "errors": set(),
    "protocol": {"errors", "options"},
    "types": {"errors", "protocol"},
    "rows": {"types"},
    "options": {"errors"},
    "operations": {"errors", "options", "types", "protocol"},
    "cluster": {"errors", "options", "types", "protocol", "operations"},
    "transport": {"errors", "options", "types", "protocol", "cluster"},
    "atomic_long": {"operations", "protocol"},
    "arrow": {"errors", "protocol"},
    "row_sources": {"errors", "protocol"},
    "connection": {
        "atomic_long",
        "errors",
        "options",
        "types",
        "rows",
        "protocol",
        "operations",
        "cluster",
        "transport",
        "cursor",
        "keyvalue",
        "row_sources",
        "_version",
    },
    "keyvalue": {
        "errors",
        "options",
        "protocol",
        "operations",
        "cluster",
        "transport",
        "atomic_long",
        "connection",
        "aio",
        "_version",
    },
    "cursor": {"errors", "options", "types", "rows", "operations", "connection", "arrow"},
}
# Rooms without I/O, and what single modules of them need all the same.
WITHOUT_IO = {"errors", "protocol", "types", "rows", "operations", "cluster"}
EXCEPTIONS = {
    "cluster/connecting.py": {"ssl"},  # the classes of its exceptions, to explain them
    "operations/resources.py": {"threading"},  # a lock around counters, held for moments: nobody waits for I/O
}
PUBLIC_MODULES = {"", "types", "options", "errors", "aio"}


def imports(path: Path) -> Iterator[tuple[str, set[str]]]:
    """The modules that the file imports, anywhere in it, and the names that it takes from each."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, set()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not looked at here"
            yield node.module or "", {alias.name for alias in node.names}


def rooms_of(module: str, names: set[str]) -> set[str]:
    """The rooms of the package that an import reaches; '' is the package itself."""
    parts = module.split(".")
    if parts[0] != "ignite_dbapi":
        return set()
    if len(parts) > 1:
        return {parts[1]}
    inner = {name for name in names if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()}
    return inner | ({""} if names - inner or not names else set())


def sources(room: str) -> list[Path]:
    path = PACKAGE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [PACKAGE / f"{room}.py"]


def test_the_rooms_are_there() -> None:
    for room in ALLOWED:
        assert sources(room), room
        assert all(path.exists() for path in sources(room)), room


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows_point_one_way(room: str) -> None:
    for path in sources(room):
        for module, names in imports(path):
            reached = rooms_of(module, names) - {room}
            assert reached <= ALLOWED[room], f"{path.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("room", sorted(WITHOUT_IO))
def test_rooms_without_io(room: str) -> None:
    for path in sources(room):
        used = {module.partition(".")[0] for module, _ in imports(path)} & IO_MODULES
        excepted = EXCEPTIONS.get(path.relative_to(PACKAGE).as_posix(), set())
        assert used <= excepted, f"{path.relative_to(ROOT)} imports {used - excepted}"


def test_the_exceptions_are_used_for_what_they_are_for() -> None:
    used = {
        name: {
            ast.unparse(node)
            for node in ast.walk(ast.parse((PACKAGE / name).read_text()))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in modules
        }
        for name, modules in EXCEPTIONS.items()
    }
    assert used["operations/resources.py"] <= {"threading.RLock"}
    assert used["cluster/connecting.py"] <= {"ssl.SSLError", "ssl.SSLCertVerificationError"}


def test_the_dialect_sees_the_public_interface_only() -> None:
    public = {"ignite_dbapi." + name if name else "ignite_dbapi" for name in PUBLIC_MODULES}
    for path in sorted((ROOT / "sqlalchemy_ignite").rglob("*.py")):
        for module, names in imports(path):
            if module.partition(".")[0] == "ignite_dbapi":
                assert module in public, f"{path.relative_to(ROOT)} imports {module}"
                assert not any(name.startswith("_") for name in names)


def test_nothing_of_the_driver_needs_the_dialect_or_the_local_server() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        for module, names in imports(path):
            assert not module.startswith(("sqlalchemy", "pandas")), f"{path} imports {module}"
            if room != "local":
                assert "local" not in rooms_of(module, names), f"{path} imports {module}"


def _modules_after(statement: str) -> set[str]:
    # Python may have loaded these at its start, to find an editable installation for instance.
    forget = "[sys.modules.pop(name, None) for name in ('urllib.parse', 'zoneinfo')]"
    code = f"{forget}; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["pandas", "pyarrow", "numpy", "sqlalchemy", "sqlalchemy_ignite", "jgo", "rich", "asyncio", "cryptography", "hypothesis", "ssl", "zoneinfo", "urllib.parse", "ignite_dbapi.arrow", "ignite_dbapi.operations.batches", "ignite_dbapi.operations.inserts", "ignite_dbapi.protocol.codec.columns", "ignite_dbapi.protocol.codec.column_buffers", "ignite_dbapi.local", "ignite_dbapi.keyvalue", "ignite_dbapi.atomic_long"],  # noqa: E501
)  # fmt: skip
def test_importing_the_driver_is_light(module: str, loaded: set[str]) -> None:
    assert "ignite_dbapi.protocol.codec.reader" in loaded
    assert module not in loaded


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return _modules_after("import ignite_dbapi")


def test_nothing_reads_the_plans_of_this_project() -> None:
    plans = "/work/" + "shared"
    for folder in ("ignite_dbapi", "sqlalchemy_ignite", "tests", "examples", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            assert plans not in path.read_text(), path


def test_the_oldest_versions_are_tested() -> None:
    sources = Path(__file__).parents[2]  # not where the driver is installed
    project = tomllib.loads((sources / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"]]
    for extra in ("sqlalchemy", "asyncio", "pandas", "numpy", "arrow", "alembic", "local"):
        needed += extras[extra]
    lowest = set()
    for requirement in map(Requirement, needed):
        (version,) = (Version(one.version) for one in requirement.specifier if one.operator == ">=")
        lowest.add((requirement.name, version))
    tested = set()
    for line in (sources / "tests" / "oldest.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, _, version_text = line.partition("==")
            tested.add((name, Version(version_text)))
    assert tested == lowest
