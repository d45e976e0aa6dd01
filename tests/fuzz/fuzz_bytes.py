"""Coverage-guided fuzzing of everything that meets strangers' bytes first. ``make fuzz`` runs it for a bounded time.

One invariant: bytes are accepted, or refused by the one documented error; scoring gives a verdict, a discard or a
quarantine, the same one on the fast path and on the plain one. Whatever else happens is a finding: the fuzzer stops,
and leaves the input beside it.
"""

import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ooni_core", "ooni_adapters.measurementfiles"]):
    from ooni_adapters.measurementfiles import Record, Rejected, read_stream
    from ooni_core.errors import Invalid
    from ooni_core.intake.envelope import check_body
    from ooni_core.scoring import RULESETS, Discarded, Engine, FingerprintSet, Quarantined, Stored
    from ooni_core.testing import UID, block_page

_PAGES = (block_page("Foo"), block_page("Bar", location="header.server", pattern_type="prefix"))
_ENGINES = [
    Engine(FingerprintSet(dns=(block_page("1.1.1.1", location="dns"),), http=_PAGES), name) for name in RULESETS
]


def scoring(body: bytes) -> None:
    """Score *body* by both ways under every rule set."""
    for engine in _ENGINES:
        outcome = engine.score(body, UID)
        assert isinstance(outcome, Stored | Discarded | Quarantined)
        assert repr(engine.score_whole(body, UID)) == repr(outcome)


def intake(body: bytes) -> None:
    """Ask at the door; what is let in has an outcome, and is scored like everything else."""
    try:
        check_body(body)
    except Invalid:
        return
    scoring(body)


def files(content: bytes) -> None:
    """Read *content* as a file of any kind: records, and rejections that say why."""
    for entry in read_stream(io.BytesIO(content), "file"):
        assert isinstance(entry, Record) or (isinstance(entry, Rejected) and entry.reason)


TARGETS = {"scoring": scoring, "intake": intake, "files": files}


def main() -> None:
    """Fuzz the target that the first argument names; the others go to the fuzzer."""
    name, *options = sys.argv[1:]
    project = Path(__file__).parents[2]
    found = project / ".fuzz" / name  # what led to new paths is kept, and the next run begins with it
    found.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *options, str(found), str(project / "examples")], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
