"""One compiler for both SQL engines: it renders a statement, sees what it is, and decides where it goes.

What a statement reads is known only once it is rendered (an ORM query becomes joins while it is compiled). So it is
rendered with the vocabulary of the engine that simple statements go to, the facts are noted on the way, and only when
they call for the other engine it is rendered once more. The result is cached by SQLAlchemy together with the choice.
"""

# mypy: disallow-untyped-calls=False, disable-error-code="override,no-any-return"
# SQLAlchemy's visitors carry no annotations, and name keywords that are none of this module's business.

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc
from sqlalchemy.schema import Table
from sqlalchemy.sql import elements, selectable
from sqlalchemy.sql.dml import Insert

from sqlalchemy_ignite import engines
from sqlalchemy_ignite.change_compiler import ChangeCompiler
from sqlalchemy_ignite.engines import CALCITE, Choice, Facts, ServerFacts

if TYPE_CHECKING:
    from sqlalchemy_ignite.base import IgniteDialect

__all__ = ["IgniteCompiler"]

_SYSTEM_SCHEMAS = frozenset({"sys", "information_schema"})


class IgniteCompiler(ChangeCompiler):
    """Renders SQL for the engine that the statement goes to.

    :ivar option: the engine option that it was compiled under.
    :ivar choice: where the statement goes; None for a compiler without a statement.
    """

    option: str
    choice: Choice | None

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
        self._direct_values = set()
        self._casts_rows = False
        self._key_columns = ()
        self._generated = []
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
        with self._casting():
            return super().order_by_clause(select, **kwargs)

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
