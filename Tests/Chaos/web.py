"""HTTP as the chaos tests need it: JSON calls to the emulator, and posts of which exactly one thing is certain."""

from __future__ import annotations

import http.client
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread, local
from urllib.parse import urlsplit


def call(method: str, url: str, body: dict | None = None, *, token: str | None = None, timeout: float = 70) -> dict:
    """A JSON call that must succeed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise RuntimeError(f"{method} {url}: {response.status} {content[:500]!r}")
    return json.loads(content or b"{}")


def post(url: str, body: bytes, headers: dict[str, str], timeout: float = 10) -> int:
    """The status, once the whole answer was read; 0 for anything less: only then is it an acknowledgement."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Poster:
    """Posts over connections that stay open, one for each thread and address."""

    def __init__(self, timeout: float = 30) -> None:
        self._timeout = timeout
        self._open = local()

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Like ``post``."""
        parts = urlsplit(url)
        connections: dict[str, http.client.HTTPConnection] = self._open.__dict__
        connection = connections.get(parts.netloc)
        if connection is None:
            connection = connections[parts.netloc] = http.client.HTTPConnection(parts.netloc, timeout=self._timeout)
        try:
            connection.request("POST", parts.path, body, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0


def is_ready(base_url: str) -> bool:
    """Whether `/readyz` says that it is."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Recorder:
    """Takes what the emulated platforms post, to learn what their webhooks look like."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bodies: list[tuple[str, dict]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with recorder._lock:
                    recorder._bodies.append((self.path[1:], json.loads(content)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def bodies(self) -> list[tuple[str, dict]]:
        """What came so far: the path without its slash, and the body."""
        with self._lock:
            return list(self._bodies)

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
