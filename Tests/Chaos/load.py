"""People who write steadily, and platforms that deliver what they write until it is taken."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from threading import Condition, Event, Lock, Thread

from checker import Acknowledgement, Message, label
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
    bot: str = ""
    """Whom it is written to."""
    business: int = 1
    written: int = 0
    last_second: int = 0


class Ledger:
    """Everything that was written, and what became of the posts."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._messages: list[Message] = []
        self.posts = 0
        self.repeats = 0
        self.statuses: dict[int, int] = {}
        """How many posts were answered how; 0: not at all."""
        self.acknowledgements: list[Acknowledgement] = []

    def write(self, conversation: Conversation, *, is_forged: bool = False) -> Message:
        """A new message; its text is its label."""
        with self._lock:
            message = Message(
                len(self._messages) + 1, conversation.channel, conversation.name, conversation.place,
                conversation.written, "", first_posted_at=time.time(), is_forged=is_forged, bot=conversation.bot,
            )
            conversation.written += 1
            self._messages.append(message)
            return message

    def count(self, status: int, posted_at: float, *, repeat: bool = False) -> None:
        """One more post."""
        with self._lock:
            self.posts += 1
            self.repeats += repeat
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200:
                self.acknowledgements.append(Acknowledgement(posted_at, time.time()))

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


class Doors:
    """Where webhooks are posted to: each time the next of them, as a balancer would choose."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = itertools.cycle(urls)
        self._lock = Lock()

    def next(self) -> str:
        """A base URL."""
        with self._lock:
            return next(self._urls)


class Load:
    """Writes `rate` messages a second, spread over the conversations at random, until it is told to stop."""

    def __init__(
        self,
        conversations: list[Conversation],
        platforms: dict[str, Platform],
        emulator: Emulator,
        doors: Doors,
        *,
        rate: float,
        seed: int,
        repeated: float = 0.05,
        forged: float = 0.01,
        patience: float = 10,
        longest_pause: float = 1.0,
        ledger: Ledger | None = None,
    ) -> None:
        """`platforms` by bot; `patience` in seconds for one post."""
        self.ledger = ledger or Ledger()
        self._platforms = platforms
        self._emulator = emulator
        self._doors = doors
        self._patience = patience
        self._longest_pause = longest_pause
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
        for person in filter(Thread.is_alive, self._people):
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
        said = self._emulator.add(
            "messages", {"channel": "discord", "bot": conversation.bot, "user": conversation.user, "text": text}
        )
        message.platform_id = said["message_id"]
        message.posts = 1

    def _write(self, conversation: Conversation, random: Random) -> None:
        platform = self._platforms[conversation.bot]
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
            pause = min(pause * 2, self._longest_pause)
        if repeat_after is not None:
            self._later(self._repeat, platform, webhook, repeat_after)

    def _repeat(self, platform: Platform, webhook: Webhook, after: float) -> None:
        time.sleep(after)
        self._post(webhook, platform.sign(webhook.body), repeat=True)

    def _attempt(self, platform: Platform, webhook: Webhook, message: Message) -> bool:
        """One post. Only an answer that was read to its end is an acknowledgement."""
        status = self._post(webhook, platform.sign(webhook.body, is_forged=message.is_forged))
        message.posts += 1
        if status == 200:
            message.acknowledged_at = time.time()
        elif status not in (0, 503) and not message.is_forged:
            message.refused_with = status
        return status == 200

    def _post(self, webhook: Webhook, headers: dict[str, str], *, repeat: bool = False) -> int:
        posted_at = time.time()
        status = post(self._doors.next() + webhook.path, webhook.body, headers, self._patience)
        self.ledger.count(status, posted_at, repeat=repeat)
        return status
