"""The example application: models, migrations and a web handler as a user would write them; a notebook's habits."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import exc

from examples import notebook

httpx = pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("starlette", reason="starlette is not installed")

from examples.shop import migrate, web  # noqa: E402
from examples.shop.models import Base, Order, Product  # noqa: E402


@pytest.fixture(scope="module")
def url(make_ignite_cluster: Callable[..., Any]) -> str:
    return str(make_ignite_cluster(tx_aware=True).url)


@pytest.fixture
def shop(url: str) -> Iterator[str]:
    """The URL of a node with the tables of the shop."""
    migrate.upgrade(url)
    yield url
    command.downgrade(migrate.configuration(url), "base")
    engine = sa.create_engine(url)
    sa.Table("shop_version", sa.MetaData()).drop(engine)
    assert not {name for name in sa.inspect(engine).get_table_names() if name.startswith("shop_")}
    engine.dispose()


def visit(url: str, visitor: Callable[[Any], Awaitable[None]]) -> None:
    """Let `visitor` use the application with a client."""

    async def run() -> None:
        application = web.application(url.replace("ignite://", "ignite+aio://"))
        transport = httpx.ASGITransport(application)
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
        ):
            await visitor(client)

    asyncio.run(run())


def test_migrations_and_models_agree(shop: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)
        command.check(migrate.configuration(shop))
    engine = sa.create_engine(shop)
    options = {name: value for (_, name), value in sa.inspect(engine).get_multi_table_options().items()}
    for table in Base.metadata.tables.values():
        assert options[table.name] == dict(table.dialect_kwargs)
    engine.dispose()


def test_products(shop: str) -> None:
    async def visitor(client: Any) -> None:
        assert (await client.get("/products")).json() == []
        tea = {"sku": "T-1", "name": "Tea", "price": "2.50", "stock": 3}
        answer = await client.post("/products", json=tea)
        assert (answer.status_code, answer.json()) == (201, tea)
        assert (await client.post("/products", json=tea)).status_code == 409
        assert (await client.post("/products", json={"sku": "T-2"})).status_code == 422
        assert (await client.patch("/products/T-1", json={"price": "2.75"})).json()["price"] == "2.75"
        assert (await client.patch("/products/T-9", json={"price": "1"})).status_code == 404
        for name in ("Café", "Coffee"):
            put = await client.put("/products/C-1", json={"name": name, "price": "3", "stock": 10})
            assert put.status_code == 204
        names = [product["name"] for product in (await client.get("/products")).json()]
        assert names == ["Coffee", "Tea"]
        page = await client.get("/products", params={"after": "C-1", "limit": 1})
        assert [product["sku"] for product in page.json()] == ["T-1"]
        assert (await client.get("/products/nothing")).status_code == 404

    visit(shop, visitor)


def test_an_order_is_kept_with_its_stock_or_not_at_all(shop: str) -> None:
    async def visitor(client: Any) -> None:
        await client.put("/products/T-1", json={"name": "Tea", "price": "2.50", "stock": 3})
        first = await client.post("/orders", json={"sku": "T-1", "quantity": 2})
        assert first.status_code == 201
        # The order is inserted before the stock is found too small.
        assert (await client.post("/orders", json={"sku": "T-1", "quantity": 2})).status_code == 409
        second = await client.post("/orders", json={"sku": "T-1", "quantity": 1})
        assert (await client.get("/products/T-1")).json() == {
            "sku": "T-1",
            "name": "Tea",
            "price": "2.50",
            "stock": 0,
            "orders": [
                {"id": first.json()["id"], "quantity": 2},
                {"id": second.json()["id"], "quantity": 1},
            ],
        }

    visit(shop, visitor)
    engine = sa.create_engine(shop)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(Order)) == 2
        assert connection.scalar(sa.select(Product.stock)) == 0
    engine.dispose()


def test_orders_at_once_take_no_more_than_there_is(shop: str) -> None:
    async def visitor(client: Any) -> None:
        await client.put("/products/T-1", json={"name": "Tea", "price": "2.50", "stock": 2})
        answers = await asyncio.gather(*(client.post("/orders", json={"sku": "T-1", "quantity": 1}) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
        assert (await client.get("/products/T-1")).json()["stock"] == 0

    visit(shop, visitor)


def test_the_notebook(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    # A notebook is run again and again, in one process and on what is left of the last time.
    for _ in range(2):
        notebook.main(url)
        shown = capsys.readouterr().out
        assert "De Bilt  4.833333" in shown
        assert "De Bilt  5.833333" in shown
        assert "as expected: " in shown
        assert "and again: 6 rows" in shown
        assert "no longer there" in shown
