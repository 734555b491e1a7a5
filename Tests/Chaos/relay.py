"""A TCP relay: cuts connections, keeps new ones out, and writes down the HTTP requests that pass through it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

from checker import LABEL, REPEAT_MARK


@dataclass
class Passing:
    """A request that a node sent to a platform."""

    node: str
    at: float
    """Unix seconds, when its last byte came."""
    path: str
    serials: list[int]
    """The messages that its text answers."""
    is_marked: bool
    """It says that it may be a repetition."""
    was_taken: bool = False
    """The platform did not refuse it."""


class Loop:
    """One event loop in a thread of its own, for all relays of a test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine: object) -> object:
        """Runs it there; its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)


class Relay:
    """Listens on a free port, and connects each caller with the next target that can be reached."""

    def __init__(self, loop: Loop, targets: Callable[[], list[int]], recorder: Recorder | None = None) -> None:
        self._loop = loop
        self._targets = targets
        self._recorder = recorder
        self._turn = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_shut = False
        self._server = loop.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def cut(self) -> int:
        """Breaks every connection off at once; how many there were."""
        return self._loop.run(self._cut())

    def shut(self) -> None:
        """Cuts, and lets nobody in until it is opened."""
        self._is_shut = True
        self.cut()

    def open(self) -> None:
        """Lets connections in again."""
        self._is_shut = False

    async def _cut(self) -> int:
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = None if self._is_shut else await self._connect()
        if far is None or self._is_shut:
            writer.transport.abort()
            return
        far_reader, far_writer = far
        self._writers |= {writer, far_writer}
        try:
            request, answer = self._recorder.connection() if self._recorder else (None, None)
            await asyncio.gather(_copy(reader, far_writer, request), _copy(far_reader, writer, answer))
        finally:
            self._writers -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        targets = self._targets()
        self._turn += 1
        for offset in range(len(targets)):
            try:
                return await asyncio.open_connection("127.0.0.1", targets[(self._turn + offset) % len(targets)])
            except OSError:
                continue
        return None


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Callable[[bytes], None] | None
) -> None:
    try:
        while content := await reader.read(65536):
            if record:
                record(content)
            writer.write(content)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()


class Recorder:
    """What one node sends to the platforms."""

    def __init__(self, node: str, passings: list[Passing]) -> None:
        self._node = node
        self._passings = passings

    def connection(self) -> tuple[Callable[[bytes], None], Callable[[bytes], None]]:
        """Two takers of the bytes of one connection, in order: there, and back. Requests are never pipelined."""
        waiting = bytearray()
        unanswered: list[Passing] = []

        def take(content: bytes) -> None:
            waiting.extend(content)
            while (end := waiting.find(b"\r\n\r\n")) >= 0:
                lines = bytes(waiting[:end]).decode("latin-1").split("\r\n")
                headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                total = end + 4 + int(headers.get("content-length", 0))
                if len(waiting) < total:
                    return
                body = bytes(waiting[end + 4:total]).decode(errors="replace")
                del waiting[:total]
                serials = [int(match[1]) for match in LABEL.finditer(body)]
                unanswered.clear()
                if serials:
                    unanswered.append(Passing(self._node, time.time(), lines[0].split(" ")[1], serials, REPEAT_MARK in body))
                    self._passings.append(unanswered[0])

        def answer(content: bytes) -> None:
            if unanswered and content.startswith(b"HTTP/1.1 "):
                # Slack refuses with 200, too.
                unanswered.pop().was_taken = content[9:10] == b"2" and b'"ok":false' not in content.replace(b" ", b"")

        return take, answer
