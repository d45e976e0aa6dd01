"""Catalogs on every engine, filled with given rows."""

from datetime import date

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.tables import ASNMETA, CITIZENLAB, FASTPATH, TEST_GROUPS
from ooni_adapters.sql.verdicts import verdict_row
from ooni_core.scoring.model import Provenance, Stored
from tests.embedded_clickhouse import chdb_url
from tests.unit.catalog.rows import LISTS

ENGINES = ("duckdb", "chdb")
URLS = {"duckdb": lambda: "duckdb://:memory:", "chdb": lambda: chdb_url("readapi")}
PROVENANCE = Provenance("head", "0.1.0", "0" * 64)


def fill(engine, rows, urls=LISTS, names=None, groups=None):
    """Give the tables of *engine* exactly this content; of rows with equal uids the last one counts."""
    engine.replace(
        {
            FASTPATH: list({r.measurement_uid: verdict_row(Stored(r, {}, PROVENANCE)) for r in rows}.values()),
            CITIZENLAB: [
                {"domain": u.domain, "url": u.url, "cc": u.list_name, "category_code": u.category_code} for u in urls
            ],
            ASNMETA: [
                {"asn": asn, "org_name": title, "changed": date(2026, 1, day), "cc": "", "aut_name": "", "source": ""}
                for asn, name in (names or {}).items()
                for day, title in ((1, "former name"), (2, name))
            ],
            TEST_GROUPS: [{"test_name": test, "test_group": group} for test, group in (groups or {}).items()],
        }
    )


def catalog_on(name, engines, rows, **tables):
    if name == "memory":
        return MemoryCatalog(list(rows), **{"urls": LISTS, **tables})
    engine = engines(name)
    fill(engine, rows, **tables)
    return SqlCatalog(engine)
