"""Appending to the transparency log, proving from it, and checking proofs."""

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import Figure, percentile, seconds
from ooni_adapters.objectstore import open_object_store
from ooni_adapters.objectstore.memory import MemoryObjects
from ooni_adapters.signing import Ed25519Signer, ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.transparency.audit import audit_tree
from ooni_core.publication.transparency.leaves import PublishedLeaf
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.transparency.merkle import leaf_hash

SIGNER = Ed25519Signer("log.example/ooni", bytes(range(32)))


def leaves(hour: str, count: int) -> list[PublishedLeaf]:
    instant = datetime.strptime(hour, "%Y%m%d%H").replace(tzinfo=UTC)
    uids = (
        f"{instant:%Y%m%d%H}{n * 3600 // count // 60:02d}{n * 3600 // count % 60:02d}.{n:06d}" for n in range(count)
    )
    return [
        PublishedLeaf.of(MeasurementUid(f"{uid}_IT_webconnectivity_{n:016x}"), b"%d" % n) for n, uid in enumerate(uids)
    ]


def figures(*, quick: bool) -> Iterator[Figure]:
    hours, count = (4, 10_000) if quick else (24, 40_000)
    made = {f"20261123{hour:02d}": leaves(f"20261123{hour:02d}", count) for hour in range(hours)}
    log = TransparencyLog(ObjectTiles(MemoryObjects()), [SIGNER], ed25519_check)

    def append_all() -> None:
        for hour, its in made.items():
            log.append_hour(hour, its)

    took = seconds(append_all, repeat=1)
    size = hours * count
    yield Figure("append to the log, in memory", size / took, "leaves per s", f"{hours} hours of {count:,}")
    again = seconds(lambda: log.append_hour("2026112300", made["2026112300"]), repeat=2)
    yield Figure("repeat an hour that is in the log", count / again, "leaves per s", "adds nothing")

    view = log.view
    picked = random.Random(1).choices([leaf for its in made.values() for leaf in its], k=100 if quick else 400)
    times = sorted(seconds(lambda leaf=leaf: view.prove(leaf.uid), repeat=1) for leaf in picked)
    beside = (
        f"{size:,} leaves; median {percentile(times, 0.5) * 1e3:.1f} ms, p99 {percentile(times, 0.99) * 1e3:.1f} ms"
    )
    yield Figure("find a measurement and prove it", len(times) / sum(times), "per s", beside)
    proved = [(view.prove(leaf.uid).proof, leaf_hash(leaf.entry)) for leaf in picked[:50]]

    def verify_all() -> None:
        for proof, leaf in proved:
            proof.verify(leaf, view.origin, view.keys, ed25519_check)

    yield Figure("verify a proof offline", len(proved) / seconds(verify_all), "per s", "signature included")
    checkpoint = view.checkpoint()
    took = seconds(lambda: audit_tree(view, checkpoint), repeat=1)
    yield Figure("audit the whole log", size / took, "leaves per s", "every entry and tile, root rebuilt")
    yield from _on_disk(made)


def _on_disk(made: dict[str, list[PublishedLeaf]]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        log = TransparencyLog(ObjectTiles(open_object_store(f"file://{folder}/objects")), [SIGNER], ed25519_check)
        hours = list(made.items())[:2]
        took = seconds(lambda: [log.append_hour(hour, its) for hour, its in hours], repeat=1)
        count = sum(len(its) for _, its in hours)
        stored = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        beside = f"every file synchronised; {stored / count:.0f} bytes stored per leaf"
        yield Figure("append to the log, in a folder", count / took, "leaves per s", beside)
