"""From bytes to row, beside what merely parsing the same bytes costs."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from benchmarks import Figure, seconds
from ooni_core.scoring import Engine, FingerprintSet

_SHARED = Path(os.environ.get("OONI_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def figures(*, quick: bool) -> Iterator[Figure]:
    index = _SHARED / "measurements" / "index.json"
    if not index.is_file():
        print(f"scoring: real measurements are not at {_SHARED}; nothing was measured", file=sys.stderr)
        return
    once = [
        ((index.parent / one["file"]).read_bytes(), one["measurement_uid"]) for one in json.loads(index.read_text())
    ]
    total = 2_000 if quick else 20_000
    received = (once * (total // len(once) + 1))[:total]
    texts = [(_SHARED / "fingerprints" / f"fingerprints_{kind}.csv").read_bytes().decode() for kind in ("dns", "http")]
    engines = {name: Engine(FingerprintSet.from_csv(*texts), name) for name in ("head", "2023-09", "full")}
    parsing = seconds(lambda: _each(lambda body, _uid: orjson.loads(body), received))
    yield Figure("bare orjson.loads", total / parsing, "measurements/s", f"{total} measurements")
    for ruleset, engine in engines.items():
        scoring = seconds(lambda engine=engine: _each(engine.score, received))
        yield _beside(f"bytes to row, rule set {ruleset}", total, scoring, parsing)
    nameless = seconds(lambda: _each(lambda body, _uid: engines["head"].score(body), received))
    yield _beside("bytes to row, naming each after its content", total, nameless, parsing)


def _beside(what: str, total: int, scoring: float, parsing: float) -> Figure:
    beside = f"{scoring / parsing:.2f} times the time of bare orjson.loads"
    return Figure(what, total / scoring, "measurements/s", beside)


def _each(work: Callable[[bytes, str], object], received: list[tuple[bytes, str]]) -> None:
    """Do *work* and drop each result at once: keeping 20,000 parsed documents would measure the memory allocator."""
    for body, uid in received:
        work(body, uid)
