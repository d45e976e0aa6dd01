"""The README works by copy and paste: each of its curl lines runs, and answers what it shows."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.installation import only_with
from tests.service import RunningService, eventually

ROOT = Path(__file__).parents[2]
LINES = re.findall(r"^\$ (curl .*)\n(.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
# Differs from run to run: names made of the moment, the address, and how long it took.
VOLATILE = [
    (r"\d{14}\.\d{6}_IT", "<moment>_IT"),
    (r"http://127\.0\.0\.1:\d+", "<service>"),
    (r'"(query_time|elapsed_seconds)":[-+.e\d]+', r'"\1":0'),
]


def steady(text):
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    # Python runs this file when it starts, so that the service has what `make serve` installs, and nothing that tests do.
    folder = tmp_path_factory.mktemp("readme")
    (folder / "sitecustomize.py").write_text(only_with("service"))
    running = RunningService(folder, environment={"PYTHONPATH": str(folder)}).start()
    yield running
    running.stop()


def test_curl_lines_answer_what_the_readme_shows(service):
    def answer(line):
        command = line.replace("http://127.0.0.1:8080", service.url)
        return subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    assert len(LINES) == 4
    for line, shown in LINES:
        found = eventually(lambda: steady(answer(line)) == steady(shown) or None)  # noqa: B023
        assert found or steady(answer(line)) == steady(shown), line


def test_example_is_the_envelope_a_probe_sends():
    document = json.loads((ROOT / "examples" / "measurement.json").read_text())
    assert document["format"] == "json"
    assert document["content"]["report_id"] in LINES[0][0]
