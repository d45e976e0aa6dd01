"""Publication is cut at every checkpoint in turn: nothing accepted is lost, altered, or published twice.

It keeps the transparency log as the service does, and after each cut the log is one, complete and consistent.

``pytest -s`` prints the counts that docs/how-it-is-tested.md tells.
"""

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from ooni_adapters.journal import SqliteJournal
from ooni_adapters.signing import Ed25519Signer, ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.errors import OoniError, Unavailable
from ooni_core.publication.lines import content_of
from ooni_core.publication.manifests import read_manifest
from ooni_core.publication.model import Report
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.service import PublicationLimits
from ooni_core.publication.transparency.audit import BodyAudit, audit_tree
from ooni_core.publication.transparency.checkpoint import Checkpoint
from ooni_core.publication.transparency.log import TransparencyLog
from tests.contract.publication.crashing import (
    Checkpoints,
    Cut,
    FileIndex,
    cut_statements,
    cut_system_calls,
    die,
    disk_full,
    in_child,
    input_output_error,
)
from tests.contract.publication.world import World, posted

pytestmark = pytest.mark.long
SIGNER = Ed25519Signer("log.example/ooni", bytes(range(32)))
BODIES = [posted(i, pad=i) for i in range(5)] + [b"no measurement"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: a process that dies loses nothing there, and thousands of fsync cost."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def small_process() -> Iterator[ProcessPoolExecutor]:
    """A process with nothing but publication: no other thread is in the way, and it copies itself in a quarter of the time."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        yield process


def make_world(folder: Path) -> World:
    folder.mkdir(parents=True, exist_ok=True)
    limits = PublicationLimits(batch_measurements=4, keep_journal=timedelta(days=2))
    return World(folder, index=FileIndex(folder / "index.sqlite"), limits=limits)


def accept_all(world: World) -> dict[str, bytes]:
    """Two hours, two countries."""
    return {
        world.accept(body, minutes=number // 5 * 60, cc=("IT", "FR")[number == 4]).text: body
        for number, body in enumerate(BODIES)
    }


def log_in(objects: ObjectStore) -> TransparencyLog:
    return TransparencyLog(ObjectTiles(objects), [SIGNER], ed25519_check)


def run(world: World) -> Report:
    """One run of publication with its log."""
    return world.service(announce=log_in(world.objects).append_manifest).run()


def cut_run(world: World, checkpoints: Checkpoints) -> Report:
    """One run with a checkpoint around every call of a port."""
    scored = Cut(_Scored(), "scoring", checkpoints)
    ports = {name: Cut(getattr(world, name), name, checkpoints) for name in ("spool", "journal", "objects", "index")}
    log = log_in(ports["objects"])
    return world.service(before_discard=scored.score, announce=log.append_manifest, **ports).run()


def killed_run(world: World, number: int) -> bool:
    """Kill a run at that checkpoint around the calls of ports; say whether it got there."""
    return in_child(lambda: cut_run(world, Checkpoints(number, die))) != 0


class _Scored:
    def score(self, uids: object) -> None: ...


def check_nothing_lost(world: World, accepted: dict[str, bytes]) -> None:
    """At every instant each accepted body is in the spool or in the archive, with equal bytes."""
    archive = world.archive()
    for uid, body in accepted.items():
        if body.startswith(b"{"):
            assert archive.find(uid) == content_of(body).text
    spooled = {uid.text: world.spool.get(uid) for bucket in world.spool.buckets() for uid in world.spool.uids(bucket)}
    assert spooled.items() <= accepted.items()


def check_published_once(world: World, accepted: dict[str, bytes]) -> None:
    """In the end each accepted body is published exactly once, with equal bytes, and indexed exactly once."""
    assert list(world.spool.buckets()) == []
    assert world.cans() == accepted
    published = sorted(line for lines in world.lines().values() for line in lines)
    assert published == sorted(content_of(body).text if body.startswith(b"{") else b"{}" for body in accepted.values())
    indexed = {entry.measurement_uid: entry for entry in world.index.all()}
    assert set(indexed) == {uid for uid, body in accepted.items() if body.startswith(b"{")}
    lines = world.lines()
    for uid, entry in indexed.items():
        assert lines[entry.s3path][entry.linenum] == content_of(accepted[uid]).text
    listed = [
        file.key for key in world.objects.keys("manifests") for file in read_manifest(world.objects.get(key)).files
    ]
    assert sorted(listed) == world.keys()


def signed_states(world: World) -> list[Checkpoint]:
    """Every state of the log that was signed, by now, for anybody to see."""
    view = log_in(world.objects).view
    return [view.opened(world.objects.get(key)) for key in world.objects.keys("transparency/checkpoints")]


def check_log(world: World, measurements: int, seen: Sequence[Checkpoint]) -> None:
    """The log has every published body once, as published, and extends every state that anybody saw."""
    view = log_in(world.objects).view
    checkpoint = view.checkpoint()
    told = audit_tree(view, checkpoint)
    assert checkpoint.size == told.measurements == measurements
    audit = BodyAudit(view, checkpoint.size, told.withdrawn, world.objects)
    assert [problem for hour in audit.hours(told.hours) for problem in audit.check_hour(hour)] == []
    assert audit.bodies == measurements
    for earlier in seen:
        view.verify_extends(earlier, checkpoint)


def tell(count: str) -> None:
    sys.stdout.write(f"\n{count}\n")


def cut_everywhere(folder: Path, one: Callable[[World, int], bool]) -> int:
    """Cut at checkpoint 1, 2, 3… of a fresh world until a run passes unharmed; return how many were cut."""
    for number in range(1, 2000):
        world = make_world(folder / str(number))
        accepted = accept_all(world)
        harmed = one(world, number)
        check_nothing_lost(world, accepted)
        published = {key: world.objects.get(key) for top in ("raw", "manifests") for key in world.objects.keys(top)}
        seen = signed_states(world)
        for _ in range(2):
            report = run(world)
        assert report.problems == ()
        check_published_once(world, accepted)
        check_log(world, 5, seen)
        for key, content in published.items():
            assert world.objects.get(key) == content, f"{key} was changed after it was published"
        world.journal.close()
        if not harmed:
            return number - 1
    raise AssertionError("the run never passed")


def test_a_run_that_is_killed_around_any_call_of_a_port(folder: Path, small_process: ProcessPoolExecutor) -> None:
    cuts = small_process.submit(cut_everywhere, folder, killed_run).result()
    tell(f"killed around calls of ports: {cuts} times")
    assert cuts > 60


def run_killed_before(
    changes: Callable[[Checkpoints], AbstractContextManager[None]], world: World, number: int
) -> bool:
    def work() -> None:
        with changes(Checkpoints(number, die)):
            run(world)

    return in_child(work) != 0


@pytest.mark.parametrize(
    ("what", "changes"),
    [("changes of files", partial(cut_system_calls, after=False)), ("statements in transactions", cut_statements)],
)
def test_a_run_that_is_killed_before_any_change(
    folder: Path,
    what: str,
    changes: Callable[[Checkpoints], AbstractContextManager[None]],
    small_process: ProcessPoolExecutor,
) -> None:
    cuts = small_process.submit(cut_everywhere, folder, partial(run_killed_before, changes)).result()
    tell(f"killed before {what}: {cuts} times")
    assert cuts > 60


def run_failing_at_a_file(world: World, number: int) -> bool:
    checkpoints = Checkpoints(number, (disk_full, input_output_error)[number % 2])
    with cut_system_calls(checkpoints, after=False):
        try:
            run(world)
        except OoniError:
            return True
    return checkpoints.passed >= number


def test_a_run_whose_nth_change_of_a_file_fails(folder: Path, small_process: ProcessPoolExecutor) -> None:
    failures = small_process.submit(cut_everywhere, folder, run_failing_at_a_file).result()
    tell(f"no space or an input/output error at changes of files: {failures} times")
    assert failures > 100


def unavailable(name: str) -> None:
    raise Unavailable(f"failed {name}")


def run_failing_at_a_port(world: World, number: int) -> bool:
    checkpoints = Checkpoints(number, unavailable)
    try:
        cut_run(world, checkpoints)
    except OoniError:
        return True
    return checkpoints.passed >= number


def test_a_run_whose_nth_call_of_a_port_fails_before_or_after_its_effect(
    folder: Path, small_process: ProcessPoolExecutor
) -> None:
    failures = small_process.submit(cut_everywhere, folder, run_failing_at_a_port).result()
    tell(f"failed around calls of ports: {failures} times")
    assert failures > 60


def test_runs_that_are_killed_again_and_again_end_all_the_same(folder: Path) -> None:
    """Each run of one world is killed a little later than the one before, until one passes."""
    world = make_world(folder)
    accepted = accept_all(world)
    kills = 0
    while killed_run(world, kills // 3 + 1):
        kills += 1
        check_nothing_lost(world, accepted)
        assert kills < 500
    run(world)
    check_published_once(world, accepted)
    check_log(world, 5, [])
    tell(f"one world killed again and again: {kills} times")
    assert kills > 10


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1)])
def test_a_clock_that_jumps_while_publication_is_cut(folder: Path, jump: timedelta) -> None:
    jumps = 0
    for number in range(1, 2000, 9):
        world = make_world(folder / str(number))
        accepted = accept_all(world)
        killed = killed_run(world, number)
        seen = signed_states(world)
        world.clock.instant += jump
        late = posted(100 + number)
        accepted[world.accept(late, minutes=59).text] = late
        run(world)
        check_nothing_lost(world, accepted)
        world.clock.instant += timedelta(days=2)
        run(world)
        check_published_once(world, accepted)
        check_log(world, 6, seen)
        world.journal.close()
        jumps += 1
        if not killed:
            break
    tell(f"clock jumped {jump} at a cut: {jumps} times")
    assert jumps > 10


def test_a_journal_that_is_lost_when_a_run_was_killed(folder: Path) -> None:
    """Whatever the files in the object store say was published is believed; the lines stay unique."""
    numbers = range(1, 200, 5)
    for number in numbers:
        world = make_world(folder / str(number))
        accepted = accept_all(world)
        killed_run(world, number)
        world.journal.close()
        for path in (world.root / "measurements" / "uploader").rglob("*"):
            if path.is_file():
                path.unlink()
        world.journal = SqliteJournal(world.root / "measurements")
        seen = signed_states(world)
        for _ in range(2):
            assert run(world).problems == ()
        check_nothing_lost(world, accepted)
        published = [json.loads(line) for lines in world.lines().values() for line in lines if line != b"{}"]
        inputs = [each["input"] for each in published]
        assert len(inputs) == len(set(inputs)) == 5
        check_log(world, 5, seen)
    tell(f"killed and the journal lost: {len(numbers)} times")
