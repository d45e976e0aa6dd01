"""Copying the measurements table into an object store, exporting it, and restoring it."""

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from benchmarks import Figure, seconds
from ooni_adapters.backup import BackupCatalog, BackupMaker, PublicExport, Restorer
from ooni_adapters.backup.encoding import conformed, csv_rows
from ooni_adapters.database import open_database
from ooni_adapters.objectstore import open_object_store
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import FASTPATH, TABLES


class Ticking:
    """A Clock that goes on by a minute each time it is asked."""

    instant = datetime(2026, 11, 24, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the instant."""
        self.instant += timedelta(minutes=1)
        return self.instant


def rows(count: int) -> pa.Table:
    pick = random.Random(1)
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - storage times are naive UTC
    instants = [start + timedelta(seconds=n * 120 * 86400 / count) for n in range(count)]
    inputs = [f"https://site{number}.example/path/{number}" for number in range(2000)]
    countries = ["IT", "US", "RU", "IR", "BR", "IN", "DE", "CN"]
    return pa.table(
        {
            "measurement_uid": [
                f"{instant:%Y%m%d%H%M%S.%f}_{pick.choice(countries)}_webconnectivity_{pick.getrandbits(64):016x}"
                for instant in instants
            ],
            "report_id": [
                f"{t:%Y%m%dT%H%M%SZ}_webconnectivity_IT_{n % 3000}_n1_abcdefghijklmnop" for n, t in enumerate(instants)
            ],
            "input": [pick.choice(inputs) for _ in range(count)],
            "probe_cc": [pick.choice(countries) for _ in range(count)],
            "probe_asn": pa.array([pick.randrange(60_000) for _ in range(count)], pa.uint32()),
            "test_name": ["web_connectivity"] * count,
            "measurement_start_time": pa.array(instants, pa.timestamp("s")),
            "scores": ['{"blocking_general":0.0,"blocking_global":0.0,"blocking_country":0.0,"blocking_isp":0.0}']
            * count,
            "software_version": ["3.20.0"] * count,
            "test_runtime": pa.array([pick.random() * 5 for _ in range(count)], pa.float32()),
        }
    )


def figures(*, quick: bool) -> Iterator[Figure]:
    count = 50_000 if quick else 500_000
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database("duckdb://:memory:")
        content = rows(count)
        engine.insert(FASTPATH, content)
        objects = open_object_store(f"file://{folder}/objects")
        private, public = BackupCatalog(objects, "private"), BackupCatalog(objects, "public")
        maker = BackupMaker(engine, private, Ticking(), "bench")
        plain = _csv_bytes(engine)
        took = seconds(lambda: maker.run([FASTPATH], full=True), repeat=1)
        manifest = private.manifest()
        stored = sum(chunk.object.bytes for table in manifest.tables for chunk in table.chunks)
        beside = f"{count:,} rows, {count / took:,.0f} rows per s; {stored / 1e6:.1f} MB stored, read back and verified"
        yield Figure("back up fastpath, plain size", plain / took / 1e6, "MB/s", beside)
        took = seconds(lambda: maker.run([FASTPATH]), repeat=1)
        yield Figure("back up again, nothing changed", took * 1e3, "ms", "only the manifest is written")
        took = seconds(lambda: PublicExport(engine, public).run([FASTPATH]), repeat=1)
        yield Figure(
            "export fastpath as CSV.zstd, plain size", plain / took / 1e6, "MB/s", f"{count / took:,.0f} rows per s"
        )
        copy = open_database("duckdb://:memory:")
        took = seconds(lambda: Restorer(copy, private, TABLES).run(manifest), repeat=1)
        yield Figure("restore fastpath into DuckDB", count / took, "rows per s", "every row compared")
        engine.close()
        copy.close()


def _csv_bytes(engine: SqlEngine) -> int:
    """The length of the table as plain CSV, without holding it."""
    return sum(
        len(csv_rows(FASTPATH.columns, conformed(FASTPATH, batch))) for batch in engine.stream("SELECT * FROM fastpath")
    )
