"""DuckDB, the embedded default: a file, or memory."""

from ooni_adapters.duckdb.engine import DuckDbEngine

__all__ = ["DuckDbEngine"]
