"""`ooni serve` that scores by itself follows its fingerprints too, on DuckDB and from files."""

import csv

import httpx

from ooni_core.scoring.fingerprints import HEADER
from tests.contract.daemon.measurements import FINGERPRINTS, fingerprint
from tests.contract.daemon.test_handover import submit
from tests.service import PATIENCE_SECONDS, RunningService, eventually


def write(folder, fingerprints):
    (folder / "fingerprints_dns.csv").write_text(HEADER + "\n")
    with (folder / "fingerprints_http.csv.new").open("w") as file:
        rows = csv.DictWriter(file, HEADER.split(","))
        rows.writeheader()
        rows.writerows(fingerprints)
    (folder / "fingerprints_http.csv.new").rename(folder / "fingerprints_http.csv")


def test_changed_fingerprint_files_count_without_a_restart(tmp_path):
    write(tmp_path, FINGERPRINTS)
    settings = f'[scoring]\nfingerprints = "{tmp_path}"\nfingerprints_seconds = 0.2\n'
    service = RunningService(tmp_path, settings=settings).start()

    def confirmed(number):
        uid, _ = submit(client, service, number)
        asked = {"measurement_uid": uid, "limit": 1}
        found = eventually(lambda: client.get(f"{service.url}/api/v1/measurements", params=asked).json()["results"])
        return found[0]["confirmed"]

    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        assert confirmed(1) is False
        write(tmp_path, [*FINGERPRINTS, fingerprint("test.welcome", "welcome to site")])
        assert eventually(lambda: confirmed(1))
    service.stop()
