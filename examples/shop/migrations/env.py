"""Alembic runs this; the engine comes from examples.shop.migrate."""

from __future__ import annotations

from alembic import context

from examples.shop.models import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table="shop_version",
        # Other programs have their tables in this schema, too.
        include_object=lambda item, name, kind, reflected, other: kind != "table" or name.startswith("shop_"),
    )
    with context.begin_transaction():
        context.run_migrations()
