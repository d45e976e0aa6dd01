"""Publication with the log is killed at every checkpoint: the log stays one, complete and consistent."""

import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from ooni_adapters.signing import Ed25519Signer, ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.errors import Unavailable
from ooni_core.publication.transparency.audit import BodyAudit, audit_tree
from ooni_core.publication.transparency.log import TransparencyLog
from tests.contract.publication.crashing import Checkpoints, Cut, FileIndex, die, in_child
from tests.contract.publication.world import World, posted

SIGNER = Ed25519Signer("log.example/ooni", bytes(range(32)))


@pytest.fixture
def folder():
    """In memory where there is such a place: a process that dies loses nothing there."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


def make_world(folder):
    folder.mkdir(parents=True)
    world = World(folder, index=FileIndex(folder / "index.sqlite"))
    for number in range(6):  # two hours, two countries
        world.accept(posted(number), minutes=number * 20, cc=("IT", "FR")[number % 2])
    return world


def run(world, checkpoints=None):
    objects = world.objects if checkpoints is None else Cut(world.objects, "objects", checkpoints)
    log = TransparencyLog(ObjectTiles(objects), [SIGNER], ed25519_check)
    return world.service(objects=objects, announce=log.append_manifest).run()


def check_log(world, seen):
    """The log has every published body once, as published, and extends every state that anybody saw."""
    view = TransparencyLog(ObjectTiles(world.objects), [SIGNER], ed25519_check).view
    checkpoint = view.checkpoint()
    told = audit_tree(view, checkpoint)
    assert checkpoint.size == told.measurements == 6
    audit = BodyAudit(view, checkpoint.size, told.withdrawn, world.objects)
    assert [problem for hour in told.hours for problem in audit.check_hour(hour)] == []
    assert audit.bodies == 6
    for earlier in seen:
        view.verify_extends(earlier, checkpoint)


def states(world):
    """Every state of the log that was signed, by now, for anybody to see."""
    view = TransparencyLog(ObjectTiles(world.objects), [SIGNER], ed25519_check).view
    return [view.opened(world.objects.get(key)) for key in world.objects.keys("transparency/checkpoints")]


def cut_everywhere(folder, one):
    for number in range(1, 2000):
        world = make_world(folder / str(number))
        harmed = one(world, number)
        seen = states(world)
        world.clock.instant += timedelta(hours=1)
        for _ in range(2):
            assert run(world).problems == ()
        check_log(world, seen)
        world.journal.close()
        if not harmed:
            return number - 1
    raise AssertionError("the run never passed")


def test_publication_that_is_killed_around_any_call_of_the_object_store(folder):
    cuts = cut_everywhere(folder, lambda world, number: in_child(lambda: run(world, Checkpoints(number, die))) != 0)
    sys.stdout.write(f"\npublication with the log killed around calls of the object store: {cuts} times\n")
    assert cuts > 80


def test_object_store_that_fails_before_or_after_any_effect(folder):
    def unavailable(name):
        raise Unavailable(f"failed {name}")

    def one(world, number):
        checkpoints = Checkpoints(number, unavailable)
        report = run(world, checkpoints)
        assert bool(report.problems) == (checkpoints.passed >= number)
        return checkpoints.passed >= number

    failures = cut_everywhere(folder, one)
    sys.stdout.write(f"\nobject store failed in publication with the log: {failures} times\n")
    assert failures > 80
