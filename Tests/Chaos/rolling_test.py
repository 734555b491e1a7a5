#!/usr/bin/env python3
"""Restarts one node after the other behind haproxy, under load: nobody who posts a webhook notices anything.

Run: python3 Tests/Chaos/rolling_test.py --parley .build/debug/parley --cycles 50
"""

from __future__ import annotations

import argparse
import sys
import time

from bed import Bed, arguments, run, say
from processes import Died, tail, until
from services import HAProxy


class RollingTest(Bed):
    """SIGTERM, exit 0, start, ready; then the next."""

    def __init__(self, options: argparse.Namespace) -> None:
        # The proxy asks every 100 ms.
        super().__init__(options, settings={"PARLEY_DRAIN_MS": "500"})

    def act(self) -> None:
        """A cycle restarts every node once."""
        self.start_nodes()
        proxy = HAProxy(self.folder, [node.port for node in self.nodes])
        try:
            for node in self.nodes:
                until(lambda: proxy.knows(node.name), 30)
            load = self.start_load([proxy.url])
            longest = 0.0
            for cycle in range(self.options.cycles):
                for node in self.nodes:
                    time.sleep(self.random.uniform(0.3, 1.0))
                    seconds, code = node.stop()
                    longest = max(longest, seconds)
                    if code != 0:
                        self.problems.append(f"SIGTERM of {node.name}: exit code {code} after {seconds:.1f} s")
                    node.start()
                    # As who deploys does: the next one only when the proxy has seen this one back.
                    if not until(lambda: proxy.knows(node.name), 30):
                        raise Died(f"haproxy does not see that {node.name} is back")
                if (cycle + 1) % 10 == 0:
                    say(f"{cycle + 1} rolling restarts")
            self.settle()
        finally:
            proxy.stop()
        self.facts.append(("SIGTERM to exit", f"{longest:.1f} s at most"))
        failed = {status: count for status, count in load.ledger.statuses.items() if status not in (200, 401)}
        if failed:
            self.problems.append(f"posts that were not acknowledged: {failed}\n" + tail(self.folder / "haproxy.log", 5))


if __name__ == "__main__":
    sys.exit(run(RollingTest, arguments("Restarts nodes one by one behind haproxy.", cycles=50, calm=True)))
