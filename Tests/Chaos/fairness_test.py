#!/usr/bin/env python3
"""One business with a slow model writes a hundred times as much as each of the others: the others hardly notice.

Run: python3 Tests/Chaos/fairness_test.py --parley .build/release/parley --businesses 100 --seconds 60
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from bed import Bed, arguments, run, say
from checker import LABEL
from load import Doors, Load

NOISY = 1
"""The first business."""


class FairnessTest(Bed):
    """The quiet ones alone, then with the noisy one beside them."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options, channels=["slack"])

    def prepare(self, business: str, number: int) -> None:
        """The noisy one's model takes its time."""
        if number != NOISY:
            return
        assert self.emulator is not None
        self.emulator.set("model", {"delays_ms": {"slow-agent": round(1000 * self.options.model_seconds)}})
        self.parley.command("agent", "set", "--business", business, "--model", "openai:slow-agent")

    def people(self, business: int) -> int:
        """Many write to the noisy one."""
        return self.options.noisy_conversations if business == NOISY else self.options.conversations

    def act(self) -> None:
        """Two stretches of the same length; the first second of each is left out."""
        assert self.emulator is not None
        self.emulator.set("faults", {"rate_limits": False, "slow_ms": 0})
        self.start_nodes()
        share = self.options.rate / (self.options.businesses - 1)
        doors = Doors([node.url for node in self.nodes])

        def load(conversations: list, rate: float, ledger: object = None) -> Load:
            return Load(
                conversations, self.platforms, self.emulator, doors, rate=rate, seed=self.options.seed, forged=0, repeated=0,
                ledger=ledger,
            )

        self.load = load([one for one in self.conversations if one.business != NOISY], self.options.rate)
        noisy = load([one for one in self.conversations if one.business == NOISY], 100 * share, self.load.ledger)
        self.load.start()
        starts = [time.time()]
        time.sleep(self.options.seconds)
        starts.append(time.time())
        say(f"and now {100 * share:.0f} messages a second for one of them")
        noisy.start()
        time.sleep(self.options.seconds)
        self.check_alive()
        end = time.time()
        self.problems += noisy.stop(self.options.patience)
        self.settle()
        self._judge_waiting(starts + [end])

    def _judge_waiting(self, bounds: list[float]) -> None:
        answered: dict[int, float] = {}
        for reply in self.replies:
            for match in LABEL.finditer(reply.text):
                answered.setdefault(int(match[1]), reply.at)
        bots = {one.bot for one in self.conversations if one.business == NOISY}

        def waits(index: int, noisy: bool) -> list[float]:
            return sorted(
                answered[one.serial] - one.first_posted_at
                for one in self.messages
                if (one.bot in bots) == noisy and one.serial in answered
                and bounds[index] + 1 <= one.first_posted_at < bounds[index + 1]
            )

        alone, beside = waits(0, False), waits(1, False)
        for name, found in [("quiet, alone", alone), ("quiet, beside", beside), ("noisy", waits(1, True))]:
            if len(found) < 2:
                self.problems.append(f"too few answers to judge: {name}")
                return
            self.facts.append((name, f"{len(found)} messages, p50 {_ms(found, 50)}, p99 {_ms(found, 99)}, at most {found[-1]:.2f} s"))
        ratio = _percentile(beside, 99) / _percentile(alone, 99)
        self.facts.append(("p99 beside/alone", f"{ratio:.2f}"))
        if ratio > self.options.bound:
            self.problems.append(f"the quiet ones' p99 is {ratio:.2f} times what it is alone; {self.options.bound} is allowed")


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _ms(values: list[float], percent: int) -> str:
    return f"{1000 * _percentile(values, percent):.0f} ms"


if __name__ == "__main__":
    options = arguments(
        "One noisy business beside quiet ones.", cycles=1, nodes=2, businesses=20, conversations=2, rate=10.0, calm=True
    )
    options.add_argument("--seconds", type=float, default=30, help="of each stretch")
    options.add_argument("--noisy-conversations", type=int, default=100)
    options.add_argument("--model-seconds", type=float, default=1.0, help="what the noisy one's model takes")
    options.add_argument("--bound", type=float, default=2.0, help="what the quiet ones' p99 may grow by")
    sys.exit(run(FairnessTest, options))
