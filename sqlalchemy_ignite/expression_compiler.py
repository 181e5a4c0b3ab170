"""Parameters, operators and functions: the expressions of a statement, in the words of the engine that it goes to."""

# mypy: disallow-untyped-calls=False, disable-error-code="override,no-any-return"
# SQLAlchemy's visitors carry no annotations, and name keywords that are none of this module's business.

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc
from sqlalchemy import types as sqltypes
from sqlalchemy.sql import compiler, elements, operators, selectable

from sqlalchemy_ignite import types
from sqlalchemy_ignite.engines import CALCITE, Facts, Vocabulary

if TYPE_CHECKING:
    from sqlalchemy_ignite.base import IgniteDialect

__all__ = ["ExpressionCompiler"]

_EXPANDING = re.compile(r"\(__\[POSTCOMPILE_([^\s~\]]+)\]\)")
_NO_WINDOW_FUNCTIONS = "Ignite 2.x has no window functions (OVER): neither of its SQL engines runs them"


class ExpressionCompiler(compiler.SQLCompiler):
    """Renders the expressions of a statement.

    :ivar facts: what the statement turned out to be.
    :ivar vocabulary: the words of the engine that it is rendered for.
    """

    dialect: IgniteDialect
    facts: Facts
    vocabulary: Vocabulary
    # Whether the engine needs to be told the type of each parameter, where the statement is now.
    _wants_casts: bool
    # The parameters that are a column's new value as they are.
    _direct_values: set[elements.BindParameter[Any]]
    # Whether these are cast, too: as the rows of a MERGE.
    _casts_rows: bool

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
        with self._casting():
            return super().visit_case(clause, **kwargs)

    @contextlib.contextmanager
    def _casting(self) -> Iterator[None]:
        """Let each parameter that is rendered meanwhile have a cast around it."""
        outer, self._wants_casts = self._wants_casts, True
        try:
            yield
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
