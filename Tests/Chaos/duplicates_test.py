#!/usr/bin/env python3
"""Posts very many webhooks in any order, a tenth of them on two nodes at the same moment: each gets exactly one turn.

Run: python3 Tests/Chaos/duplicates_test.py --parley .build/release/parley --messages 100000
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bed import Bed, arguments, run, say
from checker import Message, is_settled, label
from load import Load
from platforms import Platform, Webhook
from web import Poster


class DuplicatesTest(Bed):
    """All at once, as fast as they are taken."""

    def act(self) -> None:
        """First everything is written, then shuffled, then posted."""
        assert self.emulator is not None
        self.emulator.set("faults", {"rate_limits": False, "slow_ms": 0, "channels": {"discord": None}})
        self.emulator.set("model", {"delay_ms": 0})
        self.start_nodes()
        self.load = Load(self.conversations, self.platforms, self.emulator, None, rate=1, seed=self.options.seed)
        posts = self._write()
        self._poster = Poster()
        began = time.monotonic()
        with ThreadPoolExecutor(self.options.at_once) as pool:
            for _ in pool.map(self._deliver, posts, chunksize=1):
                pass
        seconds = time.monotonic() - began
        say(f"{len(posts)} posts taken after {seconds:.0f} s")
        self.facts.append(("acknowledgements", f"{len(posts) / seconds:.0f} a second, from this one poster"))
        began = time.monotonic()
        while time.monotonic() - began < self.options.patience:
            self.check_alive()
            self.observe()
            if is_settled(self.messages, self.replies):
                break
            time.sleep(1)
        self.facts.append(("turns", f"all done {time.monotonic() - began:.0f} s after the last post"))
        self.settle()

    def _write(self) -> list[tuple[Platform, Webhook, Message, int]]:
        """Every message once, and one in ten a second time, on another node and right behind it."""
        assert self.load is not None
        posts: list[list[tuple[Platform, Webhook, Message, int]]] = []
        speakers = [one for one in self.conversations if one.bot in self.platforms]
        for number in range(self.options.messages):
            conversation = speakers[number % len(speakers)]
            platform = self.platforms[conversation.bot]
            message = self.load.ledger.write(conversation)
            text = label(message.serial, message.conversation, message.number)
            webhook, conversation.last_second = platform.write(
                conversation.template, text, conversation.last_second, self.random
            )
            message.platform_id = webhook.platform_id
            message.first_posted_at = float("inf")
            first = self.random.randrange(len(self.nodes))
            posts.append([(platform, webhook, message, first)])
            if self.random.random() < self.options.duplicated:
                posts[-1].append((platform, webhook, message, first + 1))
        self.random.shuffle(posts)
        return [post for together in posts for post in together]

    def _deliver(self, post: tuple[Platform, Webhook, Message, int]) -> None:
        assert self.load is not None
        platform, webhook, message, node = post
        posted_at = time.time()
        message.first_posted_at = min(message.first_posted_at, posted_at)
        while not self.problems:
            url = self.nodes[node % len(self.nodes)].url + webhook.path
            status = self._poster.post(url, webhook.body, platform.sign(webhook.body))
            self.load.ledger.count(status, posted_at, repeat=message.acknowledged_at is not None)
            if status == 200:
                message.acknowledged_at = message.acknowledged_at or time.time()
                return
            if status not in (0, 503):
                message.refused_with = status
                return
            node += 1
            time.sleep(0.05)
            if time.time() - posted_at > 120:
                self.problems.append(f"not taken within 120 s: {message}")


if __name__ == "__main__":
    options = arguments(
        "Posts duplicates concurrently on different nodes.", cycles=1, nodes=3, businesses=3, conversations=40, calm=True,
        patience=1800.0,
    )
    options.add_argument("--messages", type=int, default=5000)
    options.add_argument("--duplicated", type=float, default=0.1, help="the share that is posted twice")
    options.add_argument("--at-once", type=int, default=16, help="posts under way")
    sys.exit(run(DuplicatesTest, options))
