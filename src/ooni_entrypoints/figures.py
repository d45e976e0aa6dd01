"""What operators can watch beside requests, when they asked for it by setting a password."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ooni_entrypoints.settings import ServiceSettings

if TYPE_CHECKING:
    from ooni_adapters.telemetry import PrometheusFigures


def make_figures(settings: ServiceSettings) -> "PrometheusFigures | None":
    """Return what keeps figures, None when nobody may see them: without a password."""
    if not settings.metrics_password:
        return None
    # Imported only when wanted: it takes a good part of the start.
    from ooni_adapters.telemetry import PrometheusFigures

    return PrometheusFigures()


def watch_also(figures: "PrometheusFigures", watched: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
    """Show more in *figures*.

    Args:
        figures: what keeps figures.
        watched: name of a gauge -> its meaning, and what reads it when somebody looks.
    """
    for name, (meaning, read) in watched.items():
        figures.watch(name, meaning, read)
