"""From bytes to row, beside what merely parsing the same bytes costs."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from benchmarks import Figure, seconds
from ooni_core.scoring import Engine, FingerprintSet

_SHARED = Path(os.environ.get("OONI_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def figures(*, quick: bool) -> Iterator[Figure]:
    files = sorted((_SHARED / "measurements").glob("*/*.json"))
    if not files:
        print(f"scoring: real measurements are not at {_SHARED}; nothing was measured", file=sys.stderr)
        return
    once = [file.read_bytes() for file in files]
    total = 2_000 if quick else 20_000
    bodies = (once * (total // len(once) + 1))[:total]
    texts = [(_SHARED / "fingerprints" / f"fingerprints_{kind}.csv").read_bytes().decode() for kind in ("dns", "http")]
    parsing = seconds(lambda: _each(orjson.loads, bodies))
    yield Figure("bare orjson.loads", total / parsing, "measurements/s", f"{total} measurements")
    for ruleset in ("head", "2023-09", "full"):
        engine = Engine(FingerprintSet.from_csv(*texts), ruleset)
        scoring = seconds(lambda engine=engine: _each(engine.score, bodies))
        yield Figure(
            f"bytes to row, rule set {ruleset}",
            total / scoring,
            "measurements/s",
            f"{scoring / parsing:.2f} times the time of bare orjson.loads",
        )


def _each(work: Callable[[bytes], object], bodies: list[bytes]) -> None:
    """Do *work* and drop each result at once: keeping 20,000 parsed documents would measure the memory allocator."""
    for body in bodies:
        work(body)
