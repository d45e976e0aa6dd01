"""Files of secrets come into being whole, once, and for their owner only."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ooni_adapters.private_files import create_private_file
from ooni_adapters.secrets import kept_secret


def test_file_is_private_and_its_folder_made(tmp_path):
    path = tmp_path / "keys" / "secret"
    create_private_file(path, "text")
    assert path.read_text() == "text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_file_that_is_there_stays(tmp_path):
    path = tmp_path / "secret"
    create_private_file(path, "first")
    with pytest.raises(FileExistsError):
        create_private_file(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_reader_sees_no_part_of_a_file_being_made(tmp_path):
    path, seen, stop = tmp_path / "secret", set(), threading.Event()

    def watch():
        while not stop.is_set():
            if path.exists():
                seen.add(path.read_text())
                path.unlink()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(100):
            try:
                create_private_file(path, "a whole key")
            except FileExistsError:
                continue
    finally:
        stop.set()
        watcher.join()
    assert seen <= {"a whole key"}


def test_everyone_gets_the_same_secret(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: kept_secret(tmp_path / "new" / "secret"), range(64)))
    assert len(found) == 1
    assert len(found.pop()) == 64
