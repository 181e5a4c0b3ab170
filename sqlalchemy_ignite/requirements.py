"""What SQLAlchemy's own test suite may expect of Ignite: ``sqlalchemy.testing`` imports this module.

Each requirement that is closed here, or left closed, has the server's own reason.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

__all__ = ["Requirements"]


def _open() -> Any:
    return property(lambda self: exclusions.open())


def _closed(why: str) -> Any:
    return property(lambda self: exclusions.closed(why))


class Requirements(SuiteRequirements):
    """The requirements of the suite that the server with both engines meets."""

    # -- what is there ------------------------------------------------------------------------------------------------

    create_table_as = _open()  # Calcite has it
    table_ddl_if_exists = _open()
    foreign_key_ddl = _open()  # the dialect leaves them out, with a warning
    reflect_table_options = _open()
    index_ddl_if_exists = _open()
    uuid_data_type = _open()
    table_value_constructor = _open()
    boolean_col_expressions = _open()
    nullsordering = _open()
    intersect = _open()
    except_ = _open()
    ctes = _open()
    ctes_with_values = _open()  # Calcite has it
    tuple_in = _open()
    views = _open()
    implicit_default_schema = _open()
    unicode_ddl = _open()
    datetime_literals = _open()
    timestamp_microseconds = _open()  # the H2 engine keeps them
    datetime_historic = _open()
    date_historic = _open()
    precision_numerics_enotation_small = _open()
    precision_numerics_many_significant_digits = _open()
    precision_numerics_retains_significant_digits = _open()  # the dialect pads to the scale
    server_defaults = _open()  # constants
    infinity_floats = _open()
    mod_operator_as_percent_sign = _open()
    percent_schema_names = _open()
    regexp_match = _open()  # the H2 engine has it
    regexp_replace = _open()
    fetch_first = _open()
    fetch_no_order_by = _open()
    fetch_expression = _open()  # the H2 engine has it
    supports_bitwise_or = _open()  # as BITOR()
    supports_bitwise_and = _open()  # as BITAND()
    supports_bitwise_xor = _open()  # as BITXOR()
    supports_bitwise_not = _open()  # in arithmetics
    like_escapes = _open()
    aggregate_order_by = _open()
    order_by_label_with_expression = _open()
    ctes_with_update_delete = _open()
    skip_autocommit_rollback = _open()
    autoincrement_insert = _open()  # from an atomic long
    autoincrement_without_sequence = _open()
    implements_get_lastrowid = _open()
    emulated_lastrowid = _open()
    empty_inserts = _open()  # of a table with a generated key
    empty_inserts_executemany = _open()
    insert_order_dicts = _open()

    # -- what is not there --------------------------------------------------------------------------------------------

    foreign_keys = _closed("Ignite has no foreign keys")
    foreign_key_constraint_reflection = _closed("Ignite has no foreign keys")
    self_referential_foreign_keys = _closed("Ignite has no foreign keys")
    on_update_cascade = _closed("Ignite has no foreign keys")
    recursive_fk_cascade = _closed("Ignite has no foreign keys")
    repeated_column_foreign_keys = _closed("Ignite has no foreign keys")
    named_constraints = _closed("the name of a primary key is not kept, and there are no other constraints")
    implicitly_named_constraints = _closed("the name of a primary key is not kept, and there are no other constraints")
    unique_constraint_reflection = _closed("Ignite has no UNIQUE")
    unusual_column_name_characters = _closed(
        "what follows a dot in the name of a column is cut off, so that the dialect refuses it"
    )
    symbol_names_w_double_quote = _closed(
        "a name with a double quote makes a table that cannot be dropped; the dialect refuses it"
    )
    create_or_replace_view = _closed("both engines keep reading the old view in statements that ran before")
    json_type = _closed("there is no JSON type and nothing that reads paths; the dialect keeps JSON as text")
    date_coerces_from_datetime = _closed("the driver sends no datetime as a DATE, which would lose the time of day")
    create_temp_table_as = _closed("0A000: GLOBAL TEMPORARY keyword is not supported")
    temporary_views = _closed("there are no temporary views")
    materialized_views = _closed("there are no materialized views")
    window_functions = _closed("neither engine runs OVER")
    ctes_on_dml = _closed("a common table expression holds a query only")
    savepoints = _closed("Ignite has no savepoints")
    two_phase_transactions = _closed("Ignite has no two-phase commit over SQL")
    identity_columns = _closed("0A000: AUTO_INCREMENT columns are not supported")
    computed_columns = _closed("0A000: Computed columns are not supported")
    expression_server_defaults = _closed("42000: Non-constant DEFAULT expressions are not supported")
    check_constraint_reflection = _closed("0A000: Column CHECK constraints are not supported")
    reflects_pk_names = _closed("the name of a primary key is not kept")
    reflect_tables_no_columns = _closed("a table has columns")
    comment_reflection = _closed("comments are read and forgotten")
    column_collation_reflection = _closed("COLLATE is not parsed")
    schema_create_delete = _closed("schemas are named in the node's configuration")
    cross_schema_fk_reflection = _closed("Ignite has no foreign keys")
    deferrable_fks = _closed("Ignite has no foreign keys")
    indexes_with_expressions = _closed("an index has columns only")
    index_reflects_included_columns = _closed("an index has no included columns")
    nvarchar_types = _closed("NVARCHAR is VARCHAR")
    datetime_timezone = _closed("there is no TIMESTAMP WITH TIME ZONE")
    time_timezone = _closed("there is no TIME WITH TIME ZONE")
    datetime_interval = _closed("there is no type INTERVAL for columns")
    array_type = _closed("there is no type ARRAY for columns")
    update_from = _closed("UPDATE … FROM is not parsed")
    delete_from = _closed("DELETE … USING is not parsed")
    order_by_collation = _closed("COLLATE is not parsed")
    supports_distinct_on = _closed("DISTINCT ON is not parsed")
    supports_bitwise_shift = _closed("neither engine has a shift")
    fetch_percent = _closed("FETCH … PERCENT is not parsed")
    fetch_ties = _closed("FETCH … WITH TIES is not parsed")
    fetch_offset_with_options = _closed("FETCH … WITH TIES is not parsed")
    temporary_tables = _closed("0A000: GLOBAL TEMPORARY keyword is not supported")
    temp_table_reflection = _closed("there are no temporary tables")
    default_schema_name_switch = _closed("the schema is an option of the connection")
    time_microseconds = _closed("a TIME has milliseconds")
    float_is_numeric = _closed("DOUBLE and DECIMAL are different Java types")
    tuple_in_w_empty = _closed("the H2 engine has no subqueries of several columns")
    autocommit = _closed("the suite wants a default level other than AUTOCOMMIT, and its tables take part in no other")

    @property
    def isolation_level(self) -> Any:
        """Two levels, where the server has transactions over SQL."""

        def has_transactions(config: Any) -> bool:
            with config.db.connect() as connection:
                return "TRANSACTION_AWARE_QUERIES" in connection.connection.dbapi_connection.features

        return exclusions.only_if(has_transactions, "the server has no transactions over SQL")

    @property
    def server_side_cursors(self) -> Any:
        """Cursors of the blocking driver fetch page by page, each of them: there is no other kind to tell them from."""
        return self.async_dialect

    @property
    def async_dialect(self) -> Any:
        """Whether the suite runs over asyncio."""
        return exclusions.only_if(lambda config: config.db.dialect.is_async)
