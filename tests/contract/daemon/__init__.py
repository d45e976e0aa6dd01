"""The scoring daemon: over real sockets, with real processes that are killed, on ClickHouse."""
