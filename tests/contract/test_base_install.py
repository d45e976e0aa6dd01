"""What a researcher installs: `import ooni_core` and `ooni score` work without any extra, and open no socket."""

import subprocess
import sys

import pytest

from tests.installation import only_with

BASE_INSTALL = only_with()


IMPORT_CORE = """
import importlib, pkgutil

import ooni_core
for module in pkgutil.walk_packages(ooni_core.__path__, "ooni_core."):
    importlib.import_module(module.name)
network = {"socket", "ssl", "http.client", "asyncio", "urllib.request", "litestar", "uvicorn", "duckdb", "pyarrow",
    "fsspec", "s3fs", "clickhouse_connect", "chdb", "apscheduler", "requests", "httpx"} & set(sys.modules)
assert not network, network
print(sum(name.startswith("ooni_core") for name in sys.modules))
"""

RUN_COMMAND = """
from ooni_entrypoints.cli import main
sys.argv = ["ooni", *{arguments!r}]
main()
"""


def in_base_install(code, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BASE_INSTALL + code],
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def test_importing_all_of_the_core_brings_no_framework_no_database_and_no_network_library():
    done = in_base_install(IMPORT_CORE)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_help_of_every_command_works_without_extras():
    from ooni_entrypoints.cli import COMMANDS

    done = in_base_install(RUN_COMMAND.format(arguments=["--help"]))
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_service_command_says_which_extra_it_needs():
    done = in_base_install(RUN_COMMAND.format(arguments=["serve"]))
    assert done.returncode == 1
    assert "pip install 'ooni-backend[service]'" in done.stderr


@pytest.mark.parametrize("arguments", [["version"], ["config", "show"]])
def test_small_commands_work_without_extras(arguments):
    assert in_base_install(RUN_COMMAND.format(arguments=arguments)).returncode == 0


def test_scoring_works_without_extras(tmp_path):
    uid = "20260203040506.000001_IT_ndt_0123456789abcdef"
    (tmp_path / f"{uid}.post").write_bytes(
        b'{"format":"json","content":{"report_id":"r","probe_cc":"IT","probe_asn":"AS1","test_name":"ndt",'
        b'"test_start_time":"2026-02-03 04:05:06","measurement_start_time":"2026-02-03 04:05:06","test_keys":{}}}'
    )
    done = in_base_install(RUN_COMMAND.format(arguments=["score", str(tmp_path)]))
    assert done.returncode == 0, done.stderr
    assert uid in done.stdout
    assert '"stored"' in done.stdout
