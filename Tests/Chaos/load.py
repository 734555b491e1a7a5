"""People who write steadily, and platforms that deliver what they write until it is taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from threading import Condition, Event, Lock, Thread

from checker import Message, label
from platforms import Platform, Webhook
from processes import Emulator
from web import post


@dataclass
class Conversation:
    """One person with one bot."""

    channel: str
    name: str
    """`channel-n`."""
    place: str
    """Its id on the platform."""
    template: dict = field(default_factory=dict)
    """A webhook of it, as the emulator posts them."""
    user: str = ""
    written: int = 0
    last_second: int = 0


class Ledger:
    """Everything that was written, and what became of the posts."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._messages: list[Message] = []
        self.posts = 0
        self.repeats = 0

    def write(self, conversation: Conversation, *, is_forged: bool = False) -> Message:
        """A new message; its text is its label."""
        with self._lock:
            message = Message(
                len(self._messages) + 1, conversation.channel, conversation.name, conversation.place,
                conversation.written, "", first_posted_at=time.time(), is_forged=is_forged,
            )
            conversation.written += 1
            self._messages.append(message)
            return message

    def count(self, *, repeat: bool = False) -> None:
        """One more post."""
        with self._lock:
            self.posts += 1
            self.repeats += repeat

    def messages(self) -> list[Message]:
        """All of them, as they are now."""
        with self._lock:
            return [replace(message) for message in self._messages]

    def acknowledge(self, platform_ids: dict[str, float]) -> None:
        """What somebody else posted for us and saw taken: platform id and Unix time."""
        with self._lock:
            for message in self._messages:
                if message.acknowledged_at is None and message.platform_id in platform_ids:
                    message.acknowledged_at = platform_ids[message.platform_id]


class Load:
    """Writes `rate` messages a second, spread over the conversations at random, until it is told to stop."""

    def __init__(
        self,
        conversations: list[Conversation],
        platforms: dict[str, Platform],
        emulator: Emulator,
        *,
        rate: float,
        seed: int,
        repeated: float = 0.05,
        forged: float = 0.01,
    ) -> None:
        self.ledger = Ledger()
        self._platforms = platforms
        self._emulator = emulator
        self._pause = len(conversations) / rate
        self._repeated = repeated
        self._forged = forged
        self._quiet = Event()
        self._given_up = Event()
        self._pool = ThreadPoolExecutor(64)
        self._under_way = 0
        self._all_done = Condition()
        self._errors: list[str] = []
        self._people = [
            Thread(target=self._person, args=(one, Random(f"{seed}/{one.name}")), daemon=True) for one in conversations
        ]

    def start(self) -> None:
        """People begin to write."""
        for person in self._people:
            person.start()

    def stop(self, patience: float) -> list[str]:
        """People stop writing; what they wrote is delivered. Returns what went wrong in the test itself."""
        self._quiet.set()
        deadline = time.monotonic() + patience
        for person in self._people:
            person.join(max(0.0, deadline - time.monotonic()))
        with self._all_done:
            is_done = self._all_done.wait_for(lambda: self._under_way == 0, max(0.0, deadline - time.monotonic()))
        if not is_done:
            self._given_up.set()
            self._errors.append(f"some webhooks were not taken within {patience:.0f} s")
        self._pool.shutdown(wait=True)
        return self._errors

    def _person(self, conversation: Conversation, random: Random) -> None:
        write = self._write_on_discord if conversation.channel == "discord" else self._write
        while not self._quiet.wait(random.expovariate(1 / self._pause)):
            self._guarded(write, conversation, random)

    def _later(self, action: Callable[..., None], *arguments: object) -> None:
        """Runs it beside everything else."""
        with self._all_done:
            self._under_way += 1
        self._pool.submit(self._counted, action, *arguments)

    def _counted(self, action: Callable[..., None], *arguments: object) -> None:
        self._guarded(action, *arguments)
        with self._all_done:
            self._under_way -= 1
            self._all_done.notify_all()

    def _guarded(self, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except Exception as error:  # A bug of the test must not look like a gateway that loses nothing.
            self._errors.append(f"{type(error).__name__}: {error}")

    # The emulator signs, posts and logs Discord's interactions; each comes once.
    def _write_on_discord(self, conversation: Conversation, random: Random) -> None:
        message = self.ledger.write(conversation)
        text = label(message.serial, message.conversation, message.number)
        said = self._emulator.add("messages", {"channel": "discord", "user": conversation.user, "text": text})
        message.platform_id = said["message_id"]
        message.posts = 1
        self.ledger.count()

    def _write(self, conversation: Conversation, random: Random) -> None:
        platform = self._platforms[conversation.channel]
        message = self.ledger.write(conversation, is_forged=random.random() < self._forged)
        text = label(message.serial, message.conversation, message.number)
        webhook, conversation.last_second = platform.write(
            conversation.template, text, conversation.last_second, random
        )
        message.platform_id = webhook.platform_id
        repeat_after = random.uniform(0, 2) if random.random() < self._repeated else None
        if message.is_forged:
            self._attempt(platform, webhook, message)
        elif platform.keeps_order:
            self._deliver(platform, webhook, message, repeat_after)
        else:
            self._later(self._deliver, platform, webhook, message, repeat_after)

    def _deliver(self, platform: Platform, webhook: Webhook, message: Message, repeat_after: float | None) -> None:
        """Posts until it is taken, and then perhaps once more, as platforms do."""
        pause = 0.1
        while not self._attempt(platform, webhook, message):
            if message.refused_with is not None or self._given_up.wait(pause):
                return
            pause = min(pause * 2, 1.0)
        if repeat_after is not None:
            self._later(self._repeat, platform, webhook, repeat_after)

    def _repeat(self, platform: Platform, webhook: Webhook, after: float) -> None:
        time.sleep(after)
        post(webhook.url, webhook.body, platform.sign(webhook.body))
        self.ledger.count(repeat=True)

    def _attempt(self, platform: Platform, webhook: Webhook, message: Message) -> bool:
        """One post. Only an answer that was read to its end is an acknowledgement."""
        status = post(webhook.url, webhook.body, platform.sign(webhook.body, is_forged=message.is_forged))
        self.ledger.count()
        message.posts += 1
        if status == 200:
            message.acknowledged_at = time.time()
        elif status not in (0, 503) and not message.is_forged:
            message.refused_with = status
        return status == 200
