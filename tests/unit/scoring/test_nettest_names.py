"""Every name that has rules has a short form, and short forms are never ambiguous."""

from ooni_core.reference.nettests import FULL_NAMES, SHORT_NAMES
from ooni_core.scoring.nettests import NETTESTS, NEWER_NETTESTS


def test_every_scored_nettest_has_a_short_name():
    assert set(NETTESTS) | set(NEWER_NETTESTS) <= set(SHORT_NAMES)


def test_short_names_mean_one_nettest_each():
    assert len(FULL_NAMES) == len(SHORT_NAMES)
    assert all(FULL_NAMES[short] == name for name, short in SHORT_NAMES.items())
