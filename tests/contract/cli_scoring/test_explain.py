"""`ooni explain` and `ooni fingerprints check`, as a person calls them."""

from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from ooni_entrypoints.cli import cli

DEMO = str(resources.files("ooni_entrypoints.demo"))


def ooni(*arguments, input=None):
    return CliRunner().invoke(cli, list(arguments), input=input)


@pytest.fixture
def confirmed(tmp_path):
    """The demo measurement that shows a block page."""
    lines = (resources.files("ooni_entrypoints.demo") / "measurements.jsonl").read_text().splitlines()
    file = tmp_path / "measurement.json"
    file.write_text(next(line for line in lines if "Access denied by order" in line))
    return str(file)


def test_explanation_names_rules_fingerprint_place_and_verdict(confirmed):
    text = ooni("explain", "--fingerprints", DEMO, confirmed).output
    assert "web_connectivity" in text
    assert "blocking_general" in text
    assert "demo.authority_it (nat) in requests[0].response.body" in text
    assert "confirms blocking" in text
    assert "verdict: anomaly, confirmed" in text


def test_example_of_the_page_is_true(monkeypatch):
    project = Path(__file__).resolve().parents[3]
    page = (project / "docs" / "researchers" / "explain.md").read_text()
    shown = page.split("measurement.json\n", 1)[1].split("```", 1)[0]
    monkeypatch.chdir(project / "examples")
    assert ooni("explain", "--fingerprints", DEMO, "measurement.json").output == shown


def test_explanation_without_fingerprints_says_so(confirmed):
    done = ooni("explain", confirmed)
    assert "without --fingerprints" in done.stderr
    assert "confirmed" not in done.stdout


def test_what_is_no_measurement_is_told(tmp_path):
    file = tmp_path / "broken.json"
    file.write_text("{")
    done = ooni("explain", str(file))
    assert "quarantined: " in done.stdout


def test_fingerprints_that_can_match_are_counted():
    done = ooni("fingerprints", "check", DEMO)
    assert done.exit_code == 0
    assert "3 of 3 fingerprints can match under rule set head" in done.output


def test_dead_fingerprint_is_an_error_with_its_reason(tmp_path):
    for kind in ("dns", "http"):
        text = (resources.files("ooni_entrypoints.demo") / f"fingerprints_{kind}.csv").read_bytes()
        (tmp_path / f"fingerprints_{kind}.csv").write_bytes(
            text.replace(b"header.server,prefix", b"header.server,contains")
        )
    done = ooni("fingerprints", "check", str(tmp_path))
    assert done.exit_code == 1
    assert "dead: demo.proxy: " in done.output
    assert ooni("fingerprints", "check", str(tmp_path), "--ruleset", "full").exit_code == 0


def test_broken_file_is_named_with_its_line(tmp_path):
    for kind in ("dns", "http"):
        text = (resources.files("ooni_entrypoints.demo") / f"fingerprints_{kind}.csv").read_bytes()
        (tmp_path / f"fingerprints_{kind}.csv").write_bytes(text.replace(b",nat,", b",national,"))
    done = ooni("fingerprints", "check", str(tmp_path))
    assert done.exit_code == 1
    assert "fingerprints_http.csv, line 2" in done.output
