"""A real S3-protocol server, object stores, keys, and a log served over HTTP."""

import threading
import time

import pytest
import uvicorn

from ooni_adapters.objectstore import open_object_store
from ooni_adapters.objectstore.memory import MemoryObjects
from ooni_adapters.signing import Ed25519Signer, ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_entrypoints.http import transparency
from ooni_entrypoints.http.app import create_app
from tests.contract.objectstore.conftest import s3_bucket, s3_endpoint

__all__ = ["s3_bucket", "s3_endpoint"]


@pytest.fixture
def signer():
    return Ed25519Signer("log.example/ooni", bytes(range(32)))


@pytest.fixture(params=["memory", "folder", "s3"])
def objects(request, tmp_path):
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "folder":
        return open_object_store(f"file://{tmp_path}/objects")
    endpoint, bucket = request.getfixturevalue("s3_endpoint"), request.getfixturevalue("s3_bucket")
    return open_object_store(f"s3://{bucket}/prefix", endpoint=endpoint, key="k", secret="s")


@pytest.fixture
def log(objects, signer):
    return TransparencyLog(ObjectTiles(objects), [signer], ed25519_check)


@pytest.fixture
def serve():
    """Serve a log on 127.0.0.1; returns the URL of its prefix."""
    running = []

    def start(log: TransparencyLog) -> str:
        app = create_app(transparency.handlers, {"log_view": log.view}, "0", 1 << 20)
        config = uvicorn.Config(app, log_config=None, access_log=False, host="127.0.0.1", port=0, lifespan="off")
        listener, server = config.bind_socket(), uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/transparency"

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(10)
        listener.close()
