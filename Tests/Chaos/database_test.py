#!/usr/bin/env python3
"""Restarts PostgreSQL under load in every way there is, and cuts the nodes off from it.

While it is away nothing may be acknowledged; when it is back, acknowledgements resume within 2 s, without a restart of
any node.

Run: python3 Tests/Chaos/database_test.py --parley .build/debug/parley --cycles 50
"""

from __future__ import annotations

import argparse
import sys
import time

from bed import Bed, arguments, run, say
from checker import Outage
from processes import until
from services import Postgres

WAYS = [*Postgres.modes, "cut", "shut"]
"""Three ways to end the server; all connections broken off; all broken off, and no new ones for a while."""


class DatabaseTest(Bed):
    """The ways in turn, unless one was chosen."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options, through_relay=True)

    def act(self) -> None:
        """An outage, then work until all is well again."""
        self.start_nodes()
        load = self.start_load(longest_pause=0.1)
        resumed: list[float] = []
        ways = [self.options.way] if self.options.way else WAYS
        for cycle in range(self.options.cycles):
            time.sleep(self.random.uniform(0.3, 1.5))
            outage = self._break(ways[cycle % len(ways)])
            if outage:
                self.outages.append(outage)
                taken = load.ledger.acknowledgements
                if not until(lambda: any(one.answered_at >= outage.ended for one in taken[-200:]), 30):
                    self.problems.append(f"no acknowledgement within 30 s after {outage}")
                    break
                resumed.append(min(one.answered_at for one in taken[-500:] if one.answered_at >= outage.ended) - outage.usable)
            self.check_alive()
            if (cycle + 1) % 10 == 0:
                say(f"{cycle + 1} outages")
        self.settle()
        if resumed:
            self.facts.append(("acknowledged again", f"{max(resumed):.2f} s after the database at the latest, of {len(resumed)}"))
        self.facts.append(("ways", ", ".join(ways)))

    def _break(self, way: str) -> Outage | None:
        absence = self.random.uniform(0.2, 3.0)
        if way == "cut":
            self.database_relay.cut()
            return None
        if way == "shut":
            self.database_relay.shut()
            began = time.time()
            time.sleep(absence)
            ended = time.time()
            self.database_relay.open()
            return Outage(began, ended, ended)
        assert self.postgres is not None
        began = self.postgres.stop(way)
        time.sleep(absence)
        ended = time.time()
        return Outage(began, ended, self.postgres.start())


if __name__ == "__main__":
    options = arguments("Restarts PostgreSQL, and cuts the nodes off.", cycles=50)
    options.add_argument("--way", choices=WAYS, help="only this one; otherwise all in turn")
    sys.exit(run(DatabaseTest, options))
