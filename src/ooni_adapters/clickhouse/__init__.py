"""ClickHouse: a server or cluster over HTTP, or the embedded engine with the same client."""

from ooni_adapters.clickhouse.engine import ClickHouseEngine

__all__ = ["ClickHouseEngine"]
