#!/usr/bin/env python3
"""Kills running nodes again and again, without warning and under load, and checks that they keep their promises.

Run: python3 Tests/Chaos/crash_test.py --parley .build/debug/parley --database sqlite --nodes 1 --cycles 50 --seed 1
"""

from __future__ import annotations

import sys

from bed import Bed, arguments, run, say


class CrashTest(Bed):
    """SIGKILL at random moments, of one node or of several at once."""

    def act(self) -> None:
        """50 to 1500 ms of work between two kills; who was killed is started again at once."""
        self.start_nodes()
        load = self.start_load()
        for cycle in range(self.options.cycles):
            self.nodes[0].run_for(self.random.uniform(0.05, 1.5))
            self.check_alive()
            # Now and then the whole house goes down.
            count = len(self.nodes) if self.random.random() < 0.1 else self.random.randint(1, max(1, len(self.nodes) - 1))
            killed = self.random.sample(self.nodes, count)
            for node in killed:
                node.kill()
            for node in killed:
                node.start(wait=False)
            for node in killed:
                node.wait()
            if (cycle + 1) % 10 == 0:
                say(f"{cycle + 1} times killed, {len(load.ledger.messages())} messages")
        self.settle()


if __name__ == "__main__":
    sys.exit(run(CrashTest, arguments("Kills nodes under load.", cycles=50)))
