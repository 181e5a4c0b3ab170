"""What Alembic's own suite may expect of Ignite, beside what SQLAlchemy's may."""

from __future__ import annotations

from typing import Any

from alembic.testing.requirements import SuiteRequirements as AlembicRequirements
from sqlalchemy.testing import exclusions

from sqlalchemy_ignite.requirements import Requirements as SQLAlchemyRequirements


def _closed(why: str) -> Any:
    return property(lambda self: exclusions.closed(why))


class Requirements(SQLAlchemyRequirements, AlembicRequirements):
    """Each requirement that is closed has the server's own reason."""

    alter_column = _closed("ALTER TABLE adds and drops columns, and changes none")
    autocommit_isolation = _closed("the suite wants a default level other than AUTOCOMMIT")
    autoincrement_on_composite_pk = _closed("Ignite generates no keys")
    comments = _closed("comments are read and forgotten")
    fk_names = _closed("Ignite has no foreign keys")
    fk_onupdate = _closed("Ignite has no foreign keys")
    fk_onupdate_restrict = _closed("Ignite has no foreign keys")
    fk_ondelete_restrict = _closed("Ignite has no foreign keys")
    fk_ondelete_noaction = _closed("Ignite has no foreign keys")
    fk_initially = _closed("Ignite has no foreign keys")
    fk_deferrable = _closed("Ignite has no foreign keys")
    fk_ondelete_is_reflected = _closed("Ignite has no foreign keys")
    fk_onupdate_is_reflected = _closed("Ignite has no foreign keys")
    fk_deferrable_is_reflected = _closed("Ignite has no foreign keys")
