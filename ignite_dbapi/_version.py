"""The one place where the version of the distribution stands."""

__version__ = "0.1.0"
