"""Examples in docstrings and in the page for researchers are true."""

import doctest
import importlib
from pathlib import Path

import pytest

from ooni_core.scoring.verdict import KINDS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "researchers" / "scoring.md"


def test_examples_of_the_page_are_true():
    text = PAGE.read_text(encoding="utf-8").replace("```pycon", "").replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, "scoring.md", str(PAGE), 0)
    assert len(examples.examples) > 25
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_page_names_every_kind_of_quarantine():
    text = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []


@pytest.mark.parametrize(
    "name",
    [
        "testing",
        "scoring.engine",
        "scoring.fingerprints",
        "scoring.proof",
        "measurement.legacy",
        "measurement.legacy_normal",
    ],
)
def test_examples_of_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(f"ooni_core.{name}"))
    assert result.attempted
    assert not result.failed
