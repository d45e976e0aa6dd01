"""Figures for operators."""

from ooni_adapters.telemetry.prometheus import PrometheusFigures

__all__ = ["PrometheusFigures"]
