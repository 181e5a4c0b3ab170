"""The logger of the key-value module, where programs written for pyignite look for it."""

from ignite_dbapi.keyvalue.monitoring import logger

__all__ = ["logger"]
