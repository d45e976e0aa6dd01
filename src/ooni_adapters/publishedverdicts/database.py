"""Published verdicts in the ``fastpath`` table of a database."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

_CHUNK = 1_000
_SELECT = """
SELECT measurement_uid, report_id, input, probe_cc, probe_asn, test_name, test_start_time, measurement_start_time,
       scores, platform, anomaly, confirmed, msm_failure, blocking_type, domain, software_name, software_version,
       test_version, test_runtime, architecture, engine_name, engine_version, test_helper_address, test_helper_type,
       ooni_run_link_id, is_verified, ruleset
FROM fastpath
WHERE measurement_uid IN $uids
"""


@attrs.frozen
class DatabaseVerdicts:
    """Rows of a database.

    Args:
        engine: an SqlEngine; closed with this.
    """

    engine: Any

    def rows(self, uids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the rows of *uids*.

        Raises:
            Unavailable: the database failed.
        """
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(uids), _CHUNK):
            rows = self.engine.query(_SELECT, {"uids": list(uids[start : start + _CHUNK])}).dicts()
            found.update((row["measurement_uid"], row) for row in rows)
        return found

    def close(self) -> None:
        """Close the database."""
        self.engine.close()
