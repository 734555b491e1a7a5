#!/usr/bin/env python3
"""Fills the disk under a SQLite database: webhooks are put off with 503, and taken again once there is room.

The disk is a small tmpfs in a mount namespace of its own, so it needs root, and touches nothing else.

Run: python3 Tests/Chaos/disk_full_test.py --parley .build/debug/parley --cycles 20
"""

from __future__ import annotations

import argparse
import errno
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bed import Bed, arguments, run, say
from processes import until


class DiskFullTest(Bed):
    """A file grows until nothing fits beside it, and goes again."""

    def __init__(self, options: argparse.Namespace) -> None:
        folder = Path(tempfile.mkdtemp(prefix="parley-chaos-"))
        (folder / "disk").mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={options.megabytes}m", "tmpfs", str(folder / "disk")], check=True
        )
        self._disk = folder / "disk"
        super().__init__(
            options, folder=folder, settings={"PARLEY_DATABASE_URL": f"sqlite:{self._disk}/parley.sqlite"}
        )

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.stop()
        subprocess.run(["umount", "-l", str(self._disk)], check=False)
        super().__exit__()

    def act(self) -> None:
        """Full until somebody was put off; then empty until somebody is acknowledged."""
        self.start_nodes()
        load = self.start_load(longest_pause=0.2)
        ballast = self._disk / "ballast"
        slowest = 0.0
        for cycle in range(self.options.cycles):
            time.sleep(self.random.uniform(0.3, 1.0))
            put_off = load.ledger.statuses.get(503, 0)

            def is_put_off() -> bool:
                # What checkpoints free meanwhile is taken too.
                self._fill(ballast)
                return load.ledger.statuses.get(503, 0) > put_off

            if not until(is_put_off, 60):
                self.problems.append("nobody was put off although the disk is full")
                break
            self.check_alive()
            ballast.unlink()
            freed = time.time()
            if not until(lambda: self._acknowledged_since(freed), 30):
                self.problems.append("nothing was acknowledged within 30 s after there was room again")
                break
            slowest = max(slowest, time.time() - freed)
            if (cycle + 1) % 10 == 0:
                say(f"{cycle + 1} times full")
        ballast.unlink(missing_ok=True)
        self.settle()
        self.facts.append(("acknowledged again", f"{slowest:.2f} s after there was room at the latest"))
        others = {status: count for status, count in load.ledger.statuses.items() if status not in (200, 401, 503)}
        if others:
            self.problems.append(f"other answers than 200 and 503: {others}")
        self._check_integrity()

    def _acknowledged_since(self, moment: float) -> bool:
        assert self.load is not None
        return any(one.posted_at > moment for one in self.load.ledger.acknowledgements[-200:])

    @staticmethod
    def _fill(ballast: Path) -> None:
        with ballast.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def _check_integrity(self) -> None:
        connection = sqlite3.connect(f"{self._disk}/parley.sqlite")
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.close()
        self.facts.append(("integrity_check", found))
        if found != "ok":
            self.problems.append(f"integrity_check: {found}")


if __name__ == "__main__":
    parser = arguments("Fills the disk under SQLite.", cycles=20, database="sqlite", nodes=1, businesses=1, calm=True)
    parser.add_argument("--megabytes", type=int, default=64, help="size of the disk")
    parser.parse_args()
    if os.environ.get("CHAOS_NAMESPACE") != "own":
        if os.getuid() != 0:
            print("SKIPPED: a disk of its own needs root")
            sys.exit(0)
        os.environ["CHAOS_NAMESPACE"] = "own"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])
    sys.exit(run(DiskFullTest, parser))
