"""Forgetting measurements, cut at its last step."""

from datetime import UTC, datetime

import pytest

from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.erasure import SqlErasure
from ooni_adapters.sql.tables import FASTPATH, JSONL
from ooni_core.catalog.model import CountQuery, MeasurementFilter
from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid


class Now:
    def now(self):
        return datetime.now(UTC)


def test_forgetting_that_failed_when_charts_were_made_again_can_be_asked_again(duckdb_memory, monkeypatch):
    engine, clock = duckdb_memory, Now()
    uids = [MeasurementUid(f"2024051511595{n}.123456_IT_webconnectivity_0123456789abcdef") for n in range(2)]
    start = datetime.fromisoformat("2024-05-15T11:00:00")
    rows = [{"measurement_uid": uid.text, "measurement_start_time": start, "update_time": start} for uid in uids]
    engine.insert(FASTPATH, rows)
    engine.insert(JSONL, [{"measurement_uid": uids[0].text}])
    SqlRollups(engine, clock).refresh()

    def failing(*_):
        raise Unavailable("the disk is away")

    with monkeypatch.context() as patch:
        patch.setattr(SqlRollups, "recount", failing)
        with pytest.raises(Unavailable):
            SqlErasure(engine, clock).forget(uids[:1])
    assert engine.query("SELECT count(*) FROM jsonl").scalar() == 1
    SqlErasure(engine, clock).forget(uids[:1])
    assert [cell.counts.measurements for cell in SqlCatalog(engine).count(CountQuery(MeasurementFilter())).cells] == [1]
    assert engine.query("SELECT count(*) FROM jsonl").scalar() == 0
