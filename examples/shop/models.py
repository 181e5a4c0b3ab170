"""What the shop keeps."""

from __future__ import annotations

import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, Numeric, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The models."""


class Product(Base):
    """Something to sell, by its number in the catalogue."""

    __tablename__ = "shop_product"
    # Only tables that are made for it take part in transactions.
    __table_args__ = (Index("shop_product_by_name", "name"), {"ignite_atomicity": "transactional", "ignite_backups": 1})

    sku: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    stock: Mapped[int]

    orders: Mapped[list[Order]] = relationship(back_populates="product", order_by="Order.id")


class Order(Base):
    """A number of one product."""

    __tablename__ = "shop_order"
    __table_args__ = (Index("shop_order_by_product", "sku"), {"ignite_atomicity": "transactional", "ignite_backups": 1})

    id: Mapped[int] = mapped_column(primary_key=True)
    # Ignite has no foreign keys and leaves this one out, with a warning; SQLAlchemy joins by it.
    sku: Mapped[str] = mapped_column(String(20), ForeignKey("shop_product.sku"))
    quantity: Mapped[int]
    ordered_at: Mapped[datetime.datetime] = mapped_column(
        default=lambda: datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)
    )

    product: Mapped[Product] = relationship(back_populates="orders")
