"""Interpreters in which only a part of what tests install can be imported, as on the machines of others."""

import contextlib
import importlib.metadata

from packaging.requirements import Requirement


def _closure(name, extras, seen):
    """Add the distributions that *name* with *extras* brings to *seen*."""
    for line in importlib.metadata.requires(name) or []:
        needed = Requirement(line)
        key = (needed.name.lower().replace("_", "-"), frozenset(needed.extras))
        wanted = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if wanted and key not in seen:
            seen.add(key)
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # needed on other platforms only
                _closure(needed.name, needed.extras, seen)
    return seen


def only_with(*extras):
    """Python text after which everything that an installation with *extras* lacks cannot be imported."""
    brought = {name for name, _ in _closure("ooni-backend", extras, set())}
    lacking = {
        module
        for module, names in importlib.metadata.packages_distributions().items()
        if not {name.lower().replace("_", "-") for name in names} & {*brought, "ooni-backend"}
    }
    return f"""
import importlib.abc, sys

class Installation(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {lacking!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Installation())
"""
