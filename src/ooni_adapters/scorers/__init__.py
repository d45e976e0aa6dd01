"""Where scoring runs: in the calling thread, in a process of its own, or in a daemon that is told over HTTP."""

from ooni_adapters.scorers.local import EngineScorer
from ooni_adapters.scorers.process import ProcessScorer
from ooni_adapters.scorers.remote import RemoteScoring

__all__ = ["EngineScorer", "ProcessScorer", "RemoteScoring"]
