"""The messages of the thin client protocol, one module per area."""
