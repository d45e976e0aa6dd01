"""Verdicts (``fastpath`` table), the openvpn rows beside them, and the counters they feed."""

from collections.abc import Sequence
from typing import Any

import attrs

from ooni_adapters.sql.counting import count_verdicts
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_adapters.sql.tables import FASTPATH, OBS_OPENVPN
from ooni_core.ports import Clock
from ooni_core.scoring.model import Stored

_CHUNK = 1_000


@attrs.frozen
class SqlVerdictStore:
    """A VerdictStore in the ``fastpath`` table; it keeps the test list counters in step.

    Args:
        engine: the database.
        clock: tells ``update_time``, and which days the counters still cover.
        counting: False for jobs that rescore the past; the nightly recount covers what they change.
    """

    engine: SqlEngine
    clock: Clock
    counting: bool = True

    def put(self, verdicts: Sequence[Stored]) -> None:
        """Upsert rows and count new ones, in one transaction."""
        if not verdicts:
            return
        now = naive(self.clock.now())
        rows = [{**verdict_row(verdict), "update_time": now} for verdict in verdicts]
        openvpn = [_openvpn_row(verdict) for verdict in verdicts if verdict.obs_openvpn is not None]
        with self.engine.transaction():
            if self.counting:
                count_verdicts(self.engine, rows, now)
            self.engine.insert(FASTPATH, rows)
            if openvpn:
                self.engine.insert(OBS_OPENVPN, openvpn)

    def known(self, uids: Sequence[str]) -> set[str]:
        """Look uids up, in portions."""
        known: set[str] = set()
        for start in range(0, len(uids), _CHUNK):
            found = self.engine.query(
                "SELECT measurement_uid FROM fastpath WHERE measurement_uid IN $uids",
                {"uids": list(uids[start : start + _CHUNK])},
            )
            known.update(uid for (uid,) in found.tuples)
        return known


def verdict_row(verdict: Stored) -> dict[str, Any]:
    """Return the columns of ``fastpath`` that a verdict fills."""
    row = attrs.asdict(verdict.row)
    flags = {name: "t" if row[name] else "f" for name in ("anomaly", "confirmed", "msm_failure")}
    general = verdict.scores.get("blocking_general", 0.0)
    return {
        **row,
        **flags,
        "blocking_general": float(general) if isinstance(general, (int, float)) else 0.0,
        "ruleset": verdict.provenance.ruleset,
        "scoring_engine": verdict.provenance.engine,
        "fingerprints": verdict.provenance.fingerprints,
    }


def _openvpn_row(verdict: Stored) -> dict[str, Any]:
    names = set(OBS_OPENVPN.column_names)
    values = {name: value for name, value in (verdict.obs_openvpn or {}).items() if name in names}
    return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}
