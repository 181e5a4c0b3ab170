"""Sockets, blocking and asyncio, and running operations over them: the only room with I/O."""
