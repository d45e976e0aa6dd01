"""What prioritization asks about past measurements: counters by network and country, and a summary of the last days."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import attrs
import pyarrow as pa

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
_COUNTRIES = """
    SELECT probe_cc, CAST(0 AS BIGINT) AS probe_asn, input, CAST(sum(msmt_cnt) AS BIGINT) AS measured
    FROM counters_asn_test_list
    WHERE week >= $first_week
    GROUP BY probe_cc, input
    HAVING sum(msmt_cnt) > 0
    ORDER BY probe_cc"""
_COVERAGE = """
    SELECT probe_cc, input, CAST(count(*) AS BIGINT) AS measured,
        CAST(count(*) FILTER (WHERE anomaly = 't') AS BIGINT) AS anomalies
    FROM fastpath
    WHERE measurement_start_time >= $since AND input IN (SELECT url FROM citizenlab)
    GROUP BY probe_cc, input"""

Key = tuple[str, int]


class ArrowCounts:
    """Counts of all networks in a few flat columns: a million of them take some 20 MB."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        inputs: list[pa.Array] = []
        measured: list[pa.Array] = []
        self._places: dict[Key, tuple[int, int]] = {}
        start = 0
        for batch in batches:
            inputs.append(batch.column("input").cast(pa.string()).dictionary_encode())
            measured.append(batch.column("measured").cast(pa.int32()))
            self._note(batch, start)
            start += len(batch)
        kind = pa.dictionary(pa.int32(), pa.string())
        joined = pa.chunked_array(inputs or [pa.array([], kind)], kind).unify_dictionaries().combine_chunks()
        self._codes, self._urls = joined.indices, joined.dictionary
        self._measured = pa.chunked_array(measured, pa.int32()).combine_chunks()

    def _note(self, batch: pa.RecordBatch, start: int) -> None:
        """Remember which rows belong to which network. Batches come sorted; a network may span two of them."""
        runs = pa.Table.from_batches([batch]).group_by(["probe_cc", "probe_asn"], use_threads=False)
        found = runs.aggregate([([], "count_all")])
        for cc, asn, count in zip(
            found.column("probe_cc").to_pylist(),
            found.column("probe_asn").to_pylist(),
            found.column("count_all").to_pylist(),
            strict=True,
        ):
            first, _ = self._places.get((cc, asn), (start, 0))
            self._places[cc, asn] = (first, start + count)
            start += count

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        """Return the counts of one network."""
        first, end = self._places.get((probe_cc, probe_asn), (0, 0))
        if first == end:
            return {}
        urls = self._urls.take(self._codes.slice(first, end - first)).to_pylist()
        return dict(zip(urls, self._measured.slice(first, end - first).to_pylist(), strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes held, without the index of networks."""
        return int(self._codes.nbytes + self._urls.nbytes + self._measured.nbytes)


@attrs.frozen
class _Both:
    networks: ArrowCounts
    countries: ArrowCounts

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        return (self.networks if probe_asn else self.countries).of(probe_cc, probe_asn)


@attrs.frozen
class SqlCounts:
    """A CountStore and CoverageStore over the counter and fastpath tables."""

    engine: SqlEngine

    def counts(self, now: datetime) -> _Both:
        """Read the counters of this week and the previous one."""
        bounds = {"first_week": window_start(now.astimezone(UTC))}
        networks = ArrowCounts(self.engine.stream(_NETWORKS, bounds, _LIMITS))
        return _Both(networks, ArrowCounts(self.engine.stream(_COUNTRIES, bounds, _LIMITS)))

    def coverage(self, since: datetime) -> dict[tuple[str, str], Coverage]:
        """Summarise the measurements of listed URLs by country and URL."""
        bounds = {"since": since.astimezone(UTC).replace(tzinfo=None)}
        found = self.engine.query(_COVERAGE, bounds, Limits(seconds=60, rows=None))
        return {(cc, url): Coverage(measured, anomalies) for cc, url, measured, anomalies in found.tuples}
