"""DuckDB lets one process write: the second one is told who holds the file and what to do."""

import os
import subprocess
import sys
import textwrap

from ooni_adapters.database import open_database

PROGRAM = textwrap.dedent(
    """
    import sys
    from ooni_adapters.database import open_database
    from ooni_core.errors import Conflict
    try:
        open_database(sys.argv[1])
    except Conflict as exc:
        print(exc)
        sys.exit(3)
    """
)


def test_second_process_is_told_who_holds_the_file_and_what_to_do(tmp_path):
    url = f"duckdb://{tmp_path}/ooni.duckdb"
    engine = open_database(url)
    try:
        second = subprocess.run([sys.executable, "-c", PROGRAM, url], capture_output=True, text=True, check=False)
    finally:
        engine.close()
    assert second.returncode == 3
    for part in (f"process {os.getpid()}", "stop that process", "clickhouse://", str(tmp_path)):
        assert part in second.stdout


def test_file_is_free_and_complete_after_a_process_that_did_not_close_it(tmp_path):
    url = f"duckdb://{tmp_path}/ooni.duckdb"
    program = (
        "import sys\nfrom ooni_adapters.database import open_database\nfrom ooni_adapters.sql.tables import TEST_GROUPS\n"
        "open_database(sys.argv[1]).insert(TEST_GROUPS, [{'test_name': 'ndt'}])\n"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True)
    engine = open_database(url)
    try:
        assert engine.query("SELECT test_name FROM test_groups").tuples == [("ndt",)]
    finally:
        engine.close()
