"""A small shop: models, migrations and a web application over asyncio."""
