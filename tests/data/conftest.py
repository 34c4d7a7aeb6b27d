"""A folder of datasets of one's own for every test, and a server that can break off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """Where datasets lie in this test."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SPLATBENCH_DATA", str(folder))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@dataclass
class Server:
    """Files by path; ``breaks_after`` bytes the next answer stops; requests are noted with their range."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks_after: int | None = None
    refuses: bool = False
    knows_ranges: bool = True
    requests: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            state.requests.append((self.path, asked))
            content = state.files.get(self.path)
            if content is None or state.refuses:
                self.send_error(503 if state.refuses else 404)
                return
            start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and state.knows_ranges else 0
            if start >= len(content) > 0:
                self.send_error(416)
                return
            part = content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if state.breaks_after is not None:
                part, state.breaks_after, state.refuses = part[: state.breaks_after], None, True
            self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    running.shutdown()
    running.server_close()
