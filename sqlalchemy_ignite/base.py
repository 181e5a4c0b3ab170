"""The dialect itself: connecting, capabilities, and executing a statement where it belongs."""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False
# SQLAlchemy's default dialect carries few annotations.

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from sqlalchemy import exc, util
from sqlalchemy.engine import URL, Connection, reflection
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.engine.interfaces import BindTyping, ConnectArgsType
from sqlalchemy.schema import CreateSequence, CreateTable, DropSequence, DropTable, Index, Table

from sqlalchemy_ignite import engines, keys
from sqlalchemy_ignite.compiler import IgniteCompiler
from sqlalchemy_ignite.ddl import INDEX_OPTIONS, TABLE_OPTIONS, IgniteDDLCompiler
from sqlalchemy_ignite.engines import ENGINE_OPTIONS, Choice, ServerEngines, ServerFacts
from sqlalchemy_ignite.identifiers import IgniteIdentifierPreparer
from sqlalchemy_ignite.keys import Counter, Generator, KeyBlocks
from sqlalchemy_ignite.reflection import CATALOGUE, IgniteReflection
from sqlalchemy_ignite.type_compiler import IgniteTypeCompiler
from sqlalchemy_ignite.types import COLSPECS

__all__ = ["EXECUTION_OPTIONS", "IgniteDialect", "IgniteExecutionContext"]

#: Schema (None: the current one) and name of a table.
_Table = tuple[str | None, str]

#: The execution options that go to the driver, and the keywords of its ``execute`` that they become.
EXECUTION_OPTIONS: Mapping[str, str] = {
    "ignite_timeout": "timeout",
    "ignite_page_size": "page_size",
    "ignite_lazy": "lazy",
    "ignite_schema": "schema",
    "ignite_distributed_joins": "distributed_joins",
    "ignite_enforce_join_order": "enforce_join_order",
    "ignite_collocated": "collocated",
    "ignite_local": "local",
    "ignite_partitions": "partitions",
    "ignite_ordered": "ordered",
}


def _check_engine(value: Any, where: str) -> str:
    if isinstance(value, str) and value.lower() in ENGINE_OPTIONS:
        return value.lower()
    raise exc.ArgumentError(f"{where}={value!r} is not one of {', '.join(map(repr, ENGINE_OPTIONS))}")


def _level(autocommit: bool) -> str:
    return "AUTOCOMMIT" if autocommit else "READ COMMITTED"


def _may_leave_transaction(dbapi_connection: Any, execution_options: Mapping[str, Any]) -> bool:
    return CATALOGUE in execution_options and not dbapi_connection.in_transaction


