"""The processes of a chaos test: an emulator that lives, and nodes of the gateway that are killed, paused and restarted."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from web import call, free_port, is_ready

_running: list[subprocess.Popen[bytes]] = []
_libc = ctypes.CDLL(None, use_errno=True)


class Died(RuntimeError):
    """A process ended, or did not get ready, without having been told to."""


def launch(command: list[str], log: Path, *, environment: dict[str, str], user: str | None = None) -> subprocess.Popen[bytes]:
    """Starts a process that does not outlive this one, whatever becomes of this one."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, user=user, group=user, preexec_fn=_die_with_parent,
        )
    _running.append(process)
    return process


def end(process: subprocess.Popen[bytes] | None, patience: float = 10, signal_number: int = signal.SIGTERM) -> int:
    """Tells it to end, and sees that it does; its exit code."""
    if process is None:
        return 0
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal_number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in _running:
        _running.remove(process)
    return process.returncode


def until(condition: Callable[[], bool], patience: float, every: float = 0.02) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def tail(path: Path, lines: int = 20) -> str:
    """The end of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@atexit.register
def _reap() -> None:
    for process in list(_running):
        if process.poll() is None:
            process.kill()
            process.wait()


def _terminated(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


signal.signal(signal.SIGTERM, _terminated)


class Parley:
    """The binary, with the settings of one test."""

    def __init__(self, binary: Path, folder: Path, seed: int, settings: dict[str, str] | None = None) -> None:
        self.binary = binary
        self.folder = folder
        self.emulator_url = f"http://127.0.0.1:{free_port()}"
        self.seed = seed
        self.environment = self._environment() | (settings or {})

    def command(self, *arguments: str, timeout: float = 60) -> str:
        """Runs one command to its end; its output."""
        done = subprocess.run(
            [str(self.binary), *arguments], env=self.environment, cwd=self.folder, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"parley {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *arguments: str) -> dict | list:
        """Runs one command and reads its JSON."""
        return json.loads(self.command(*arguments, "--json"))

    def start(self, *arguments: str, log: str, settings: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts a command that runs on; its output goes to a file in the folder."""
        return launch([str(self.binary), *arguments], self.folder / log, environment=self.environment | (settings or {}))

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "OPENAI_", "PG"))}
        return inherited | platform_settings(self.emulator_url) | {
            "PARLEY_DATABASE_URL": f"sqlite:{self.folder}/data/parley.sqlite",
            "PARLEY_MODEL": "openai:echo-agent",
            "OPENAI_BASE_URL": f"{self.emulator_url}/openai/v1",
            "OPENAI_API_KEY": "emulated",
            "PARLEY_ALLOW_PRIVATE_ADDRESSES": "true",
            "PARLEY_DEBOUNCE_MS": "50",
            # A few people write as much as many would, all of it from one address.
            "PARLEY_CONTACT_LIMIT": "0",
            "PARLEY_ADDRESS_LIMIT": "0",
            # The emulators' rates are raised, ours are the real platforms'.
            "PARLEY_SEND_RATES": "false",
            "PARLEY_LOG_LEVEL": "notice",
        }


def platform_settings(url: str) -> dict[str, str]:
    """Where a node finds the platforms."""
    return {
        "PARLEY_SLACK_API_URL": f"{url}/slack/api",
        "PARLEY_TELEGRAM_API_URL": f"{url}/telegram",
        "PARLEY_DISCORD_API_URL": f"{url}/discord/api/v10",
        "PARLEY_WHATSAPP_API_URL": f"{url}/whatsapp/v26.0",
    }


class Emulator:
    """`parley emulate`, which nobody kills."""

    def __init__(self, parley: Parley) -> None:
        self.url = parley.emulator_url
        port = self.url.rsplit(":", 1)[1]
        self._process = parley.start("emulate", "--port", port, "--seed", str(parley.seed), log="emulate.log")
        deadline = time.monotonic() + 60
        while True:
            try:
                call("GET", f"{self.url}/emulator/bots", timeout=2)
                return
            except (OSError, RuntimeError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise Died("parley emulate did not start:\n" + tail(parley.folder / "emulate.log")) from error
                time.sleep(0.05)

    def set(self, path: str, body: dict) -> dict:
        """`PUT /emulator/…`."""
        return call("PUT", f"{self.url}/emulator/{path}", body)

    def add(self, path: str, body: dict) -> dict:
        """`POST /emulator/…`."""
        return call("POST", f"{self.url}/emulator/{path}", body)

    def read(self, path: str, after: int = 0, wait_ms: int = 0) -> list[dict]:
        """All entries of a journal after one of them."""
        entries: list[dict] = []
        while True:
            page = call("GET", f"{self.url}/emulator/{path}?after={after}&wait_ms={wait_ms}")
            entries += page["entries"]
            if not page["entries"]:
                return entries
            after, wait_ms = page["last"], 0

    def stop(self) -> None:
        """Ends it."""
        end(self._process)


class Node:
    """One `parley serve`: started, killed without warning, paused, started again."""

    def __init__(self, parley: Parley, number: int = 1, settings: dict[str, str] | None = None) -> None:
        self.name = f"node-{number}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._parley = parley
        self._settings = {"PARLEY_HTTP_PORT": str(self.port)} | (settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.starts: list[float] = []
        """Seconds from exec to `/readyz` 200, one for each start."""
        self.kills: list[float] = []
        """Unix times."""
        self.pauses: list[tuple[float, float]] = []
        """Unix times."""

    @property
    def log(self) -> Path:
        """What it wrote, over all its starts."""
        return self._parley.folder / f"{self.name}.log"

    @property
    def is_running(self) -> bool:
        """Whether there is a process, paused or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last process, once it has ended; -9 after SIGKILL."""
        return self._process.poll() if self._process else None

    def start(self, patience: float = 60, settings: dict[str, str] | None = None, wait: bool = True) -> None:
        """Returns when it is ready."""
        end(self._process)
        self._began = time.monotonic()
        self._process = self._parley.start("serve", log=self.log.name, settings=self._settings | (settings or {}))
        if wait:
            self.wait(patience)

    def wait(self, patience: float = 60) -> None:
        """Until it is ready."""
        while not is_ready(self.url):
            self.check_alive()
            if time.monotonic() - self._began > patience:
                raise Died(f"{self.name} was not ready within {patience:.0f} s:\n" + tail(self.log))
            time.sleep(0.01)
        self.starts.append(time.monotonic() - self._began)

    def run_for(self, seconds: float) -> None:
        """Lets it work; complains if it ends on its own."""
        time.sleep(seconds)
        self.check_alive()

    def check_alive(self) -> None:
        """A crash is not a kill."""
        if self._process is not None and self._process.poll() is not None:
            raise Died(f"{self.name} ended on its own with {self._process.returncode}:\n" + tail(self.log))

    def kill(self) -> None:
        """SIGKILL: it learns of nothing, and closes nothing."""
        if self._process is not None and self._process.poll() is None:
            self.kills.append(time.time())
            self._process.kill()
        if self._process is not None:
            self._process.wait()

    def note_death(self) -> None:
        """It killed itself, as it was told to."""
        self.kills.append(time.time())

    def pause(self) -> None:
        """SIGSTOP: it stands still, in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            self.pauses.append((time.time(), float("inf")))

    def resume(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        if self._process is not None:
            self.pauses[-1] = (self.pauses[-1][0], time.time())
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> tuple[float, int]:
        """SIGTERM; seconds and exit code."""
        began = time.monotonic()
        code = end(self._process, 30)
        return (time.monotonic() - began, code)
