"""Where a request goes: nodes, and what to do when one cannot be reached. No I/O."""
