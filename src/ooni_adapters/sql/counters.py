"""What prioritization asks about past measurements: counters by network and country, and a summary of the last days."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from ooni_adapters.sql.engine import Limits, SqlEngine
from ooni_core.prioritization.counting import window_start
from ooni_core.prioritization.ports import Coverage

_LIMITS = Limits(seconds=120, rows=None)
_NETWORKS = """
    SELECT probe_cc, CAST(probe_asn AS BIGINT) AS probe_asn, input, CAST(sum(msmt_cnt) AS BIGINT) AS measured
    FROM counters_asn_test_list
    WHERE week >= $first_week
    GROUP BY probe_cc, probe_asn, input
    HAVING sum(msmt_cnt) > 0
    ORDER BY probe_cc, probe_asn"""
_COVERAGE = """
    SELECT probe_cc, input, CAST(count(*) AS BIGINT) AS measured,
        CAST(count(*) FILTER (WHERE anomaly = 't') AS BIGINT) AS anomalies
    FROM fastpath
    WHERE measurement_start_time >= $since AND input IN (SELECT url FROM citizenlab)
    GROUP BY probe_cc, input"""

_TEXTS_AT_ONCE = 1_000

Span = tuple[int, int]


class ArrowCounts:
    """Counts of all networks in a few flat columns: a million of them take some 20 MB.

    Args:
        batches: rows of ``_NETWORKS``.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        inputs: list[pa.Array] = []
        measured: list[pa.Array] = []
        self._spans: dict[tuple[str, int], Span] = {}
        start = 0
        for batch in batches:
            inputs.append(batch.column("input").cast(pa.string()).dictionary_encode())
            measured.append(batch.column("measured").cast(pa.int32()))
            self._note(batch, start)
            start += len(batch)
        kind = pa.dictionary(pa.int32(), pa.string())
        joined = pa.chunked_array(inputs or [pa.array([], kind)], kind).unify_dictionaries().combine_chunks()
        self._urls = _texts(joined.dictionary)
        self._rows = pa.table([joined.indices, pa.chunked_array(measured, pa.int32())], ["code", "measured"])
        self._rows = self._rows.combine_chunks()

    def _note(self, batch: pa.RecordBatch, start: int) -> None:
        """Remember which rows belong to which network, and to which country. Either may span several batches."""
        countries = batch.column("probe_cc").cast(pa.string()).dictionary_encode()
        networks = batch.column("probe_asn")
        first = 0
        for end in sorted({*_run_ends(countries.indices), *_run_ends(networks)}):
            cc, asn = countries[first].as_py(), networks[first].as_py()
            for place in {(cc, asn), (cc, 0)}:
                begun, _ = self._spans.get(place, (start + first, 0))
                self._spans[place] = (begun, start + end)
            first = end

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        """Return the counts of one network, or the sums of a country."""
        first, end = self._spans.get((probe_cc, probe_asn), (0, 0))
        rows = self._rows.slice(first, end - first)
        if probe_asn == 0:
            rows = rows.group_by("code", use_threads=False).aggregate([("measured", "sum")])
        codes, measured = (column.to_pylist() for column in rows.columns)
        return dict(zip(map(self._urls.__getitem__, codes), measured, strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of the columns: neither the URLs nor the index of networks."""
        return int(self._rows.nbytes)


def _texts(column: pa.Array) -> list[str]:
    # Arrow makes texts without ever letting other threads run: few at a time, since one of them answers probes.
    starts = range(0, len(column), _TEXTS_AT_ONCE)
    return [text for start in starts for text in column.slice(start, _TEXTS_AT_ONCE).to_pylist()]


def _run_ends(column: pa.Array) -> list[int]:
    ends: list[int] = pc.run_end_encode(column).run_ends.to_pylist()
    return ends


@attrs.frozen
class SqlCounts:
    """A CountStore and CoverageStore over the counter and fastpath tables."""

    engine: SqlEngine

    def counts(self, now: datetime) -> ArrowCounts:
        """Read the counters of this week and the previous one."""
        bounds = {"first_week": window_start(now.astimezone(UTC))}
        return ArrowCounts(self.engine.stream(_NETWORKS, bounds, _LIMITS))

    def coverage(self, since: datetime) -> dict[tuple[str, str], Coverage]:
        """Summarise the measurements of listed URLs by country and URL."""
        bounds = {"since": since.astimezone(UTC).replace(tzinfo=None)}
        found = self.engine.query(_COVERAGE, bounds, Limits(seconds=60, rows=None))
        return {(cc, url): Coverage(measured, anomalies) for cc, url, measured, anomalies in found.tuples}
