"""From bytes to row, beside what merely parsing the same bytes costs; and `ooni score` over files."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import zstandard

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
    with tempfile.TemporaryDirectory() as folder:
        yield from _over_files(Path(folder), once, quick=quick)


def _over_files(folder: Path, once: list[tuple[bytes, str]], *, quick: bool) -> Iterator[Figure]:
    lines = b"".join(_lines(once))
    plain = folder / "plain.jsonl"
    copies = (20_000 if quick else 160_000) // len(once)
    with plain.open("wb") as file:
        for _ in range(copies):
            file.write(lines)
    alone, together = (_score(plain, jobs) for jobs in (1, 2))
    yield Figure("ooni score, two jobs", alone / together, "times one", f"{plain.stat().st_size >> 20} MiB of lines")
    plain.unlink()
    packed = folder / "packed.jsonl.zst"
    size = (100 if quick else 1000) * 2**20
    with packed.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as stream:
        for _ in range(size // len(lines) + 1):
            stream.write(lines)
    _score(packed, 1)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield Figure("ooni score, memory at most", peak, "MiB", f"{size >> 20} MiB of lines in a .jsonl.zst")


def _lines(once: list[tuple[bytes, str]]) -> Iterator[bytes]:
    """Yield each measurement that is a JSON object as published files hold it."""
    for body, uid in once:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            continue
        measurement = document.get("content", document)
        if isinstance(measurement, dict):
            yield orjson.dumps({**measurement, "measurement_uid": uid}, option=orjson.OPT_APPEND_NEWLINE)


def _score(path: Path, jobs: int) -> float:
    """Score with the published fingerprints, in a process of its own as people do, and return the seconds it took."""
    program = [sys.executable, "-m", "ooni_entrypoints.cli", "score", "--fingerprints", str(_SHARED / "fingerprints")]
    started = time.perf_counter()
    done = subprocess.run(
        [*program, "--jobs", str(jobs), "-o", os.devnull, str(path)], stderr=subprocess.PIPE, check=False
    )
    if done.returncode not in (0, 3):  # 3: some of the real ones are in quarantine
        raise RuntimeError(done.stderr.decode())
    return time.perf_counter() - started


def _beside(what: str, total: int, scoring: float, parsing: float) -> Figure:
    beside = f"{scoring / parsing:.2f} times the time of bare orjson.loads"
    return Figure(what, total / scoring, "measurements/s", beside)


def _each(work: Callable[[bytes, str], object], received: list[tuple[bytes, str]]) -> None:
    """Do *work* and drop each result at once: keeping 20,000 parsed documents would measure the memory allocator."""
    for body, uid in received:
        work(body, uid)
