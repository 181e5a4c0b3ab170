"""Names of operations and of the logger, as programs written for pyignite import them."""
