"""Where scoring runs: in the calling thread, or in a process of its own."""

from ooni_adapters.scorers.local import EngineScorer
from ooni_adapters.scorers.process import ProcessScorer

__all__ = ["EngineScorer", "ProcessScorer"]