class IgniteExecutionContext(DefaultExecutionContext):
    """Carries what was decided for a statement to the cursor that runs it."""

    dialect: IgniteDialect
    #: What generated numbers among the parameters.
    counters: frozenset[Counter] = frozenset()

    @classmethod
    def _init_compiled(  # type: ignore[override]
        cls,
        dialect: IgniteDialect,
        connection: Any,
        dbapi_connection: Any,
        execution_options: Any,
        compiled: IgniteCompiler,
        parameters: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        option = dialect.engine_option(dbapi_connection, execution_options)
        compiled = compiled.sibling(option)
        if option != "node" and compiled.choice is not None and compiled.choice.vocabulary is engines.H2:
            facts = compiled.facts
            translated = execution_options.get("schema_translate_map") or {}
            current = execution_options.get("ignite_schema")

            def located(table: _Table) -> _Table:
                return translated.get(table[0], table[0]) or current, table[1]

            told = dialect.server_facts(
                dbapi_connection,
                {located(table) for table in facts.tables},
                inserts_into=None if facts.inserts_into is None else located(facts.inserts_into),
            )
            if told is not None:
                compiled = compiled.sibling(option, told)
        counters = {
            name: dialect.counter_of(dbapi_connection, generator, execution_options)
            for name, generator in compiled.generated.items()
        }
        if counters:
            parameters = keys.parameter_values(
                counters,
                parameters,
                lambda counter, count: dialect.key_blocks.next_values(dbapi_connection, counter, count),
            )
        self: Any = super()._init_compiled(
            dialect, connection, dbapi_connection, execution_options, compiled, parameters, *args, **kwargs
        )
        self.counters = frozenset(counters.values())
        return self

    def fire_sequence(self, seq: Any, type_: Any) -> int:
        """Return the next value of a sequence."""
        counter = self._counter_of_sequence(seq)
        try:
            (value,) = self.dialect.key_blocks.next_values(self._dbapi_connection, counter, 1)
        except self.dialect.loaded_dbapi.Error as error:
            # Outside of a statement nobody else makes SQLAlchemy's error of it.
            self.root_connection._handle_dbapi_exception(error, None, None, None, None)
        return value

    def get_lastrowid(self) -> Any:
        """Return the key of the last row that was inserted, given or generated; None for a key not of whole numbers."""
        compiled: Any = self.compiled
        column = compiled.compile_state.dml_table._autoincrement_column if self.isinsert else None
        if column is None:
            return None
        return self.compiled_parameters[-1].get(compiled._within_exec_param_key_getter(column))

    def _counter_of_sequence(self, sequence: Any) -> Counter:
        return self._counter(Generator.of_sequence(sequence))

    def _counter(self, generator: Generator) -> Counter:
        return self.dialect.counter_of(self._dbapi_connection, generator, self.execution_options)

    def run_without_sql(self) -> bool:
        """Do what the statement says, if it is DDL of sequences; return whether it was."""
        element = self.compiled.statement if self.isddl and self.compiled is not None else None
        if not isinstance(element, (CreateSequence, DropSequence)):
            return False
        counter = self._counter_of_sequence(element.element)
        blocks = self.dialect.key_blocks
        exists = blocks.exists(self._dbapi_connection, counter)
        if isinstance(element, CreateSequence):
            if not exists:
                blocks.create(self._dbapi_connection, counter, anew=False)
            elif not element.if_not_exists:
                raise self.dialect.loaded_dbapi.ProgrammingError(f"{counter.describe()} exists already")
        elif exists:
            blocks.remove(self._dbapi_connection, counter)
        elif not element.if_exists:
            raise self.dialect.loaded_dbapi.ProgrammingError(f"{counter.describe()} does not exist")
        return True

    def note_tables(self) -> None:
        """Make and remove the counters of tables that the statement has created and dropped."""
        element: Any = self.compiled.statement if self.isddl and self.compiled is not None else None
        if not isinstance(element, (CreateTable, DropTable)):
            return
        table = element.element
        blocks = self.dialect.key_blocks
        try:
            if isinstance(element, DropTable):
                generator = Generator(table.schema, table.name, column="")
                blocks.remove(self._dbapi_connection, self._counter(generator))
                return
            column = keys.generated_column(table)
            if column is not None:
                counter = self._counter(Generator.of_column(column))
                blocks.create(self._dbapi_connection, counter, anew=not element.if_not_exists)
        except self.dialect.loaded_dbapi.NotSupportedError as error:
            # Such a server has tables all the same; what it lacks matters to those who give no key.
            if getattr(error, "code", None) != "no_atomic_longs":
                raise

    def note_given_keys(self) -> None:
        """Note the keys that rows came with, so that those generated later are others."""
        compiled: Any = self.compiled
        if compiled is None or self.isddl or compiled.given_keys is None:
            return
        column, generator = compiled.given_keys
        name = compiled._within_exec_param_key_getter(column)
        # The rows of values([…, …]) are numbered.
        names = [one for one in self.compiled_parameters[0] if one == name or one.startswith(f"{name}_m")]
        given = (parameters[one] for parameters in self.compiled_parameters for one in names)
        numbers = [value for value in given if isinstance(value, int)]
        if numbers:
            self.dialect.key_blocks.note_given(self._counter(generator), max(numbers))

    def note_failure(self, error: Any) -> None:
        """Doubt the counters of a statement that had a generated key twice."""
        if isinstance(error, self.dialect.loaded_dbapi.IntegrityError):
            for counter in self.counters:
                self.dialect.key_blocks.suspect(counter)

    def _prepare_set_input_sizes(self) -> Any:
        # SQLAlchemy leaves text() alone here; but the types that its bindparams() were given matter as much.
        if self.is_text and self.compiled is not None and not self.isddl:
            self.is_text = False
            try:
                return super()._prepare_set_input_sizes()
            finally:
                self.is_text = True
        return super()._prepare_set_input_sizes()

    def _choice(self, statement: str) -> Choice:
        compiled: Any = self.compiled
        if compiled is not None and not self.is_text and statement == self.statement and compiled.choice is not None:
            return compiled.choice  # type: ignore[no-any-return]
        option = self.dialect.engine_option(self._dbapi_connection, self.execution_options)
        told = None
        if option in ("auto", "h2"):
            tables = engines.read_text(statement).tables
            told = self.dialect.server_facts(self._dbapi_connection, tables, as_on_server=True)
        return engines.choose_for_text(option, self.dialect.server_engines, statement, told)

    def is_about_tables(self, statement: str) -> bool:
        """Return whether `statement` is DDL, be it given as text."""
        if self.isddl:
            return True
        is_text = self.compiled is None or self.is_text
        return is_text and engines.read_text(statement).verb in ("CREATE", "DROP", "ALTER")

    def cursor_options(self, statement: str) -> dict[str, Any]:
        """Return the keywords of the driver's ``execute`` for `statement`."""
        given = self.execution_options
        options = {keyword: given[name] for name, keyword in EXECUTION_OPTIONS.items() if name in given}
        choice = self._choice(statement)
        if choice.needs_one_node and "partitions" not in options:
            self._check_one_node()
        if choice.query_engine is not None:
            options["query_engine"] = choice.query_engine
        # The server takes partitions and distributed joins only one without the other; who names partitions knows
        # where the rows are.
        if choice.distributed_joins and "partitions" not in options:
            options.setdefault("distributed_joins", True)
        if self._is_server_side:
            options.setdefault("lazy", True)
        return options

    def _check_one_node(self) -> None:
        # Asked each time: a cluster grows while connections live on.
        cursor = self._dbapi_connection.cursor()
        try:
            cursor.execute("SELECT COUNT(*) FROM SYS.NODES WHERE IS_CLIENT = FALSE", ())
            ((nodes,),) = cursor.fetchall()
        finally:
            cursor.close()
        if nodes > 1:
            raise self.dialect.loaded_dbapi.NotSupportedError(
                "The statement has a subquery (IN, EXISTS or a scalar one) over a table that is not known to be "
                f"replicated. The H2 engine of this cluster of {nodes} nodes would let each node look for its "
                "rows among "
                "its own only, and silently lose or invent rows. Write it as a join; or give the nodes the Calcite "
                "engine; or make the table replicated (ignite_template='replicated'); or, if the rows are "
                "collocated, say "
                "so with execution_options(ignite_engine='node')."
            )

    def check(self) -> None:
        """Raise the driver's error for a statement that renders but that the server would refuse or misread."""
        compiled: Any = self.compiled
        if compiled is None or self.isddl:
            return
        dbapi = self.dialect.loaded_dbapi
        if compiled.refused is not None:
            raise dbapi.NotSupportedError(compiled.refused)
        if self.isinsert and compiled._key_columns:
            getter = compiled._within_exec_param_key_getter
            names = [(column, getter(column)) for column in compiled._key_columns]
            for parameters in self.compiled_parameters:
                for column, name in names:
                    # A key of several columns may have a NULL in it on the server, and can then hardly be found again.
                    if name in parameters and parameters[name] is None:
                        raise dbapi.IntegrityError(
                            f"INSERT into {column.table.fullname!r}: the key column {column.name!r} is None. Give a "
                            "value; or leave the column out, where its values are generated or have a default in "
                            "Python: Column(…, default=…)"
                        )

    def create_server_side_cursor(self) -> Any:
        """Return a cursor that keeps no more than the pages under way; the driver's cursors all do."""
        return self._dbapi_connection.cursor()


class IgniteDialect(IgniteReflection):
    """SQLAlchemy dialect for Apache Ignite 2.x over the thin client protocol.

    :param engine: which SQL engine statements go to: ``"auto"`` (default) lets the dialect choose per statement so that
        rows are right; ``"h2"`` and ``"calcite"`` fix the engine; ``"node"`` leaves everything to the node.
    :param strict_ddl: refuse what Ignite has not (UNIQUE, FOREIGN KEY, CHECK, …) instead of leaving it out with a
        warning.
    :param key_block_size: how many generated keys, and values of a sequence, are taken from the cluster at once.
    """

    name = "ignite"
    driver = "ignite_dbapi"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    max_identifier_length = 128
    requires_name_normalize = True
    bind_typing = BindTyping.SETINPUTSIZES

    execution_ctx_cls = IgniteExecutionContext
    statement_compiler = IgniteCompiler  # type: ignore[assignment]
    ddl_compiler = IgniteDDLCompiler
    type_compiler_cls = IgniteTypeCompiler
    preparer = IgniteIdentifierPreparer
    colspecs = COLSPECS
    construct_arguments = [  # noqa: RUF012 - declared by SQLAlchemy as an instance's
        (Table, dict.fromkeys(TABLE_OPTIONS)),
        (Index, dict.fromkeys(INDEX_OPTIONS)),
    ]

    # False, so that foreign keys of tables that refer to each other are not sent as ALTER TABLE … ADD CONSTRAINT.
    supports_alter = False
    supports_schemas = True
    supports_views = True
    # An optional one is not needed, keys are generated without it.
    supports_sequences = True
    sequences_optional = True
    postfetch_lastrowid = False
    # The compiler sees to it, for statements of many rows as well.
    preexecute_autoincrement_sequences = False
    insert_returning = False
    update_returning = False
    delete_returning = False
    use_insertmanyvalues = False
    supports_default_values = False
    supports_default_metavalue = False
    supports_empty_insert = False
    supports_multivalues_insert = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_enum = False
    supports_native_uuid = True
    returns_native_bytes = True
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = True
    supports_server_side_cursors = True
    supports_is_distinct_from = True
    supports_comments = False
    div_is_floordiv = True
    tuple_in_values = False
    cte_follows_insert = True
    default_schema_name = "public"

    engine: str
    strict_ddl: bool
    key_block_size: int
    key_blocks: KeyBlocks
    server_engines: ServerEngines = engines.UNKNOWN_SERVER

    def __init__(
        self,
        # Not keyword-only: create_engine() would not find them.
        engine: str | None = None,
        strict_ddl: bool | None = None,
        key_block_size: int | None = None,
        json_serializer: Callable[[Any], str] | None = None,
        json_deserializer: Callable[[str], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # JSON is text to the server; these are what SQLAlchemy's JSON type asks the dialect for.
        self._json_serializer = json_serializer
        self._json_deserializer = json_deserializer
        self._given_engine = None if engine is None else _check_engine(engine, "engine")
        self._given_strict_ddl = strict_ddl
        self.engine = self._given_engine or "auto"
        self.strict_ddl = bool(strict_ddl)
        self._given_key_block_size = None if key_block_size is None else keys.check_block_size(key_block_size)
        self.key_block_size = self._given_key_block_size or keys.DEFAULT_BLOCK_SIZE
        self.key_blocks = KeyBlocks(self)
        self._view_bodies: dict[tuple[_Table, bool], str | None] = {}
        self._without_key: dict[_Table, bool] = {}
        super().__init__(**kwargs)

    # -- the driver ---------------------------------------------------------------------------------------------------

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """Return the driver."""
        import ignite_dbapi

        return ignite_dbapi

    def retrieve_dbapi_version(self, dbapi: Any) -> Any:
        """Return the driver's version (SQLAlchemy 2.1)."""
        return util.parse_version_string(dbapi.__version__)

    def create_connect_args(self, url: URL) -> ConnectArgsType:
        """Return the driver's options from ``ignite://user:password@host:port/SCHEMA?option=value``.

        ``engine``, ``strict_ddl`` and ``key_block_size`` stay here; a keyword of `create_engine` wins over the URL.
        Several nodes are written as ``?host=first:10800&host=second:10800``.
        """
        query = dict(url.query)
        engine = query.pop("engine", None)
        strict_ddl = query.pop("strict_ddl", None)
        key_block_size = query.pop("key_block_size", None)
        options: dict[str, Any] = {
            name: value for name, value in (("user", url.username), ("password", url.password)) if value is not None
        }
        hosts = query.pop("host", ())
        addresses = [hosts] if isinstance(hosts, str) else list(hosts)
        if addresses:
            if url.host:
                raise exc.ArgumentError(
                    f"the URL names the host {url.host!r} and hosts in its query: name all of them in the query, as in "
                    "ignite:///PUBLIC?host=first:10800&host=second:10800"
                )
            options["addresses"] = addresses
        elif url.host:
            options["host"] = f"[{url.host}]" if ":" in url.host and url.port is None else url.host
        if url.port is not None:
            options["port"] = url.port
        if url.database:
            options["schema"] = url.database
        for name, value in query.items():
            if not isinstance(value, str):
                raise exc.ArgumentError(f"the option {name!r} stands {len(value)} times in the URL")
            options[name] = value
        if engine is None and self._given_engine is None and "query_engine" in options:
            # The driver's option fixes the engine of each statement, so it must be known here.
            engine = options["query_engine"]
        options.pop("query_engine", None)
        if self._given_engine is None and engine is not None:
            self.engine = _check_engine(engine, "engine")
        if self._given_strict_ddl is None and strict_ddl is not None:
            self.strict_ddl = util.asbool(strict_ddl)
        if self._given_key_block_size is None and key_block_size is not None:
            self.key_block_size = keys.check_block_size(key_block_size)
        return ((), options)

    def on_connect(self) -> None:
        """Return no hook: a connection needs nothing said."""
        return

    def initialize(self, connection: Connection) -> None:
        """Learn from the first connection what the server is."""
        dbapi_connection: Any = connection.connection.dbapi_connection
        self.server_engines = ServerEngines(
            available=frozenset(dbapi_connection.query_engines()),
            default=dbapi_connection.default_query_engine(),
        )
        super().initialize(connection)

    def _get_server_version_info(self, connection: Connection) -> tuple[int, ...]:
        dbapi_connection: Any = connection.connection.dbapi_connection
        version: str = dbapi_connection.server_version()
        return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())

    def _get_default_schema_name(self, connection: Connection) -> str:
        dbapi_connection: Any = connection.connection.dbapi_connection
        return str(self.normalize_name(dbapi_connection.schema))

    # -- the connection -----------------------------------------------------------------------------------------------

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask the server for a sign of life."""
        dbapi_connection.ping()
        return True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return whether the driver says that the connection is lost."""
        return bool(getattr(e, "is_connection_lost", False) or getattr(connection, "is_connection_lost", False))

    def get_isolation_level_values(self, dbapi_conn: Any) -> Sequence[Any]:
        """Return AUTOCOMMIT, and the one level that SQL transactions have; a server may still not have those."""
        return ("AUTOCOMMIT", "READ COMMITTED")

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """Return the level of a connection."""
        return _level(dbapi_connection.autocommit)

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Return the level that the driver's option ``autocommit`` gives to new connections."""
        return _level(dbapi_conn.options.autocommit)

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Set the level of a connection; a server without transactions over SQL raises NotSupportedError."""
        try:
            dbapi_connection.autocommit = level == "AUTOCOMMIT"
        except self.loaded_dbapi.NotSupportedError as error:
            # SQLAlchemy wraps the errors of statements only.
            raise exc.NotSupportedError(None, None, error) from error

    def reset_isolation_level(self, dbapi_conn: Any) -> None:
        """Set the level that the engine, or else the driver, gives to new connections."""
        # SQLAlchemy's own asserts that an engine's level is AUTOCOMMIT or the driver's; here it is neither.
        level = self._on_connect_isolation_level or self.get_default_isolation_level(dbapi_conn)
        self._assert_and_set_isolation_level(dbapi_conn, level)

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        """Return whether each statement takes effect by itself."""
        return bool(dbapi_conn.autocommit)

    def do_savepoint(self, connection: Connection, name: str) -> None:
        """Refuse a savepoint."""
        raise exc.InvalidRequestError("Ignite has no savepoints: begin_nested() cannot be used.")

    def do_begin_twophase(self, connection: Connection, xid: Any) -> None:
        """Refuse two-phase commit."""
        raise exc.InvalidRequestError("Ignite has no two-phase commit over SQL: begin_twophase() cannot be used.")

    def engine_option(self, dbapi_connection: Any, execution_options: Mapping[str, Any]) -> str:
        """Return the engine option of a statement. SQL in transactions is Calcite's alone."""
        given = execution_options.get("ignite_engine")
        option = self.engine if given is None else _check_engine(given, "ignite_engine")
        if dbapi_connection.autocommit or _may_leave_transaction(dbapi_connection, execution_options):
            return option
        if option == "h2":
            raise self.loaded_dbapi.NotSupportedError(
                "engine='h2' was asked for, but the isolation level is READ COMMITTED, and only the Calcite engine "
                "runs SQL in transactions: use isolation_level='AUTOCOMMIT', or leave the engine to the dialect"
            )
        return "calcite"

    @contextlib.contextmanager
    def _outside_transaction(self, context: Any, statement: str) -> Iterator[None]:
        """Let DDL and the dialect's own questions run by themselves while no transaction is open.

        They take effect at once anyway; but in transactional mode the driver sends everything to Calcite, which cannot
        create each table, nor tell all of the system views.
        """
        dbapi_connection = getattr(context._dbapi_connection, "dbapi_connection", context._dbapi_connection)
        leaves = not dbapi_connection.autocommit and not dbapi_connection.in_transaction
        if leaves and (CATALOGUE in context.execution_options or context.is_about_tables(statement)):
            dbapi_connection.autocommit = True
            try:
                yield
            finally:
                dbapi_connection.autocommit = False
        else:
            yield

    # -- what the server knows of tables ------------------------------------------------------------------

    def server_facts(
        self,
        dbapi_connection: Any,
        tables: Iterable[_Table],
        *,
        inserts_into: _Table | None = None,
        as_on_server: bool = False,
    ) -> ServerFacts | None:
        """Return what the server tells of the tables of a statement; None if that changes nothing.

        A view hides its joins from who reads it, and metadata may not know of a table's key. Each name is looked up
        once; DDL through this dialect forgets them.
        """
        bodies = []
        for table in tables:
            key = (table, as_on_server)
            if key not in self._view_bodies:
                self._view_bodies[key] = self._look_up_view(
                    dbapi_connection, *self._named(dbapi_connection, table, as_on_server)
                )
            body = self._view_bodies[key]
            if body is not None:
                bodies.append(body)
        without_key = False
        if inserts_into is not None:
            if inserts_into not in self._without_key:
                self._without_key[inserts_into] = self._look_up_key(
                    dbapi_connection, *self._named(dbapi_connection, inserts_into, as_on_server)
                )
            without_key = self._without_key[inserts_into]
        return ServerFacts.of(bodies, inserts_without_key=without_key) if bodies or without_key else None

    def _forget_tables(self) -> None:
        self._view_bodies.clear()
        self._without_key.clear()

    def _named(self, dbapi_connection: Any, table: _Table, as_on_server: bool) -> tuple[str, str]:
        schema, name = table
        if schema is None:
            schema = dbapi_connection.schema
        elif not as_on_server:
            schema = self.name_on_server(schema)
        return schema, name if as_on_server else self.name_on_server(name)

    def counter_of(self, dbapi_connection: Any, generator: Generator, execution_options: Mapping[str, Any]) -> Counter:
        """Return the counter of the cluster that serves a table or a sequence, where the statement looks for it."""
        translated = execution_options.get("schema_translate_map") or {}
        schema = translated.get(generator.schema, generator.schema) or execution_options.get("ignite_schema")
        return generator.on_server(*self._named(dbapi_connection, (schema, generator.name), False))

    def _look_up(self, dbapi_connection: Any, sql: str, *parameters: str) -> Any:
        cursor = dbapi_connection.cursor()
        try:
            cursor.execute(sql, parameters)
            return cursor.fetchone()
        finally:
            cursor.close()

    def _look_up_view(self, dbapi_connection: Any, schema: str, name: str) -> str | None:
        if not self._has_views or schema in ("SYS", "INFORMATION_SCHEMA"):
            return None
        row = self._look_up(dbapi_connection, "SELECT SQL FROM SYS.VIEWS WHERE SCHEMA = ? AND NAME = ?", schema, name)
        return None if row is None else str(row[0])

    def _look_up_key(self, dbapi_connection: Any, schema: str, name: str) -> bool:
        row = self._look_up(
            dbapi_connection,
            "SELECT KEY_TYPE_NAME, KEY_ALIAS FROM SYS.TABLES WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
            schema,
            name,
        )
        return row is not None and row[0] == "org.apache.ignite.lang.IgniteUuid" and row[1] is None

    # -- sequences ----------------------------------------------------------------------------------------------------

    @reflection.cache
    def get_sequence_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the sequences of a schema that the node knows of: those that it has had a part in."""
        prefix = keys.sequence_prefix(self._schema_on_server(schema))
        try:
            rows = self._ask(connection, "SELECT NAME FROM SYS.DS_ATOMICLONGS")
        except exc.ProgrammingError:
            # Servers without this view have no sequences either.
            return []
        names = [row[0] for row in rows if row[0].startswith(prefix)]
        return sorted(self.normalize_name(name[len(prefix) + 1 : -1]) for name in names)

    @reflection.cache
    def has_sequence(self, connection: Connection, sequence_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether a sequence of this name is there."""
        dbapi_connection: Any = connection.connection
        generator = Generator(schema, sequence_name)
        counter = self.counter_of(dbapi_connection, generator, connection.get_execution_options())
        try:
            return self.key_blocks.exists(dbapi_connection, counter)
        except self.loaded_dbapi.NotSupportedError:
            # A server without atomic longs has no sequences.
            return False

    # -- execution ----------------------------------------------------------------------------------------------------

    def do_set_input_sizes(self, cursor: Any, list_of_tuples: Any, context: Any) -> None:
        """Tell the driver the exact type of each parameter."""
        cursor.setinputsizes([size for _, size, _ in list_of_tuples])

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement on the engine that was chosen for it."""
        if context is None:
            cursor.execute(statement, parameters)
            return
        context.check()
        if context.run_without_sql():
            return
        try:
            with self._outside_transaction(context, statement):
                cursor.execute(statement, parameters, **context.cursor_options(statement))
        except self.loaded_dbapi.Error as error:
            context.note_failure(error)
            if "Failed to prepare distributed join query" not in str(error):
                raise
            raise self.loaded_dbapi.NotSupportedError(
                f"{error}\n(The rows of these tables lie on different nodes, or in different partitions, and the H2 "
                "engine can bring them together only over an index: create one on the joined column; or make "
                "the smaller "
                "table replicated, with ignite_template='replicated'; or give the node the Calcite engine; "
                "or, if the rows "
                "are collocated, say so with execution_options(ignite_engine='node').)",
                sqlstate=getattr(error, "sqlstate", None),
                status=getattr(error, "status", None),
                code=getattr(error, "code", None),
            ) from error
        if context.is_about_tables(statement):
            self._forget_tables()
            context.note_tables()
        context.note_given_keys()

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Run a statement without parameters on the engine that was chosen for it."""
        if context is None:
            cursor.execute(statement)
            return
        if context.run_without_sql():
            return
        with self._outside_transaction(context, statement):
            cursor.execute(statement, **context.cursor_options(statement))
        if context.is_about_tables(statement):
            self._forget_tables()
            context.note_tables()

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement for each set of parameters on the engine that was chosen for it."""
        if context is None:
            cursor.executemany(statement, parameters)
            return
        context.check()
        try:
            cursor.executemany(statement, parameters, **context.cursor_options(statement))
        except self.loaded_dbapi.Error as error:
            context.note_failure(error)
            raise
        context.note_given_keys()
