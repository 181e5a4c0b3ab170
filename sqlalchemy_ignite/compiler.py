"""One compiler for both SQL engines: it renders a statement, sees what it is, and decides where it goes.

What a statement reads is known only once it is rendered (an ORM query becomes joins while it is compiled). So it is
rendered with the vocabulary of the engine that simple statements go to, the facts are noted on the way, and only when
they call for the other engine it is rendered once more. The result is cached by SQLAlchemy together with the choice.
"""

# mypy: disallow-untyped-calls=False, disable-error-code="override,no-any-return"
# SQLAlchemy's visitors carry no annotations, and name keywords that are none of this module's business.

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, util
from sqlalchemy import types as sqltypes
from sqlalchemy.schema import Table
from sqlalchemy.sql import compiler, elements, operators, selectable
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.expression import alias

from sqlalchemy_ignite import engines, types
from sqlalchemy_ignite.dml import EXCLUDED, OnConflict
from sqlalchemy_ignite.engines import CALCITE, Choice, Facts, ServerFacts
from sqlalchemy_ignite.keys import Generator, generated_column, sequence_type

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import Update

    from sqlalchemy_ignite.base import IgniteDialect

__all__ = ["IgniteCompiler"]

_SYSTEM_SCHEMAS = frozenset({"sys", "information_schema"})
_EXPANDING = re.compile(r"\(__\[POSTCOMPILE_([^\s~\]]+)\]\)")
# An INSERT after its table; a quoted name may hold anything but a quote.
_INSERT_PARTS = re.compile(r'\((?P<columns>(?:"[^"]*"|[^")])*)\) (?P<rows>.*)', re.DOTALL)
_COLUMN = re.compile(r'(?:"[^"]*"|[^",])+')
_NO_WINDOW_FUNCTIONS = "Ignite 2.x has no window functions (OVER): neither of its SQL engines runs them"


def _is_excluded(column: Any, value: Any) -> bool:
    """Return whether `value` is what the row that was to be inserted has in `column`."""
    return (
        isinstance(value, elements.ColumnClause)
        and isinstance(value.table, selectable.Alias)
        and value.table.name == EXCLUDED
        and value.key == column.key
    )


