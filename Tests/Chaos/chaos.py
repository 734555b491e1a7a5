#!/usr/bin/env python3
"""Every chaos test in turn, each a process of its own; ends with one line for each.

A short run, as the build machine does it: python3 Tests/Chaos/chaos.py --parley .build/debug/parley
By hand, 20 times as long: python3 Tests/Chaos/chaos.py --parley .build/debug/parley --times 20
Single ones: … --only pauses --only rolling
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Scenario:
    """A test with the counts of a short run."""

    name: str
    file: str
    cycles: int
    """For `--times 1`."""
    count: str = "--cycles"
    """The option that takes them."""
    options: list[str] = field(default_factory=list)
    most: int = 1_000_000
    """More than that adds nothing."""


SCENARIOS = [
    Scenario("one node killed, SQLite", "crash_test.py", 8, options=["--database", "sqlite", "--nodes", "1"]),
    Scenario("nodes killed", "crash_test.py", 30, options=["--nodes", "3", "--lease", "1.5"]),
    Scenario("killed after commit", "named_points_test.py", 5, options=["--point", "after_commit", "--nodes", "2"]),
    Scenario("killed after send", "named_points_test.py", 5, options=["--point", "after_send", "--nodes", "2"]),
    Scenario("pauses", "pause_test.py", 4),
    Scenario("database away", "database_test.py", 5),
    Scenario("Redis away", "redis_test.py", 3),
    Scenario("duplicates", "duplicates_test.py", 2000, count="--messages", most=100_000),
    Scenario("rolling restart", "rolling_test.py", 2),
    Scenario("disk full", "disk_full_test.py", 4),
    Scenario(
        "fairness", "fairness_test.py", 8, count="--seconds", most=60,
        # A short stretch on a busy machine shows starvation and little more: by hand the bound is 2.
        options=["--businesses", "8", "--bound", "8"],
    ),
]


def main() -> int:
    """Exit code 1 if any failed."""
    parser = argparse.ArgumentParser(description="Runs every chaos test.")
    parser.add_argument("--parley", required=True, help="the binary; the named points need a debug build")
    parser.add_argument("--times", type=float, default=1, help="how many times the counts of a short run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="only those whose name has this word in it")
    parser.add_argument("--keep", action="store_true", help="keep the folders with databases and logs")
    parser.add_argument("rest", nargs="*", help="after --: options for every test")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    outcomes: list[tuple[str, str]] = []
    for scenario in SCENARIOS:
        if options.only and not any(word.lower() in scenario.name.lower() for word in options.only):
            continue
        outcomes.append((scenario.name, _run(scenario, options)))
    print()
    width = max((len(name) for name, _ in outcomes), default=0)
    for name, outcome in outcomes:
        print(f"{name:{width}}  {outcome}")
    return 1 if any("FAILED" in outcome for _, outcome in outcomes) else 0


def _run(scenario: Scenario, options: argparse.Namespace) -> str:
    count = min(max(1, round(scenario.cycles * options.times)), scenario.most)
    command = [
        sys.executable, str(Path(__file__).parent / scenario.file), "--parley", options.parley, scenario.count, str(count),
        "--seed", str(options.seed), *scenario.options, *(["--keep"] if options.keep else []), *options.rest,
    ]
    print(f"\n=== {scenario.name}: {count}", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    last = ""
    try:
        for line in process.stdout or []:
            print(line, end="", flush=True)
            last = line.strip() or last
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    seconds = f"{time.monotonic() - began:.0f} s"
    if last.startswith("SKIPPED"):
        return last
    return f"{'FAILED' if code else 'passed'}: {last} ({scenario.count[2:]} {count}, {seconds})"


if __name__ == "__main__":
    sys.exit(main())
