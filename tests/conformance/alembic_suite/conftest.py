"""Runs Alembic's own dialect suite, against a node that it starts itself.

It is a pytest run of its own, because it needs SQLAlchemy's plugin:

    python -m pytest -c tests/conformance/alembic_suite/pytest.ini tests/conformance/alembic_suite

``--dburi`` runs it against a server that runs already.
"""

from __future__ import annotations

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: F403

# Later than the plugin's, which these call.
from tests.conformance.sqlalchemy_suite.conftest import pytest_addoption, pytest_configure, pytest_unconfigure

__all__ = ["pytest_addoption", "pytest_configure", "pytest_unconfigure"]