class IgniteCompiler(compiler.SQLCompiler):
    """Renders SQL for the engine that the statement goes to.

    :ivar option: the engine option that it was compiled under.
    :ivar choice: where the statement goes; None for a compiler without a statement.
    :ivar facts: what the statement turned out to be.
    :ivar refused: why the server would not take the statement although it renders; raised when it is executed.
    :ivar given_keys: for an INSERT that gives values for a key column which could be generated: the column, and what
        would generate them.
    """

    dialect: IgniteDialect
    option: str
    choice: Choice | None
    facts: Facts
    refused: str | None
    given_keys: tuple[Any, Generator] | None

    def __init__(self, dialect: IgniteDialect, statement: Any, *args: Any, **kwargs: Any) -> None:
        option: str = kwargs.pop("ignite_engine", dialect.engine)
        told: ServerFacts | None = kwargs.pop("ignite_told", None)
        arguments = (dialect, statement, args, kwargs)
        self.vocabulary = CALCITE
        if statement is None:
            # Used to render pieces of DDL. Stored text (a view's body) is read by either engine later on; Calcite's
            # casts are understood by both.
            self._forget(arguments, None)
            super().__init__(dialect, statement, *args, **kwargs)
            return
        choice = engines.choose(option, dialect.server_engines, Facts())
        # Facts can call for the other engine once; the second rendering says the same facts.
        for _ in range(2):
            self._forget(arguments, choice)
            super().__init__(dialect, statement, *args, **kwargs)
            self.option = option
            if told is not None:
                self._note(told)
            if self.isplaintext:
                # Text is not rendered in a vocabulary; where it goes is decided when it is executed.
                return
            chosen = engines.choose(option, dialect.server_engines, self.facts)
            same_words = chosen.vocabulary is choice.vocabulary
            choice = self.choice = chosen
            if same_words:
                return

    def _forget(self, arguments: tuple[Any, ...], choice: Choice | None) -> None:
        self.__dict__.clear()
        self._arguments = arguments
        self._siblings: dict[tuple[str, ServerFacts | None], IgniteCompiler] = {}
        self._depth_in_expression = 0
        self._wants_casts = False
        self._direct_values: set[elements.BindParameter[Any]] = set()
        self._casts_rows = False
        self._key_columns: tuple[Any, ...] = ()
        self._generated: list[tuple[elements.BindParameter[Any], Generator]] = []
        self.given_keys = None
        self.facts = Facts()
        self.refused = None
        self.choice = choice
        self.vocabulary = choice.vocabulary if choice is not None else CALCITE

    def _note(self, told: ServerFacts) -> None:
        self.facts.text_may_mislead |= told.may_mislead
        self.facts.subquery_in_expression |= told.subquery_in_expression
        if told.inserts_without_key and "calcite" in self.dialect.server_engines.available:
            self.facts.preferred = "calcite"
            self.facts.refuse("h2", "each row of a table without primary key would get the same hidden key")

    def sibling(self, option: str, told: ServerFacts | None = None) -> IgniteCompiler:
        """Return this statement compiled under another engine `option`, or with what the server has told of its tables.

        Neither is part of SQLAlchemy's cache key, so a compiled statement keeps its siblings itself.
        """
        if option == self.option and told is None:
            return self
        found = self._siblings.get((option, told))
        if found is None:
            dialect, statement, args, kwargs = self._arguments
            found = type(self)(dialect, statement, *args, ignite_engine=option, ignite_told=told, **kwargs)
            self._siblings[option, told] = found
        return found

    # -- facts --------------------------------------------------------------------------------------------------------

    def visit_table(self, table: Any, asfrom: bool = False, **kwargs: Any) -> str:
        """Render a table, and note it as a source."""
        if asfrom:
            self.facts.sources += 1
            self.facts.tables.add((table.schema, table.name))
            if self._is_everywhere(table):
                self.facts.sources_everywhere += 1
            elif self._depth_in_expression:
                self.facts.subquery_in_expression = True
        return super().visit_table(table, asfrom=asfrom, **kwargs)

    @staticmethod
    def _is_everywhere(table: Any) -> bool:
        if table.schema is not None and table.schema.lower() in _SYSTEM_SCHEMAS:
            return True
        if isinstance(table, Table):
            template = table.dialect_options["ignite"]["template"]
            return isinstance(template, str) and template.lower() == "replicated"
        return False

    def visit_select(self, select_stmt: Any, asfrom: bool = False, **kwargs: Any) -> str:
        """Render a SELECT, and count it."""
        self.facts.selects += 1
        with self._inside(asfrom or kwargs.get("compound_index") is not None):
            return super().visit_select(select_stmt, asfrom=asfrom, **kwargs)

    def visit_compound_select(self, cs: Any, asfrom: bool = False, **kwargs: Any) -> str:
        """Render a UNION or the like."""
        with self._inside(asfrom or kwargs.get("compound_index") is not None):
            return super().visit_compound_select(cs, asfrom=asfrom, **kwargs)

    @contextlib.contextmanager
    def _inside(self, takes_part_as_a_whole: bool) -> Iterator[None]:
        """Note while a query is rendered that stands in an expression, not in FROM and not as the statement."""
        in_expression = (
            bool(self.stack) and not takes_part_as_a_whole and not isinstance(self.stack[-1].get("selectable"), Insert)
        )
        self._depth_in_expression += in_expression
        try:
            yield
        finally:
            self._depth_in_expression -= in_expression

    def visit_values(self, element: Any, asfrom: bool = False, **kwargs: Any) -> str:
        """Render a VALUES table, and note it as a source."""
        if asfrom:
            self.facts.sources += 1
        return super().visit_values(element, asfrom=asfrom, **kwargs)

    def visit_table_valued_alias(self, element: Any, **kwargs: Any) -> str:
        """Render a table function, and note it as a source."""
        self.facts.sources += 1
        return super().visit_table_valued_alias(element, **kwargs)

    def visit_textclause(self, textclause: Any, **kwargs: Any) -> str:
        """Render textual SQL; a fragment inside a statement is read for joins and subqueries."""
        if self.stack:
            after_from = bool(kwargs.get("asfrom"))
            whole = isinstance(self.stack[-1].get("selectable"), selectable.TextualSelect)
            seen = engines.read_text(textclause.text, after_from=after_from)
            if not seen.only_system:
                self.facts.sources += seen.sources
                self.facts.text_may_mislead |= seen.may_mislead or (seen.selects > 0 and not whole)
                self.facts.tables |= seen.tables
                if seen.sources and (self._depth_in_expression or not (whole or after_from)):
                    self.facts.subquery_in_expression = True
                self.facts.subquery_in_expression |= seen.subquery_in_expression
        return super().visit_textclause(textclause, **kwargs)

    def visit_column(self, column: Any, *args: Any, **kwargs: Any) -> str:
        """Render a column; one that is really textual SQL is read for subqueries."""
        if getattr(column, "is_literal", False) and "(" in column.name:
            seen = engines.read_text(column.name)
            if seen.selects > 0 and not seen.only_system:
                self.facts.text_may_mislead = self.facts.subquery_in_expression = True
        return super().visit_column(column, *args, **kwargs)

    def visit_join(self, join: Any, *args: Any, **kwargs: Any) -> str:
        """Render a join, and note the forms that the H2 engine has not."""
        if join.full:
            self.facts.refuse("h2", "it has no FULL OUTER JOIN")
        if isinstance(join.right, selectable.Join) or (
            isinstance(join.right, selectable.FromGrouping) and isinstance(join.right.element, selectable.Join)
        ):
            self.facts.refuse("h2", "it cannot join to a join in parentheses")
        return super().visit_join(join, *args, **kwargs)

    def visit_cte(self, cte: Any, *args: Any, **kwargs: Any) -> Any:
        """Render a common table expression, and note the forms that an engine has not."""
        if cte.recursive:
            raise exc.CompileError(
                f"The common table expression {cte.name!r} is recursive: neither SQL engine of Ignite 2.x runs WITH "
                "RECURSIVE. Walk the rows from Python instead."
            )
        if getattr(cte.element, "is_dml", False):
            raise exc.CompileError(
                f"The common table expression {cte.name!r} changes rows: Ignite's are queries. Execute it by itself."
            )
        if isinstance(cte.element, selectable.Values):
            self.facts.refuse("h2", "its common table expressions cannot be VALUES")
        # Calcite has no WITH before UPDATE and DELETE.
        if self.vocabulary.writes_ctes_in_place or self.isupdate or self.isdelete:
            return self._cte_in_place(cte, *args, **kwargs)
        return super().visit_cte(cte, *args, **kwargs)

    def _cte_in_place(self, cte: Any, asfrom: bool = False, **kwargs: Any) -> str:
        """Render a common table expression where it is read, as a query in FROM."""
        name = cte.name
        if isinstance(name, elements._truncated_label):
            name = self._truncated_identifier("alias", name)
        rendered = self.preparer.format_alias(cte, name)
        if not asfrom:
            return rendered
        for unused in ("ashint", "fromhints", "visiting_cte", "cte_opts"):
            kwargs.pop(unused, None)
        return f"({self.process(cte.element, asfrom=True, **kwargs)}) AS {rendered}"

    # -- parameters ---------------------------------------------------------------------------------------------------

    def visit_bindparam(self, bindparam: Any, *args: Any, ignite_bare: bool = False, **kwargs: Any) -> str:
        """Render a parameter, with a cast where an engine would otherwise guess its type.

        The H2 engine gives a bare ``?`` the type of its neighbour (``int_column + ?`` rounds a double), and VARCHAR
        where it has none; Calcite refuses it in some places. `ignite_bare` says that the neighbour is a column of the
        same kind, where a bare parameter keeps an index and partition pruning usable.
        """
        rendered: str = super().visit_bindparam(bindparam, *args, **kwargs)
        # Calcite types no bare parameter in ORDER BY, nor in the CASE of an UPDATE.
        if (ignite_bare and not self._wants_casts) or kwargs.get("literal_binds"):
            return rendered
        if bindparam in self.literal_execute_params or isinstance(bindparam, selectable._OffsetLimitParam):
            return rendered
        if bindparam._is_crud or not self._direct_values.isdisjoint(bindparam._cloned_set):
            if self._casts_rows:
                return self._cast_exactly(rendered, bindparam.type)
            if self.isupdate and self.vocabulary.stores_updates_unconverted:
                return self._cast_to_column(rendered, bindparam.type)
            return rendered
        if bindparam.type._is_tuple_type:
            return rendered
        name = types.sql_name(bindparam.type, self.dialect)
        if name is None or bindparam.type._unwrapped_dialect_impl(self.dialect)._has_bind_expression:
            return rendered
        if bindparam.expanding:
            return _EXPANDING.sub(rf"(__[POSTCOMPILE_\1~~CAST(~~REPL~~ AS {name})~~])", rendered)
        return f"CAST({rendered} AS {name})"

    def _cast_to_column(self, rendered: str, type_: Any) -> str:
        # Parameters arrive with the exact type of their column. Only a DECIMAL has a scale besides, which INSERT
        # rounds to and an UPDATE on Calcite would not.
        impl = type_._unwrapped_dialect_impl(self.dialect)
        if isinstance(impl, sqltypes.Numeric) and not isinstance(impl, sqltypes.Float) and impl.precision is not None:
            return f"CAST({rendered} AS {self.dialect.type_compiler_instance.process(impl)})"
        return rendered

    def _cast_exactly(self, rendered: str, type_: Any) -> str:
        cast = self._cast_to_column(rendered, type_)
        if cast != rendered:
            return cast
        return f"CAST({rendered} AS {types.sql_name(type_, self.dialect) or 'VARBINARY'})"

    def _literal_execute_expanding_parameter(
        self, name: str, parameter: Any, values: Sequence[Any], *args: Any, **kwargs: Any
    ) -> Any:
        to_update, expression = super()._literal_execute_expanding_parameter(name, parameter, values, *args, **kwargs)
        limit = self.vocabulary.largest_in_list
        if limit is not None and len(values) > limit:
            raise exc.CompileError(
                f"An IN list has {len(values)} values, and the statement goes to the Calcite engine, which "
                "fails on more "
                f"than about 600 (a few thousand can take the node down). Give at most {limit} values per statement, "
                "join to the values instead, or choose the H2 engine with execution_options(ignite_engine='h2')."
            )
        if (
            values
            and parameter.type._is_tuple_type
            and self.vocabulary.casts_tuple_elements
            and not parameter.literal_execute
        ):
            names = [types.sql_name(type_, self.dialect) for type_ in parameter.type.types]
            row = "(" + ", ".join("?" if name is None else f"CAST(? AS {name})" for name in names) + ")"
            expression = ", ".join([row] * len(values))
        return to_update, expression

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Render a literal; Calcite would pad a text literal to the length of its neighbours, so it is cast."""
        rendered: str = super().render_literal_value(value, type_)
        if self.vocabulary.pads_text_literals and rendered.startswith("'"):
            return f"CAST({rendered} AS VARCHAR)"
        return rendered

    def _plain_text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def visit_binary(self, binary: Any, *args: Any, **kwargs: Any) -> str:
        """Render an operator; beside a column of its own kind a parameter stays bare."""
        operator = kwargs.get("override_operator") or binary.operator
        if operators.is_comparison(operator) and (
            self._is_column_beside(binary.left, binary.right) or self._is_column_beside(binary.right, binary.left)
        ):
            kwargs["ignite_bare"] = True
        elif operator in (operators.in_op, operators.not_in_op) and self.vocabulary.converts_in_lists:
            binary = self._compare_as_values(binary)
        return super().visit_binary(binary, *args, **kwargs)

    def _compare_as_values(self, binary: Any) -> Any:
        values = binary.right
        if not isinstance(values, elements.BindParameter) or values.type._is_tuple_type:
            return binary
        if isinstance(binary.left.type, sqltypes.Integer) and types.sql_name(values.type, self.dialect) in (
            "DOUBLE",
            "REAL",
            "DECIMAL",
        ):
            binary = binary._clone()
            binary.left = elements.Cast(binary.left, values.type)
        return binary

    def _is_column_beside(self, column: Any, other: Any) -> bool:
        if not isinstance(column, elements.ColumnClause) or column.is_literal:
            return False
        if isinstance(other, elements.Grouping):
            other = other.element
        binds = (
            list(other.clauses) if isinstance(other, (elements.ClauseList, elements.ExpressionClauseList)) else [other]
        )
        return all(
            isinstance(bind, elements.BindParameter) and bind.type._type_affinity is column.type._type_affinity
            for bind in binds
        )

    # -- expressions --------------------------------------------------------------------------------------------------

    def _escaped_like(self, binary: Any, keyword: str, kwargs: dict[str, Any]) -> str:
        escape = binary.modifiers.get("escape")
        left = self.process(binary.left, **kwargs)
        right = self.process(binary.right, **kwargs)
        if not self.vocabulary.like_escapes_with_backslash:
            tail = "" if escape is None else f" ESCAPE {self._plain_text(escape)}"
            return f"{left} {keyword} {right}{tail}"
        # The H2 engine refuses ESCAPE on a column and always reads the backslash as the escape: the pattern is
        # rewritten to mean the same there.
        if escape == "\\":
            return f"{left} {keyword} {right}"
        right = f"REPLACE({right}, '\\', '\\\\')"
        if escape is not None:
            own = self._plain_text(escape)
            doubled = self._plain_text(escape * 2)
            right = f"REPLACE({right}, {doubled}, CHAR(1))"
            right = f"REPLACE(REPLACE({right}, {own}, '\\'), CHAR(1), {own})"
        return f"{left} {keyword} {right}"

    def visit_like_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render LIKE so that both engines read the same escapes."""
        return self._escaped_like(binary, "LIKE", kwargs)

    def visit_not_like_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render NOT LIKE so that both engines read the same escapes."""
        return self._escaped_like(binary, "NOT LIKE", kwargs)

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render REGEXP, which only the H2 engine has."""
        return self._regexp(binary, "REGEXP", kwargs)

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render NOT REGEXP, which only the H2 engine has."""
        return f"NOT ({self._regexp(binary, 'REGEXP', kwargs)})"

    def _regexp(self, binary: Any, keyword: str, kwargs: dict[str, Any]) -> str:
        self._refuse_regexp_flags(binary)
        self.facts.refuse("calcite", "it has no regular expression match")
        return f"{self.process(binary.left, **kwargs)} {keyword} {self.process(binary.right, **kwargs)}"

    def visit_regexp_replace_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render REGEXP_REPLACE."""
        self._refuse_regexp_flags(binary)
        return f"REGEXP_REPLACE({self.process(binary.left, **kwargs)}, {self.process(binary.right, **kwargs)})"

    def _refuse_regexp_flags(self, binary: Any) -> None:
        flags = binary.modifiers.get("flags")
        if flags:
            raise exc.CompileError(
                f"Ignite's regular expressions take no flags, but flags={flags!r} were given: write them into the "
                f"pattern, as in '(?{flags})…'"
            )

    def visit_bitwise_and_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render BITAND(): neither engine has the operator."""
        return f"BITAND({self.process(binary.left, **kwargs)}, {self.process(binary.right, **kwargs)})"

    def visit_bitwise_or_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render BITOR(): neither engine has the operator."""
        return f"BITOR({self.process(binary.left, **kwargs)}, {self.process(binary.right, **kwargs)})"

    def visit_bitwise_xor_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render BITXOR(): neither engine has the operator."""
        return f"BITXOR({self.process(binary.left, **kwargs)}, {self.process(binary.right, **kwargs)})"

    def visit_bitwise_not_op_unary_operator(self, unary: Any, operator: Any, **kwargs: Any) -> str:
        """Render the complement, in arithmetics: neither engine has the operator."""
        return f"(-({self.process(unary.element, **kwargs)}) - 1)"

    def visit_bitwise_lshift_op_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Refuse a shift: neither engine has one."""
        raise exc.CompileError("Ignite's SQL has no shift operators (<<, >>); multiply or divide by a power of two")

    visit_bitwise_rshift_op_binary = visit_bitwise_lshift_op_binary

    def visit_truediv_binary(self, binary: Any, operator: Any, **kwargs: Any) -> str:
        """Render a division that keeps the fraction: whole numbers would divide to a whole number."""
        left, right = self.process(binary.left, **kwargs), self.process(binary.right, **kwargs)
        if isinstance(binary.right.type, sqltypes.Integer) and isinstance(binary.left.type, sqltypes.Integer):
            # Not DECIMAL: the engines give 26 and 16 digits then.
            return f"{left} / CAST({right} AS DOUBLE)"
        return f"{left} / {right}"

    def visit_case(self, clause: Any, **kwargs: Any) -> str:
        """Render CASE, with a cast around each parameter."""
        outer, self._wants_casts = self._wants_casts, True
        try:
            return super().visit_case(clause, **kwargs)
        finally:
            self._wants_casts = outer

    def visit_funcfilter(self, funcfilter: Any, **kwargs: Any) -> str:
        """Render FILTER, which the H2 engine reads and ignores."""
        self.facts.refuse("h2", "it silently ignores FILTER (WHERE …); use an aggregate of case(…) instead")
        return super().visit_funcfilter(funcfilter, **kwargs)

    def visit_over(self, over: Any, **kwargs: Any) -> str:
        """Refuse a window function."""
        raise exc.CompileError(_NO_WINDOW_FUNCTIONS)

    def visit_now_func(self, fn: Any, **kwargs: Any) -> str:
        """Render CURRENT_TIMESTAMP, the one that both engines have."""
        return "CURRENT_TIMESTAMP"

    def visit_localtimestamp_func(self, fn: Any, **kwargs: Any) -> str:
        """Render CURRENT_TIMESTAMP: the H2 engine has no LOCALTIMESTAMP, and neither has time zones."""
        return "CURRENT_TIMESTAMP"

    def visit_random_func(self, fn: Any, **kwargs: Any) -> str:
        """Render RAND()."""
        return "RAND()"

    def visit_char_length_func(self, fn: Any, **kwargs: Any) -> str:
        """Render CHAR_LENGTH()."""
        return f"CHAR_LENGTH{self.function_argspec(fn, **kwargs)}"

    def visit_aggregate_strings_func(self, fn: Any, **kwargs: Any) -> str:
        """Render GROUP_CONCAT / STRING_AGG."""
        if self.vocabulary is CALCITE:
            return f"STRING_AGG{self.function_argspec(fn, **kwargs)}"
        value, separator = list(fn.clauses)[:2]
        self.facts.preferred = self.facts.preferred or "calcite"
        return f"GROUP_CONCAT({self.process(value, **kwargs)} SEPARATOR {self.process(separator, **kwargs)})"

    def visit_empty_set_expr(self, element_types: Sequence[Any], **kwargs: Any) -> str:
        """Render a SELECT of no rows, in the form that both engines take."""
        columns = ", ".join("1" for _ in element_types) or "1"
        return f"SELECT {columns} FROM (VALUES (0)) AS IGNITE_EMPTY(X) WHERE 1 != 1"

    # -- clauses ------------------------------------------------------------------------------------------------------

    def _compose_select_body(
        self,
        text: str,
        select: Any,
        compile_state: Any,
        inner_columns: Any,
        froms: Any,
        byfrom: Any,
        toplevel: Any,
        kwargs: Any,
    ) -> str:
        self._needs_from = bool(select._where_criteria)
        return super()._compose_select_body(text, select, compile_state, inner_columns, froms, byfrom, toplevel, kwargs)

    def default_from(self) -> str:
        """Return a FROM of one row where WHERE needs one: Calcite has no WHERE without FROM."""
        return " \nFROM (VALUES (0)) AS IGNITE_DUAL(X)" if self._needs_from else ""

    def visit_label_reference(self, element: Any, within_columns_clause: bool = False, **kwargs: Any) -> str:
        """Render a label in ORDER BY; where a column has the same name, the H2 engine would sort by the column."""
        if self.vocabulary.labels_hide_behind_columns and self.stack:
            state: Any = self.stack[-1].get("compile_state")
            label = getattr(element.element, "_order_by_label_element", None)
            if state is not None and label is not None and label.name in state._label_resolve_dict[1]:
                return self.process(element.element, within_columns_clause=within_columns_clause, **kwargs)
        return super().visit_label_reference(element, within_columns_clause=within_columns_clause, **kwargs)

    def group_by_clause(self, select: Any, **kwargs: Any) -> str:
        """Render GROUP BY; a labelled expression with parameters is named by its label.

        Calcite does not see that two expressions with parameters are the same one.
        """
        grouped = [
            elements._label_reference(item) if isinstance(item, elements.Label) and self._has_parameters(item) else item
            for item in select._group_by_clauses
        ]
        rendered = ", ".join(self.process(item, **kwargs) for item in grouped)
        return f" GROUP BY {rendered}" if rendered else ""

    @staticmethod
    def _has_parameters(item: Any) -> bool:
        from sqlalchemy.sql import visitors

        return any(isinstance(part, elements.BindParameter) for part in visitors.iterate(item))

    def order_by_clause(self, select: Any, **kwargs: Any) -> str:
        """Render ORDER BY, with a cast around each parameter."""
        outer, self._wants_casts = self._wants_casts, True
        try:
            return super().order_by_clause(select, **kwargs)
        finally:
            self._wants_casts = outer

    def get_select_precolumns(self, select: Any, **kwargs: Any) -> str:
        """Render the hints of the statement, which Calcite reads behind SELECT and H2 takes for a comment."""
        texts = [text for name, text in select._statement_hints if name in ("*", self.dialect.name)]
        inner = ", ".join(text.strip().removeprefix("/*+").removesuffix("*/").strip() for text in texts)
        precolumns = super().get_select_precolumns(select, **kwargs)
        return f"/*+ {inner} */ {precolumns}" if inner else precolumns

    def get_statement_hint_text(self, hint_texts: Any) -> str:
        """Render nothing at the end of a statement: its hints stand at its start."""
        return ""

    def get_from_hint_text(self, table: Any, text: str) -> str:
        """Render the hint of a table behind its name, as in ``USE INDEX (I)`` of H2 and ``/*+ … */`` of Calcite."""
        return text

    def limit_clause(self, select: Any, **kwargs: Any) -> str:
        """Render LIMIT and OFFSET."""
        text = ""
        for keyword, clause in (("LIMIT", select._limit_clause), ("OFFSET", select._offset_clause)):
            if clause is not None:
                text += f"\n {keyword} {self._row_count(clause, kwargs)}"
        return text

    def fetch_clause(self, select: Any, **kwargs: Any) -> str:
        """Render OFFSET and FETCH FIRST."""
        options = select._fetch_clause_options
        if options["percent"] or options["with_ties"]:
            raise exc.CompileError("Ignite's SQL has no FETCH … PERCENT and no FETCH … WITH TIES; use limit()")
        text = ""
        if select._offset_clause is not None:
            text += f"\n OFFSET {self._row_count(select._offset_clause, kwargs)} ROWS"
        return text + f"\n FETCH FIRST {self._row_count(select._fetch_clause, kwargs)} ROWS ONLY"

    def _row_count(self, clause: Any, kwargs: dict[str, Any]) -> str:
        if not isinstance(clause, elements.BindParameter):
            self.facts.refuse("calcite", "its LIMIT and OFFSET take a number, not an expression")
        return self.process(clause, ignite_bare=True, **kwargs)

    def for_update_clause(self, select: Any, **kwargs: Any) -> str:
        """Refuse FOR UPDATE."""
        raise exc.CompileError(
            "Ignite's SQL has no SELECT … FOR UPDATE: leave out with_for_update(), rows cannot be locked by a query"
        )

    # -- DML ----------------------------------------------------------------------------------------------------------

    def returning_clause(self, stmt: Any, *args: Any, **kwargs: Any) -> str:
        """Render RETURNING for the reader of the SQL; executing it raises NotSupportedError."""
        self.refused = (
            f"Ignite has no RETURNING: {stmt.__visit_name__.upper()} gives back a row count only. "
            "Read the rows with a SELECT of their own."
        )
        return super().returning_clause(stmt, *args, **kwargs)

    @property
    def generated(self) -> dict[str, Generator]:
        """The parameters that are given a number before the statement runs, and what generates it."""
        return {self.bind_names[parameter]: generator for parameter, generator in self._generated}

    def visit_sequence(self, sequence: Any, literal_binds: bool = False, **kwargs: Any) -> str:
        """Render the next value of a sequence: a parameter, which gets its value before the statement runs."""
        if getattr(self, "statement", None) is None or literal_binds:
            return f"NEXT VALUE FOR {self.preparer.format_sequence(sequence)}"
        self._check_one_row(sequence)
        return self._generate(Generator.of_sequence(sequence), sequence_type(sequence), **kwargs)

    def visit_next_value_func(self, next_value: Any, **kwargs: Any) -> str:
        """Render the next value of a sequence."""
        return self.visit_sequence(next_value.sequence, **kwargs)

    def _check_one_row(self, sequence: Any) -> None:
        enclosing: list[Any] = [entry["selectable"] for entry in self.stack]
        if len(enclosing) == 1:
            if self.isinsert and enclosing[0].select is None:
                return
            if isinstance(enclosing[0], selectable.Select) and not enclosing[0].get_final_froms():
                return
        raise exc.CompileError(
            f"The next value of the sequence {sequence.name!r} stands where each row would need one of its own, and "
            "Ignite's SQL has no sequences: take the values in Python, connection.scalar(sequence), or write it in "
            "values() of an INSERT, or in a SELECT without FROM"
        )

    def _generate(self, generator: Generator, type_: Any, **kwargs: Any) -> str:
        return self.process(self._generated_parameter(generator, type_), **kwargs)

    def _generated_parameter(self, generator: Generator, type_: Any) -> elements.BindParameter[Any]:
        parameter = elements.BindParameter(None, None, type_=type_, unique=True)
        self._generated.append((parameter, generator))
        if self.isinsert or not self.stack:
            self._direct_values.add(parameter)
        return parameter

    def _with_generated_key(self, statement: Any) -> Any:
        """Return an INSERT with a parameter for the key column that it gives no value for, if it can be generated."""
        column = generated_column(statement.table)
        if column is None or self.stack or statement.select is not None:
            return statement
        rows = [row for rows in statement._multi_values for row in rows]
        if not rows and not statement._values and self.column_keys is None:
            # Compiled to be shown: all columns are.
            return statement
        generator = Generator.of_column(column)
        if rows:
            if any(self._gives(statement, row, column) for row in rows):
                self.given_keys = (column, generator)
                return statement
            with_keys = [{**row, column: self._generated_parameter(generator, column.type)} for row in rows]
            clone = statement._clone()
            clone._multi_values = (with_keys,)
            return clone
        if column.key in (self.column_keys or ()) or self._gives(statement, statement._values or {}, column):
            self.given_keys = (column, generator)
            return statement
        clone = statement._clone()
        parameter = self._generated_parameter(generator, column.type)
        clone._values = util.immutabledict({**(statement._values or {}), column: parameter})
        return clone

    @staticmethod
    def _gives(statement: Any, values: Any, column: Any) -> bool:
        """Return whether the values of one row have one for the column, whatever it is named by."""
        if not isinstance(values, Mapping):
            return len(values) > list(statement.table.c).index(column)
        mapper = statement.table._annotations.get("parentmapper")
        for name in values:
            given = name
            if isinstance(name, str) and mapper is not None and name in mapper.columns:
                given = mapper.columns[name]
            if getattr(given, "key", given) == column.key:
                return True
        return False

    def visit_insert(self, insert_stmt: Insert, *args: Any, **kwargs: Any) -> str:
        """Render an INSERT, and see that each key column has a value, given or generated."""
        insert_stmt = self._with_generated_key(insert_stmt)
        self._note_direct_values(insert_stmt)
        table = insert_stmt.table
        if not list(table.primary_key):
            # The server may know of one all the same: pandas appends to any table through one without key.
            self.facts.inserts_into = (getattr(table, "schema", None), table.name)
        on_conflict = getattr(insert_stmt, "_on_conflict", None)
        self._casts_rows = on_conflict is not None and self.vocabulary is CALCITE
        text: str = super().visit_insert(insert_stmt, *args, **kwargs)
        statement = self.compile_state.statement if self.compile_state is not None else insert_stmt
        if on_conflict is not None:
            text = self._merge(statement, text, on_conflict)
        if statement._multi_values and self._has_values_to_bind():
            self.facts.refuse(
                "calcite",
                "it takes minutes to plan an INSERT of several rows of parameters; pass the rows as a list "
                "to execute() "
                "instead of values()",
            )
        if self.isinsert and len(self.stack) == 0:
            self._check_keys(statement)
        return text

    # -- MERGE --------------------------------------------------------------------------------------------------------

    def _merge(self, statement: Any, text: str, on_conflict: OnConflict) -> str:
        """Return the MERGE that an INSERT, rendered as `text`, becomes.

        The H2 engine's replaces whole rows: what it is not given is set to its default. So it is right only where each
        column is given and assigned; Calcite's says what is inserted and what is updated.
        """
        table = statement.table
        name = self.preparer.format_table(table)
        found = _INSERT_PARTS.fullmatch(text.removeprefix(f"INSERT INTO {name} "))
        if not isinstance(table, Table) or not list(table.primary_key):
            raise exc.CompileError(
                f"on_conflict_do_update() and on_conflict_do_nothing() need a Table with its primary key, to tell rows "
                f"by; {getattr(table, 'name', table)!r} has none"
            )
        if found is None or self.stack:
            raise exc.CompileError("An INSERT with on_conflict_do_…() has neither prefixes nor hints, and stands alone")
        self._check_index_elements(table, on_conflict)
        assigned = self._assigned_on_conflict(statement, on_conflict)
        if self._has_key_that_calcite_misses(table):
            self.facts.refuse(
                "calcite", "it finds no rows of a table whose key is one column of type TIMESTAMP, TIME or VARBINARY"
            )
        if statement.select is not None:
            self.facts.refuse("calcite", "its MERGE stores what a SELECT reads in the wrong columns")
        kept = [column.name for column in table.columns if not column.primary_key and column not in assigned]
        if on_conflict.updates and not kept and all(map(_is_excluded, assigned, assigned.values())):
            if self.vocabulary is not CALCITE:
                return f"MERGE INTO {name} ({found['columns']}) {found['rows']}"
        else:
            if not on_conflict.updates:
                why = "its MERGE replaces the row that is there"
            elif kept:
                why = f"its MERGE replaces the whole row, and would lose what is in {', '.join(kept)}; give all columns"
            else:
                why = "its MERGE replaces the whole row, and assigns nothing but the given values; leave out set_"
            self.facts.refuse("h2", why)
        return self._merge_by_calcite(statement, name, found["columns"], found["rows"], assigned)

    def _check_index_elements(self, table: Table, on_conflict: OnConflict) -> None:
        key = {name for column in table.primary_key for name in (column.name, column.key)}
        given = on_conflict.index_elements
        if given is not None and (not set(given) <= key or len(set(given)) != len(table.primary_key)):
            columns = ", ".join(column.name for column in table.primary_key)
            raise exc.CompileError(
                f"index_elements={list(given)!r} is not the primary key ({columns}) of the table {table.name!r}, and "
                "Ignite has nothing else that is unique"
            )

    def _assigned_on_conflict(self, statement: Any, on_conflict: OnConflict) -> dict[Any, Any]:
        """Return what is assigned to which column of a row that is there."""
        table = statement.table
        if not on_conflict.updates:
            return {}
        if on_conflict.values is None:
            excluded = alias(table, name=EXCLUDED)
            given = self._supplied(statement)
            return {
                column: excluded.c[column.key]
                for column in table.columns
                if not column.primary_key and (given is None or column.key in given)
            }
        assigned = {}
        for name, value in on_conflict.values.items():
            column = self._column_named(statement, name)
            if column is None:
                raise exc.CompileError(f"set_ has {name!r}, which is no column of the table {table.name!r}")
            if column.primary_key:
                raise exc.CompileError(
                    f"set_ has the key column {column.name!r} of the table {table.name!r}: Ignite changes no keys"
                )
            assigned[column] = value
        return assigned

    @staticmethod
    def _column_named(statement: Any, name: Any) -> Any:
        columns = statement.table.c
        if not isinstance(name, str):
            return columns.get(name.key)
        mapper = statement.table._annotations.get("parentmapper")
        if mapper is not None and name in mapper.columns:
            return columns.get(mapper.columns[name].key)
        return columns.get(name)

    def _merge_by_calcite(self, statement: Any, name: str, columns: str, rows: str, assigned: dict[Any, Any]) -> str:
        table = statement.table
        excluded = self.preparer.quote(EXCLUDED)
        target = self.preparer.quote(table.name)
        listed = [match[0].strip() for match in _COLUMN.finditer(columns)]
        on = " AND ".join(
            f"{target}.{column} = {excluded}.{column}" for column in map(self.preparer.format_column, table.primary_key)
        )
        text = f"MERGE INTO {name} USING ({rows}) AS {excluded} ({columns}) ON {on}"
        if assigned:
            values = (
                f"{self.preparer.format_column(column)} = {self._assigned_value(table, column, value)}"
                for column, value in assigned.items()
            )
            text += f" WHEN MATCHED THEN UPDATE SET {', '.join(values)}"
        inserted = ", ".join(f"{excluded}.{column}" for column in listed)
        return f"{text} WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({inserted})"

    def _assigned_value(self, table: Any, column: Any, value: Any) -> str:
        self._casts_rows = False
        if not _is_excluded(column, value):
            impl = column.type._unwrapped_dialect_impl(self.dialect)
            if isinstance(impl, sqltypes.String):
                value = elements.Cast(value, sqltypes.VARCHAR())
            elif types.sql_name(column.type, self.dialect) is not None:
                value = elements.Cast(value, column.type)
        return str(self.process(value.self_group(), use_schema=False))

    def _has_values_to_bind(self) -> bool:
        return len(self.bind_names) > 0

    def _note_direct_values(self, statement: Any) -> None:
        for values in (
            statement._values,
            dict(statement._ordered_values or ()) if hasattr(statement, "_ordered_values") else None,
        ):
            for value in (values or {}).values():
                if isinstance(value, elements.BindParameter):
                    self._direct_values.add(value)

    def _supplied(self, statement: Any) -> set[str] | None:
        """Return the keys of the columns that an INSERT gives values for; None if that cannot be told."""
        if statement._multi_values:
            first: Any = statement._multi_values[0][0]
            if isinstance(first, Mapping):
                names: list[Any] = list(first)
                return {getattr(name, "key", name) for name in names}
            columns: list[Any] = list(statement.table.c)
            return {column.key for column in columns[: len(first)]}
        if statement.select is not None:
            return {getattr(name, "key", name) for name in statement._select_names or ()}
        given = getattr(self.compile_state, "_dict_parameters", None)
        if self.column_keys is None and not given:
            return None
        return {getattr(name, "key", name) for name in (*(self.column_keys or ()), *(given or ()))}

    def _check_keys(self, statement: Any) -> None:
        table = statement.table
        if not isinstance(table, Table):
            return
        supplied = None if statement._multi_values else self._supplied(statement)
        self._key_columns = tuple(table.primary_key)
        if supplied is None:
            return
        prefetched = {column.key for column in self.insert_prefetch}
        for column in table.primary_key:
            if column.key in supplied or column.key in prefetched or column.default is not None:
                continue
            told = (
                " Its server_default does not help: Ignite does not apply a default to a key column."
                if column.server_default is not None
                else ""
            )
            if column is generated_column(table):
                raise exc.CompileError(
                    f"INSERT into {table.fullname!r} from a SELECT gives no value for the key column {column.name!r}: "
                    "keys are generated for rows that come from Python, not for those that the server selects. "
                    "Select a key, or read the rows and insert them."
                )
            raise exc.CompileError(
                f"INSERT into {table.fullname!r} gives no value for the key column {column.name!r}, and none is "
                f"generated for it.{told} Give a value; or a default in Python: Column(…, default=…), for example "
                "default=uuid.uuid4 on a Uuid column; or, for one column of whole numbers, autoincrement=True."
            )

    def visit_update(self, update_stmt: Update, *args: Any, **kwargs: Any) -> str:
        """Render an UPDATE; on Calcite what is assigned is cast to the type of its column."""
        self.facts.changes_source = True
        self._note_direct_values(update_stmt)
        if self._has_key_that_calcite_misses(update_stmt.table):
            self.facts.refuse(
                "calcite",
                "its UPDATE silently changes no row of a table whose key is one column of type TIMESTAMP, TIME or "
                "VARBINARY",
            )
        if self.vocabulary.stores_updates_unconverted:
            update_stmt = self._cast_assignments(update_stmt)
        return super().visit_update(update_stmt, *args, **kwargs)

    def _has_key_that_calcite_misses(self, table: Any) -> bool:
        if not isinstance(table, Table) or len(table.primary_key) != 1:
            return False
        (column,) = table.primary_key
        return types.sql_name(column.type, self.dialect) in ("TIMESTAMP", "TIME(3)", "VARBINARY")

    def _cast_assignments(self, statement: Any) -> Any:
        mapper = statement.table._annotations.get("parentmapper")

        def cast(column: Any, value: Any) -> Any:
            if isinstance(column, str):
                # The name of an attribute of a mapped class, or the key of a column.
                column = (mapper.columns if mapper is not None else statement.table.c).get(column)
            type_ = getattr(column, "type", None)
            if isinstance(value, elements.BindParameter) or not isinstance(value, elements.ColumnElement):
                return value
            if type_ is None or types.sql_name(type_, self.dialect) is None:
                return value
            impl = type_._unwrapped_dialect_impl(self.dialect)
            if isinstance(impl, (sqltypes.String, sqltypes.LargeBinary)):
                # CAST to a length would cut in silence what the server refuses as too long.
                return elements.Cast(value, sqltypes.VARCHAR()) if isinstance(impl, sqltypes.String) else value
            return elements.Cast(value, type_)

        if not statement._values and not getattr(statement, "_ordered_values", None):
            return statement
        clone = statement._clone()
        if statement._values:
            clone._values = type(statement._values)(
                {column: cast(column, value) for column, value in statement._values.items()}
            )
        if getattr(statement, "_ordered_values", None):
            clone._ordered_values = [(column, cast(column, value)) for column, value in statement._ordered_values]
        return clone

    def visit_delete(self, *args: Any, **kwargs: Any) -> str:
        """Render a DELETE."""
        self.facts.changes_source = True
        return super().visit_delete(*args, **kwargs)

    def update_from_clause(self, *args: Any, **kwargs: Any) -> str:
        """Refuse UPDATE of one table from another."""
        raise exc.CompileError("Ignite's SQL has no UPDATE … FROM: assign a scalar subquery, or filter by EXISTS")

    def delete_extra_from_clause(self, *args: Any, **kwargs: Any) -> str:
        """Refuse DELETE from one table by another."""
        raise exc.CompileError("Ignite's SQL has no DELETE … USING: filter by EXISTS")

    def visit_savepoint(self, *args: Any, **kwargs: Any) -> str:
        """Refuse SAVEPOINT."""
        raise exc.CompileError("Ignite has no savepoints")

    visit_rollback_to_savepoint = visit_savepoint
    visit_release_savepoint = visit_savepoint
