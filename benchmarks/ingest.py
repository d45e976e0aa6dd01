"""How many measurements the service accepts per second, durable or not."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.service import RunningService

from benchmarks import Figure, percentile

CONNECTIONS = 32


def _body(size: int) -> bytes:
    content = {
        "report_id": "20260101T000000Z_webconnectivity_IT_64496_n1_AAAAAAAAAAAAAAAA",
        "probe_cc": "IT",
        "probe_asn": "AS64496",
        "test_name": "web_connectivity",
        "input": "https://www.example.org/",
        "test_start_time": "2026-01-01 00:00:00",
        "measurement_start_time": "2026-01-01 00:00:00",
        "test_keys": {"blocking": False, "accessible": True, "requests": []},
    }
    body = json.dumps({"format": "json", "content": content})
    content["test_keys"]["requests"] = [{"response": {"body": "x" * max(0, size - len(body) - 30)}}]
    return json.dumps({"format": "json", "content": content}).encode()


async def _load(port: int, body: bytes, seconds: float) -> list[float]:
    request = (
        f"POST /report/20260101T000000Z_webconnectivity_IT_64496_n1_AAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    deadline, times = time.perf_counter() + seconds, []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < deadline:
            start = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return sorted(times)


def figures(*, quick: bool) -> Iterator[Figure]:
    seconds = 2.0 if quick else 8.0
    for size in (5_000, 50_000):
        rates = {}
        for fsync in (True, False):
            with tempfile.TemporaryDirectory(dir=".") as folder:
                settings = f"fsync = {str(fsync).lower()}\n[publication]\nenabled = false\n"
                service = RunningService(Path(folder), settings=settings).start()
                times = asyncio.run(_load(service.port, _body(size), seconds))
                service.kill()
            rates[fsync] = len(times) / seconds
            yield Figure(
                f"POST of {size // 1000} KB, {'with' if fsync else 'without'} fsync, {CONNECTIONS} connections",
                rates[fsync],
                "requests/s",
                f"p50 {percentile(times, 0.5) * 1000:.1f} ms, p99 {percentile(times, 0.99) * 1000:.1f} ms",
            )
        yield Figure(f"share of the rate kept with fsync, {size // 1000} KB", rates[True] / rates[False], "")
