"""Forgetting what the tables say about withdrawn measurements."""

from collections.abc import Collection

import attrs

from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import FASTPATH, JSONL, MSMT_FEEDBACK, OBS_OPENVPN, QUARANTINE
from ooni_core.measurement import MeasurementUid
from ooni_core.ports import Clock

_ABOUT_MEASUREMENTS = (FASTPATH, JSONL, OBS_OPENVPN, QUARANTINE, MSMT_FEEDBACK)


@attrs.frozen
class SqlErasure:
    """An Erasure in a SQL database. The charts' rollups that counted them are made again."""

    engine: SqlEngine
    clock: Clock

    def forget(self, uids: Collection[MeasurementUid]) -> None:
        """Find the rows by measurement uid, then delete them by their key."""
        if not uids:
            return
        texts = sorted(uid.text for uid in uids)
        with self.engine.transaction():
            for table in _ABOUT_MEASUREMENTS:
                key = ", ".join(table.key)
                found = self.engine.query(
                    f"SELECT {key} FROM {table.name} WHERE measurement_uid IN $uids",  # noqa: S608 - declared names
                    {"uids": texts},
                )
                self.engine.delete(table, found.dicts())
            # In the same transaction: once the rows are gone, nothing tells where they were counted.
            SqlRollups(self.engine, self.clock).recount(texts)
