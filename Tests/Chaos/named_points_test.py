#!/usr/bin/env python3
"""Has nodes kill themselves where it hurts most: webhooks kept but not acknowledged, replies sent but not written down.

Needs a debug build: only that knows PARLEY_TEST_CRASH.

Run: python3 Tests/Chaos/named_points_test.py --parley .build/debug/parley --point after_send --cycles 50
"""

from __future__ import annotations

import sys

from bed import Bed, arguments, run, say
from processes import Died, until


class NamedPointsTest(Bed):
    """Each cycle one node dies at the Nth passing of the point, and is started again to die anew."""

    def act(self) -> None:
        """The other nodes are never killed."""
        point = self.options.point
        self.facts.append(("point", f"{point}, at the 1st to {self.options.passings}th passing"))
        for node in self.nodes[1:]:
            node.start()
        self.nodes[0].start(settings=self._crash(point), wait=False)
        self.start_load()
        for cycle in range(self.options.cycles):
            victim = self.nodes[cycle % len(self.nodes)]
            if not until(lambda: not victim.is_running, 60):
                raise Died(f"{victim.name} never passed {point}; is it a debug build?")
            if victim.exit_code != -9:
                victim.check_alive()
            victim.note_death()
            following = self.nodes[(cycle + 1) % len(self.nodes)]
            is_last = cycle == self.options.cycles - 1
            if following is not victim:
                victim.start()
                if not is_last:
                    following.stop()
                    following.start(settings=self._crash(point), wait=False)
            else:
                victim.start(settings={} if is_last else self._crash(point), wait=is_last)
            if (cycle + 1) % 10 == 0:
                say(f"{cycle + 1} deaths at {point}")
        self.settle()

    def _crash(self, point: str) -> dict[str, str]:
        return {"PARLEY_TEST_CRASH": f"{point}:{self.random.randint(1, self.options.passings)}"}


if __name__ == "__main__":
    options = arguments("Has nodes die at a named point.", cycles=50, nodes=2)
    options.add_argument("--point", choices=["after_commit", "after_send"], default="after_send")
    options.add_argument("--passings", type=int, default=20, help="at which passing of the point, at most")
    sys.exit(run(NamedPointsTest, options))
