"""What prioritization asks about past measurements: counters by network and country, and a summary of the last days."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from ooni_adapters.sql.engine import Limits, SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_core.prioritization.counting import COUNTED_TEST, window_start
from ooni_core.prioritization.ports import Coverage, Measured

_LIMITS = Limits(seconds=120, rows=None)
# Who looks for what was scored lately need not look through all that ever arrived.
_ARRIVED_BEFORE = timedelta(hours=1)
# Neither grouped nor sorted: an engine takes several times the memory for that than the columns below need.
_COUNTERS = """
    SELECT probe_cc, CAST(probe_asn AS BIGINT) AS probe_asn, input, CAST(msmt_cnt AS BIGINT) AS measured
    FROM counters_asn_test_list
    WHERE week >= $first_week"""
_MEASURED = """
    SELECT measurement_uid, probe_cc, CAST(probe_asn AS BIGINT) AS probe_asn, input, measurement_start_time
    FROM fastpath
    WHERE update_time >= $since AND measurement_uid >= $first_uid AND test_name = $test_name"""
_COVERAGE = """
    SELECT probe_cc, input, CAST(count(*) AS BIGINT) AS measured,
        CAST(count(*) FILTER (WHERE anomaly = 't') AS BIGINT) AS anomalies
    FROM fastpath
    WHERE measurement_start_time >= $since AND input IN (SELECT url FROM citizenlab)
    GROUP BY probe_cc, input"""

_TEXTS_AT_ONCE = 1_000
# Arrow adds up a long column faster, and a short one slower than Python.
_ADDED_HERE = 5_000

_TEXTS = pa.dictionary(pa.int32(), pa.string())
_NARROW = pa.schema({"cc": _TEXTS, "asn": pa.uint32(), "input": _TEXTS, "measured": pa.int32()})

Span = tuple[int, int]


class ArrowCounts:
    """Counts of all networks in a few flat columns, sorted by country and network: a million of them take 16 MB.

    Args:
        batches: rows of ``_COUNTERS``; several may be about the same URL in the same network.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        narrow = [_narrowed(batch) for batch in batches]
        rows = pa.Table.from_batches(narrow, _NARROW).unify_dictionaries().combine_chunks()
        countries, inputs = (rows.column(name).combine_chunks() for name in ("cc", "input"))
        self._urls = _texts(inputs.dictionary)
        codes = rows.set_column(0, "cc", countries.indices).set_column(2, "input", inputs.indices)
        order = pc.sort_indices(codes, sort_keys=[("cc", "ascending"), ("asn", "ascending")])
        self._rows = codes.select(["input", "measured"]).take(order).combine_chunks()
        self._spans = _spans(countries.dictionary, codes.column("cc").take(order), codes.column("asn").take(order))

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        """Return the counts of one network, or the sums of a country."""
        first, end = self._spans.get((probe_cc, probe_asn), (0, 0))
        rows = self._rows.slice(first, end - first)
        if len(rows) > _ADDED_HERE:
            rows = rows.group_by("input", use_threads=False).aggregate([("measured", "sum")])
        sums: dict[int, int] = {}
        for code, measured in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            sums[code] = sums.get(code, 0) + measured
        return dict(zip(map(self._urls.__getitem__, sums), sums.values(), strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of the columns: neither the URLs nor the index of networks."""
        return int(self._rows.nbytes)


def _narrowed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Make a batch as small as it is kept, before the next one comes."""
    cc, url = (batch.column(name).cast(pa.string()).dictionary_encode() for name in ("probe_cc", "input"))
    asn, measured = batch.column("probe_asn").cast(pa.uint32()), batch.column("measured").cast(pa.int32())
    return pa.record_batch([cc, asn, url, measured], schema=_NARROW)


def _texts(column: pa.Array) -> list[str]:
    # Arrow makes texts without ever letting other threads run: few at a time, since one of them answers probes.
    starts = range(0, len(column), _TEXTS_AT_ONCE)
    return [text for start in starts for text in column.slice(start, _TEXTS_AT_ONCE).to_pylist()]


def _spans(names: pa.Array, countries: pa.ChunkedArray, networks: pa.ChunkedArray) -> dict[tuple[str, int], Span]:
    """Say which rows belong to each network, and to each country (network 0), of sorted columns."""
    spans: dict[tuple[str, int], Span] = {}
    first = 0
    for end in sorted({*_run_ends(countries), *_run_ends(networks)}):
        cc = names[countries[first].as_py()].as_py()
        for place in {(cc, networks[first].as_py()), (cc, 0)}:
            begun, _ = spans.get(place, (first, 0))
            spans[place] = (begun, end)
        first = end
    return spans


def _run_ends(column: pa.ChunkedArray) -> list[int]:
    ends: list[int] = pc.run_end_encode(column.combine_chunks()).run_ends.to_pylist()
    return ends


@attrs.frozen
class SqlCounts:
    """A CountStore and CoverageStore over the counter and fastpath tables."""

    engine: SqlEngine

    def counts(self, now: datetime) -> ArrowCounts:
        """Read the counters of this week and the previous one."""
        bounds = {"first_week": window_start(now.astimezone(UTC))}
        return ArrowCounts(self.engine.stream(_COUNTERS, bounds, _LIMITS))

    def measured_since(self, since: datetime) -> list[Measured]:
        """Read what was scored lately."""
        bounds = {
            "since": naive(since),
            "first_uid": f"{naive(since - _ARRIVED_BEFORE):%Y%m%d%H%M%S}",
            "test_name": COUNTED_TEST,
        }
        found = self.engine.query(_MEASURED, bounds, _LIMITS)
        return [Measured(uid, cc, asn, url, at.replace(tzinfo=UTC)) for uid, cc, asn, url, at in found.tuples]

    def coverage(self, since: datetime) -> dict[tuple[str, str], Coverage]:
        """Summarise the measurements of listed URLs by country and URL."""
        bounds = {"since": naive(since)}
        found = self.engine.query(_COVERAGE, bounds, Limits(seconds=60, rows=None))
        return {(cc, url): Coverage(measured, anomalies) for cc, url, measured, anomalies in found.tuples}
