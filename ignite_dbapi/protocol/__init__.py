"""The thin client protocol: bytes to values and messages, without I/O."""
