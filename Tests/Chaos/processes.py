"""The processes of a crash test: an emulator that lives, and a gateway that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from web import call, free_port, is_ready


class Died(RuntimeError):
    """A process ended, or did not get ready, without having been told to."""


class Parley:
    """The binary, with the settings of one test."""

    def __init__(self, binary: Path, folder: Path, seed: int) -> None:
        self.binary = binary
        self.folder = folder
        self.emulator_url = f"http://127.0.0.1:{free_port()}"
        self.gateway_url = f"http://127.0.0.1:{free_port()}"
        self.seed = seed
        self.environment = self._environment()

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

    def start(self, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        """Starts a command that runs on; its output goes to a file in the folder."""
        with (self.folder / log).open("ab") as output:
            return subprocess.Popen(
                [str(self.binary), *arguments], env=self.environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )

    def log_tail(self, log: str, lines: int = 20) -> str:
        """The end of a log."""
        path = self.folder / log
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "OPENAI_"))}
        gateway_port = self.gateway_url.rsplit(":", 1)[1]
        return inherited | {
            "PARLEY_DATABASE_URL": f"sqlite:{self.folder}/data/parley.sqlite",
            "PARLEY_HTTP_PORT": gateway_port,
            "PARLEY_SLACK_API_URL": f"{self.emulator_url}/slack/api",
            "PARLEY_TELEGRAM_API_URL": f"{self.emulator_url}/telegram",
            "PARLEY_DISCORD_API_URL": f"{self.emulator_url}/discord/api/v10",
            "PARLEY_WHATSAPP_API_URL": f"{self.emulator_url}/whatsapp/v26.0",
            "PARLEY_MODEL": "openai:echo-agent",
            "OPENAI_BASE_URL": f"{self.emulator_url}/openai/v1",
            "OPENAI_API_KEY": "emulated",
            "PARLEY_ALLOW_PRIVATE_ADDRESSES": "true",
            "PARLEY_DEBOUNCE_MS": "50",
            "PARLEY_LOG_LEVEL": "notice",
        }


class Emulator:
    """`parley emulate`, which nobody kills."""

    def __init__(self, parley: Parley) -> None:
        self.url = parley.emulator_url
        port = self.url.rsplit(":", 1)[1]
        self._process = parley.start("emulate", "--port", port, "--seed", str(parley.seed), log="emulate.log")
        deadline = time.monotonic() + 30
        while True:
            try:
                call("GET", f"{self.url}/emulator/bots", timeout=2)
                return
            except (OSError, RuntimeError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise Died("parley emulate did not start:\n" + parley.log_tail("emulate.log")) from error
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
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Gateway:
    """`parley serve`: started, killed without warning, started again."""

    log = "serve.log"

    def __init__(self, parley: Parley) -> None:
        self._parley = parley
        self._process: subprocess.Popen[bytes] | None = None
        self.starts: list[float] = []
        """Seconds from exec to `/readyz` 200, one for each start."""
        self.kills: list[float] = []
        """Unix times."""

    def start(self, patience: float = 30) -> None:
        """Returns when it is ready."""
        began = time.monotonic()
        self._process = self._parley.start("serve", log=self.log)
        while not is_ready(self._parley.gateway_url):
            self.check_alive()
            if time.monotonic() - began > patience:
                raise Died(f"parley serve was not ready within {patience} s:\n" + self._parley.log_tail(self.log))
            time.sleep(0.01)
        self.starts.append(time.monotonic() - began)

    def run_for(self, seconds: float) -> None:
        """Lets it work; complains if it ends on its own."""
        time.sleep(seconds)
        self.check_alive()

    def check_alive(self) -> None:
        """A crash is not a kill."""
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            raise Died(f"parley serve ended on its own with {code}:\n" + self._parley.log_tail(self.log))

    def kill(self) -> None:
        """SIGKILL: it learns of nothing, and closes nothing."""
        if self._process is not None and self._process.poll() is None:
            self.kills.append(time.time())
            self._process.kill()
            self._process.wait()

    def stop(self) -> tuple[float, int]:
        """SIGTERM; seconds and exit code."""
        if self._process is None or self._process.poll() is not None:
            return (0.0, self._process.returncode if self._process else 0)
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return (time.monotonic() - began, self._process.returncode)
