"""The shop's web application, over asyncio.

``SHOP_URL=ignite+aio://host:port uvicorn --factory examples.shop.web:from_environment`` serves it, on a node with
transactions over SQL (``python -m ignite_dbapi.local --tx-aware``).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.shop.models import Order, Product
from sqlalchemy_ignite import insert


def session_of(request: Request) -> AsyncSession:
    """Return a new session."""
    session: AsyncSession = request.app.state.sessions()
    return session


async def body_of(request: Request, *names: str) -> dict[str, Any]:
    """Return the named values of the request's JSON."""
    body = await request.json()
    try:
        values = {name: body[name] for name in names}
        if "price" in values:
            values["price"] = Decimal(values["price"])
    except (KeyError, TypeError, InvalidOperation) as error:
        raise HTTPException(422, f"{error!r}; wanted: {', '.join(names)}") from error
    return values


def shown(product: Product) -> dict[str, Any]:
    """Return a product as JSON has it; a price is text, so that it stays exact."""
    return {"sku": product.sku, "name": product.name, "price": str(product.price), "stock": product.stock}


async def list_products(request: Request) -> Response:
    """List products page by page, by their key: ``?after=…&limit=…``."""
    limit = int(request.query_params.get("limit", 20))
    query = select(Product).order_by(Product.sku).limit(limit)
    if "after" in request.query_params:
        query = query.where(Product.sku > request.query_params["after"])
    async with session_of(request) as session:
        return JSONResponse([shown(product) for product in await session.scalars(query)])


async def create_product(request: Request) -> Response:
    """Create a product that must not be there."""
    product = Product(**await body_of(request, "sku", "name", "price", "stock"))
    try:
        async with session_of(request) as session, session.begin():
            session.add(product)
    except IntegrityError as error:
        raise HTTPException(409, f"there is a product {product.sku}") from error
    return JSONResponse(shown(product), 201)


async def change_product(request: Request) -> Response:
    """Change the price of a product that must be there."""
    values = await body_of(request, "price")
    async with session_of(request) as session, session.begin():
        product = await session.get(Product, request.path_params["sku"])
        if product is None:
            raise HTTPException(404)
        product.price = values["price"]
    return JSONResponse(shown(product))


async def put_product(request: Request) -> Response:
    """Create a product, or change it where it is there."""
    values = await body_of(request, "name", "price", "stock")
    statement = insert(Product).values(sku=request.path_params["sku"], **values).on_conflict_do_update()
    async with session_of(request) as session, session.begin():
        await session.execute(statement)
    return Response(status_code=204)


async def show_product(request: Request) -> Response:
    """Show a product and its orders."""
    query = select(Product).where(Product.sku == request.path_params["sku"]).options(selectinload(Product.orders))
    async with session_of(request) as session:
        product = await session.scalar(query)
        if product is None:
            raise HTTPException(404)
        orders = [{"id": order.id, "quantity": order.quantity} for order in product.orders]
        return JSONResponse({**shown(product), "orders": orders})


async def create_order(request: Request) -> Response:
    """Order a product: the order is kept and the stock falls, or neither."""
    values = await body_of(request, "sku", "quantity")
    order = Order(**values)
    # An UPDATE that waits for another transaction has read the row before, and does not look again (docs/traps.md), so
    # orders are taken one after the other. Several processes would need a lock that they share.
    async with request.app.state.ordering, session_of(request) as session, session.begin():
        session.add(order)
        await session.flush()
        taken = await session.execute(
            update(Product)
            .where(Product.sku == order.sku, Product.stock >= order.quantity)
            .values(stock=Product.stock - order.quantity)
        )
        if taken.rowcount != 1:
            # The exception rolls back.
            raise HTTPException(409, f"there are not {order.quantity} of {order.sku}")
    return JSONResponse({"id": order.id}, 201)


def application(url: str) -> Starlette:
    """Return the application for a node at *url*, ``ignite+aio://…``."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        engine = create_async_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True)
        app.state.ordering = asyncio.Lock()
        app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
        yield
        await engine.dispose()

    routes = [
        Route("/products", list_products, methods=["GET"]),
        Route("/products", create_product, methods=["POST"]),
        Route("/products/{sku}", show_product, methods=["GET"]),
        Route("/products/{sku}", change_product, methods=["PATCH"]),
        Route("/products/{sku}", put_product, methods=["PUT"]),
        Route("/orders", create_order, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def from_environment() -> Starlette:
    """Return the application for the node that the environment names."""
    return application(os.environ["SHOP_URL"])
