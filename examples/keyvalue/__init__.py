"""Programs that use caches, binary objects and transactions; each is run by the tests.

Each takes the addresses of nodes, ``host:port,host:port``, and starts a cluster of its own without them.
"""
