"""Orders, and how many of a product are left."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "shop_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(20), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        ignite_atomicity="transactional",
        ignite_backups=1,
    )
    op.create_index("shop_order_by_product", "shop_order", ["sku"])
    # Ignite has no DEFAULT for a column that is added: the rows that are there are filled here.
    op.add_column("shop_product", sa.Column("stock", sa.Integer(), nullable=False))
    op.execute("UPDATE shop_product SET stock = CAST(0 AS INTEGER)")


def downgrade() -> None:
    op.drop_column("shop_product", "stock")
    op.drop_index("shop_order_by_product", table_name="shop_order")
    op.drop_table("shop_order")
