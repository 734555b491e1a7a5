#!/usr/bin/env python3
"""Takes Redis away, makes it slow and empties it, under load: acknowledgements, order and correctness stay as they are.

Run: python3 Tests/Chaos/redis_test.py --parley .build/debug/parley --cycles 50
"""

from __future__ import annotations

import sys
import time

from bed import Bed, arguments, run, say
from web import is_ready

WAYS = ["stop", "pause", "flush"]


class RedisTest(Bed):
    """`kill -9` and a new start, CLIENT PAUSE, FLUSHALL, in turn."""

    def act(self) -> None:
        """Whatever Redis does, every post of these people is acknowledged at its first attempt."""
        assert self.redis is not None
        self.start_nodes()
        load = self.start_load()
        for cycle in range(self.options.cycles):
            time.sleep(self.random.uniform(0.3, 1.0))
            way = WAYS[cycle % len(WAYS)]
            if way == "stop":
                self.redis.stop()
                time.sleep(self.random.uniform(0.5, self.options.outage))
                self._expect_ready("without Redis")
                self.redis.start()
            elif way == "pause":
                milliseconds = round(1000 * self.random.uniform(0.5, self.options.outage))
                self.redis.command("CLIENT", "PAUSE", str(milliseconds), "ALL")
                self._expect_ready("while Redis stands still")
                time.sleep(milliseconds / 1000)
            else:
                self.redis.command("FLUSHALL")
            self.check_alive()
            if (cycle + 1) % 10 == 0:
                say(f"{cycle + 1} outages of Redis")
        self.settle()
        failed = {status: count for status, count in load.ledger.statuses.items() if status not in (200, 401)}
        if failed:
            self.problems.append(f"posts that were not acknowledged at once: {failed}")

    def _expect_ready(self, when: str) -> None:
        for node in self.nodes:
            if not is_ready(node.url):
                self.problems.append(f"{node.name} is not ready {when}")


if __name__ == "__main__":
    options = arguments("Takes Redis away.", cycles=50, redis=True)
    options.add_argument("--outage", type=float, default=3.0, help="seconds at most")
    sys.exit(run(RedisTest, options))
