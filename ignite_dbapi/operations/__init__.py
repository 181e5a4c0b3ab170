"""What a client does, as generators over messages, without I/O."""
