#!/usr/bin/env python3
"""Stops a node in the middle of its work for longer than its leases live, and lets it go on as if nothing had been.

Meanwhile another node takes its conversations over. What the paused node still believes to hold must not be written, and
not be sent: each node reaches the platforms through a relay of its own, so it is known who sent what after whom.

Run: python3 Tests/Chaos/pause_test.py --parley .build/debug/parley --cycles 100
"""

from __future__ import annotations

import sys
import time

from bed import Bed, arguments, run, say


class PauseTest(Bed):
    """SIGSTOP for 1.5 leases, then SIGCONT."""

    def act(self) -> None:
        """One node at a time; the others go on."""
        self.start_nodes()
        # A platform does not wait for long either, and asks another node.
        self.start_load(patience=3)
        for cycle in range(self.options.cycles):
            node = self.random.choice(self.nodes)
            time.sleep(self.random.uniform(0.2, 1.0))
            node.pause()
            time.sleep(1.5 * self.options.lease)
            node.resume()
            self.check_alive()
            if (cycle + 1) % 10 == 0:
                say(f"{cycle + 1} pauses")
        self.settle()
        self.facts.append(("takeovers", f"{self._takeovers()} messages sent by one node and then by another"))

    def _takeovers(self) -> int:
        nodes: dict[int, set[str]] = {}
        for passing in filter(lambda one: one.was_taken, self.passings):
            for serial in passing.serials:
                nodes.setdefault(serial, set()).add(passing.node)
        return sum(len(names) > 1 for names in nodes.values())


if __name__ == "__main__":
    sys.exit(run(PauseTest, arguments("Pauses nodes for longer than a lease.", cycles=100, nodes=3, lease=2.5, rate=20.0, calm=True)))
