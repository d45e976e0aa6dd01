"""The publication journal: what was planned, built, uploaded, indexed and released."""

from ooni_adapters.journal.sqlite import SqliteJournal

__all__ = ["SqliteJournal"]
