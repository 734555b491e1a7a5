"""The servers beside the gateway, each in a temporary folder, on a free port of 127.0.0.1: PostgreSQL, Redis, haproxy."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from processes import Died, end, launch, tail, until
from web import free_port


class Missing(RuntimeError):
    """A server that is not installed here."""


def find(program: str, *folders: str) -> str:
    """Where a program is."""
    for folder in folders:
        for path in sorted(Path("/").glob(folder.lstrip("/")), reverse=True):
            if (path / program).exists():
                return str(path / program)
    found = shutil.which(program)
    if found is None:
        raise Missing(f"{program} is not installed")
    return found


def answers(port: int) -> bool:
    """Whether anybody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Postgres:
    """A cluster with every durability setting at its default: `fsync`, `synchronous_commit` and `full_page_writes` on."""

    modes = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill -9": signal.SIGKILL}

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "postgres"
        self.folder.mkdir()
        self.port = free_port()
        self._bin = Path(find("postgres", "/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin")).parent
        self._log = self.folder / "log"
        self._log.touch()
        # The server refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            folder.chmod(0o755)
            owner = pwd.getpwnam(self._user)
            for path in (self.folder, self._log):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        self._process: subprocess.Popen[bytes] | None = None
        made = subprocess.run(
            [str(self._bin / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"],
            env=self._environment, user=self._user, group=self._user, cwd=self.folder, capture_output=True, text=True, check=False,
        )
        if made.returncode != 0:
            raise Died(f"initdb: {made.stderr}")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nmax_connections = 300\n"
                           f"unix_socket_directories = '{self.folder}'\n")
        self.start()
        self.query("CREATE ROLE parley LOGIN CREATEROLE", database="postgres")
        self.query("CREATE DATABASE parley OWNER parley", database="postgres")

    def url(self, port: int | None = None) -> str:
        """For `PARLEY_DATABASE_URL`; `port` is that of a relay."""
        return f"postgres://parley@127.0.0.1:{port or self.port}/parley"

    def start(self) -> float:
        """Returns the Unix time at which it took connections again."""
        end(self._process)
        deadline = time.monotonic() + 60
        while True:
            self._process = launch(
                [str(self._bin / "postgres"), "-D", str(self.folder / "data")], self._log,
                environment=self._environment, user=self._user,
            )
            # After kill -9 the last backends may still hold its memory: then it ends at once, and tries again.
            while self._process.poll() is None:
                if self._is_ready():
                    return time.time()
                time.sleep(0.01)
            end(self._process)
            if time.monotonic() > deadline:
                raise Died("PostgreSQL does not start:\n" + tail(self._log))
            time.sleep(0.05)

    def stop(self, mode: str = "fast") -> float:
        """Returns the Unix time from which on none of its processes lived."""
        process = self._process
        if process is None:
            return time.time()
        session = self._backends()
        process.send_signal(self.modes[mode])
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in session), 30, every=0.002)
        end(process)
        return time.time()

    def query(self, sql: str, database: str = "parley") -> str:
        """As the superuser; rows as lines, columns parted by a bar."""
        done = subprocess.run(
            [str(self._bin / "psql"), "-XAtq", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
             "-v", "ON_ERROR_STOP=1", "-c", sql, database],
            env=self._environment, capture_output=True, text=True, check=False, timeout=60,
        )
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr}")
        return done.stdout.strip()

    def _is_ready(self) -> bool:
        return subprocess.run(
            [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"],
            env=self._environment, check=False,
        ).returncode == 0

    def _backends(self) -> list[int]:
        assert self._process is not None
        try:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in children.split()]


class Redis:
    """Without persistence: nothing in it may matter."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._program = find("redis-server")
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Returns when it listens."""
        self._process = launch(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            self._log, environment={"PATH": os.environ.get("PATH", "")},
        )
        if not until(lambda: answers(self.port), 20):
            raise Died("Redis does not start:\n" + tail(self._log))

    def stop(self) -> None:
        """SIGKILL."""
        end(self._process, signal_number=signal.SIGKILL)

    def command(self, *words: str) -> bytes:
        """One command in RESP; the first kilobyte of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            line = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            connection.sendall(line.encode())
            return connection.recv(1024)


class HAProxy:
    """In front of the nodes, asking each for `/readyz`."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.port = free_port()
        self._state = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        configuration = folder / "haproxy.cfg"
        servers = "\n".join(
            f"    server node-{number} 127.0.0.1:{port} check inter 100ms fall 1 rise 1"
            for number, port in enumerate(ports, 1)
        )
        configuration.write_text(f"""
global
    maxconn 2000
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout check 5s
    option redispatch 1
    retries 3
    retry-on conn-failure
frontend state
    bind 127.0.0.1:{self._state}
    stats enable
    stats uri /
frontend webhooks
    bind 127.0.0.1:{self.port}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    http-reuse never
{servers}
""")
        self._process = launch(
            [find("haproxy", "/usr/sbin"), "-db", "-f", str(configuration)], folder / "haproxy.log",
            environment={"PATH": os.environ.get("PATH", "")},
        )
        if not until(lambda: answers(self.port), 20):
            raise Died("haproxy does not start:\n" + tail(folder / "haproxy.log"))

    def knows(self, node: str) -> bool:
        """Whether it has seen that a node is ready."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._state}/;csv", timeout=5) as page:
            lines = page.read().decode().splitlines()
        return any(line.startswith(f"nodes,{node},") and ",UP," in line for line in lines)

    def stop(self) -> None:
        """Ends it."""
        end(self._process)
