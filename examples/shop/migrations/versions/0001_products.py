"""Products."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "shop_product",
        sa.Column("sku", sa.String(20), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
        ignite_atomicity="transactional",
        ignite_backups=1,
    )
    op.create_index("shop_product_by_name", "shop_product", ["name"])


def downgrade() -> None:
    op.drop_index("shop_product_by_name", table_name="shop_product")
    op.drop_table("shop_product")
