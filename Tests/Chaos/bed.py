"""What every chaos test runs on: businesses on all four channels, nodes on one database, people who write, a verdict.

The gateway is the real binary; the platforms and the model are `parley emulate`, which nobody kills. What was
acknowledged is known from the HTTP answers alone, what was said from the emulated platforms alone: nothing is asked of the
gateway's database. `parley why` only tells the operator how a broken promise came about.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from checker import (
    ANSWERED, LABEL, PROMISES, Circumstances, Message, Outage, Reply, Send, Verdict, is_settled, judge, replies_from,
)
from load import Conversation, Doors, Load
from platforms import SELF_SIGNED, Platform
from processes import Died, Emulator, Node, Parley, platform_settings
from relay import Loop, Passing, Recorder, Relay
from services import Missing, Postgres, Redis
from web import Recorder as WebhookRecorder

CHANNELS = ["slack", "telegram", "whatsapp", "discord"]

CALM = {
    "duplicate": 0, "reorder": 0, "bad_signature": 0, "rate_limit": 0, "server_error": 0, "drop_response": 0,
    "slow_ms": 100, "rate_limits": True, "rate_factor": 20,
}

TROUBLE = CALM | {
    "duplicate": 0.05, "reorder": 0.05, "bad_signature": 0.01, "rate_limit": 0.01, "server_error": 0.01, "drop_response": 0.01,
}
"""What the platforms do beside everything else: a little of everything."""

INTERACTIONS = {"duplicate": 0, "reorder": 0}
"""Discord posts an interaction once and in order; the first answer decides over its token."""

MODEL_DELAY_MS = 60
"""So that some faults fall into a model call."""


def arguments(description: str, *, cycles: int, **defaults: object) -> argparse.ArgumentParser:
    """The options that all tests share; `defaults` are those that differ."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--parley", required=True, help="the binary")
    parser.add_argument("--cycles", type=int, default=cycles, help="how often it is done")
    parser.add_argument("--seed", type=int, default=1, help="of the moments, the load and the platforms' faults")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--nodes", type=int, default=2, help="processes on that database")
    parser.add_argument("--redis", action="store_true", help="with a Redis beside it")
    parser.add_argument("--businesses", type=int, default=2)
    parser.add_argument("--conversations", type=int, default=5, help="of each business on each platform")
    parser.add_argument("--rate", type=float, default=30, help="messages a second, over all")
    parser.add_argument("--patience", type=float, default=120, help="seconds to settle in")
    parser.add_argument("--lease", type=float, default=2.0, help="seconds until another node takes over")
    parser.add_argument("--calm", action="store_true", help="no faults of the platforms beside the test's own")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the database and the logs")
    parser.set_defaults(**defaults)
    return parser


class Bed:
    """A cluster under load; a context manager that leaves nothing behind."""

    def __init__(
        self,
        options: argparse.Namespace,
        *,
        channels: list[str] | None = None,
        settings: dict[str, str] | None = None,
        through_relay: bool = False,
        folder: Path | None = None,
    ) -> None:
        """`through_relay`: the database is reached through `self.database_relay`."""
        self.options = options
        self.channels = channels or CHANNELS
        self.folder = folder or Path(tempfile.mkdtemp(prefix="parley-chaos-"))
        self.random = Random(options.seed)
        self.began = time.monotonic()
        self.problems: list[str] = []
        self.facts: list[tuple[str, str]] = []
        """What a test has to tell beside what every test tells."""
        self.outages: list[Outage] = []
        self.passings: list[Passing] = []
        self.messages: list[Message] = []
        self.replies: list[Reply] = []
        self.settled_after = 0.0
        self.load: Load | None = None
        self.nodes: list[Node] = []
        self.emulator: Emulator | None = None
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self._settings = settings or {}
        self._through_relay = through_relay
        self._transcript: list[dict] = []
        self._exchanges: list[dict] = []

    def __enter__(self) -> Bed:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.stop()
        for server in (self.emulator, self.postgres, self.redis):
            if server is not None:
                server.stop()
        if self.options.keep:
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Setting up

    def _start(self) -> None:
        self._loop = Loop()
        (self.folder / "data").mkdir()
        settings = {"PARLEY_LEASE_MS": str(round(self.options.lease * 1000))} | self._settings
        if self.options.database == "postgres":
            self.postgres = Postgres(self.folder)
            settings["PARLEY_DATABASE_URL"] = self.postgres.url()
            settings["PARLEY_MASTER_KEY"] = base64.b64encode(self.random.randbytes(32)).decode()
        if self.options.redis:
            self.redis = Redis(self.folder)
            settings["PARLEY_REDIS_URL"] = self.redis.url
        self.parley = Parley(Path(self.options.parley).resolve(), self.folder, self.options.seed, settings)
        self.emulator = Emulator(self.parley)
        own: dict[str, str] = {}
        if self._through_relay and self.postgres:
            port = self.postgres.port
            self.database_relay = Relay(self._loop, lambda: [port])
            own["PARLEY_DATABASE_URL"] = self.postgres.url(self.database_relay.port)
        emulator_port = int(self.emulator.url.rsplit(":", 1)[1])
        for number in range(1, self.options.nodes + 1):
            # Each node reaches the platforms through a relay of its own: so it is known who sent what.
            relay = Relay(self._loop, lambda: [emulator_port], Recorder(f"node-{number}", self.passings))
            self.nodes.append(Node(self.parley, number, own | platform_settings(relay.url)))
        # What the emulator posts itself goes to whichever node can be reached.
        self.front = Relay(self._loop, lambda: [node.port for node in self.nodes if node.is_running])
        self.platforms: dict[str, Platform] = {}
        self.conversations = self._set_up(self.emulator)

    def _set_up(self, emulator: Emulator) -> list[Conversation]:
        faults = CALM if self.options.calm else TROUBLE
        emulator.set("faults", CALM)
        emulator.set("model", {"delay_ms": MODEL_DELAY_MS})
        kinds = {kind.channel: kind for kind in SELF_SIGNED}
        hooks: dict[str, str] = {}
        bots: list[tuple[str, str, int]] = []
        for number in range(1, self.options.businesses + 1):
            business = str(self.parley.json("business", "create", "--name", f"Business {number}")["id"])
            for tool in self.parley.json("tool", "list", "--business", business):
                # Without tools the model repeats what it was told: that is how a reply is known to answer a message.
                if tool["is_enabled"]:
                    self.parley.command("tool", "disable", tool["name"], "--business", business)
            self.prepare(business, number)
            for channel in self.channels:
                bot = emulator.add("bots", {"channel": channel})
                credentials = dict(bot["credentials"])
                if channel == "telegram":
                    credentials["webhook_secret"] = f"secret-{self.random.getrandbits(64):x}"
                file = self.folder / "credentials.json"
                file.write_text(json.dumps(credentials))
                connected = self.parley.json("channel", "connect", channel, "--business", business, "--credentials", str(file))
                file.unlink()
                path = f"/webhooks/{channel}/{connected['id']}"
                hooks[bot["id"]] = self.front.url + path
                bots.append((channel, bot["id"], number))
                if channel in kinds:
                    self.platforms[bot["id"]] = kinds[channel](path, credentials)
        conversations = self._open(emulator, bots)
        for channel, bot, _ in bots:
            # Slack's echoes, WhatsApp's delivery reports and Discord's interactions are posted by the emulator.
            url = None if channel == "telegram" else hooks[bot]
            emulator.set(f"bots/{bot}", {"webhook_url": url, "handshake": False})
        emulator.set("faults", faults | {"channels": {"discord": faults | INTERACTIONS}})
        return conversations

    def prepare(self, business: str, number: int) -> None:
        """For what a test wants of a business beyond its channels."""

    def people(self, business: int) -> int:
        """How many write to each of its bots."""
        return self.options.conversations

    def _open(self, emulator: Emulator, bots: list[tuple[str, str, int]]) -> list[Conversation]:
        """Has everybody write once, so that the platforms know them, and learns what their webhooks look like."""
        recorder = WebhookRecorder()
        for bot in self.platforms:
            emulator.set(f"bots/{bot}", {"webhook_url": recorder.url + bot, "handshake": False})
        conversations: list[Conversation] = []
        names = dict.fromkeys(self.channels, 0)
        for channel, bot, business in bots:
            for number in range(1, self.people(business) + 1):
                # The same people write to all businesses.
                user = f"{channel}-{number}"
                opening = {"channel": channel, "bot": bot, "user": {"id": user, "name": f"Person {number}"}, "text": "Hello"}
                said = emulator.add("messages", opening)
                names[channel] += 1
                name = f"{channel}-{names[channel]}"
                conversations.append(
                    Conversation(channel, name, said["conversation"], user=user, bot=bot, business=business)
                )
        by_place = {(one.bot, one.place): one for one in conversations}
        expected = sum(one.bot in self.platforms for one in conversations)
        deadline = time.monotonic() + 60
        while len(recorder.bodies()) < expected and time.monotonic() < deadline:
            time.sleep(0.05)
        recorder.close()
        for bot, body in recorder.bodies():
            by_place[bot, self.platforms[bot].place(body)].template = body
        missing = [one.name for one in conversations if one.bot in self.platforms and not one.template]
        if missing:
            raise RuntimeError(f"the emulator did not post the opening of {missing}")
        # The opening interactions of Discord had nowhere to go and are none of the gateway's business.
        self._last_entry = max((entry["seq"] for entry in emulator.read("transcript")), default=0)
        self._last_exchange = max((entry["seq"] for entry in emulator.read("requests")), default=0)
        return conversations

    # Running

    def start_nodes(self) -> None:
        """All at once, as after a power cut."""
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait()

    def start_load(self, doors: list[str] | None = None, **load: object) -> Load:
        """People begin to write."""
        assert self.emulator is not None
        self.load = Load(
            self.conversations, self.platforms, self.emulator, Doors(doors or [node.url for node in self.nodes]),
            rate=self.options.rate, seed=self.options.seed, **load,
        )
        self.load.start()
        return self.load

    def settle(self, expect_nodes: bool = True) -> None:
        """Stops the load, and waits until everything is answered and nothing more comes."""
        assert self.load is not None
        began = time.monotonic()
        self.problems += self.load.stop(self.options.patience)
        while time.monotonic() - began < self.options.patience:
            self.check_alive()
            self.observe()
            if is_settled(self.messages, self.replies):
                break
            time.sleep(0.25)
        self.settled_after = time.monotonic() - began
        # Longer than a lease, after which something could be taken up again.
        linger = self.options.lease * 1.2 + 1
        say(f"settled after {self.settled_after:.1f} s; watching on for {linger:.0f} s")
        time.sleep(linger)
        self.check_alive()
        self.observe()

    def check_alive(self) -> None:
        """A crash is not a kill."""
        for node in self.nodes:
            node.check_alive()

    def observe(self) -> None:
        """Reads what is new on the emulated platforms."""
        assert self.emulator is not None and self.load is not None
        exchanges = self.emulator.read("requests", after=self._last_exchange)
        self._last_exchange = max((entry["seq"] for entry in exchanges), default=self._last_exchange)
        self._exchanges += exchanges
        self.load.ledger.acknowledge(
            {
                entry["event_id"]: entry["at"] / 1000 + 0.001
                for entry in exchanges
                if entry["kind"] == "webhook" and entry["channel"] == "discord" and entry["outcome"] == "ok"
            }
        )
        said = self.emulator.read("transcript", after=self._last_entry)
        self._last_entry = max((entry["seq"] for entry in said), default=self._last_entry)
        self._transcript += said
        self.messages = self.load.ledger.messages()
        self.replies = replies_from(self._transcript)

    # Judging

    def verdict(self) -> int:
        """Ends the nodes in order, judges, tells; the exit code."""
        for node in self.nodes:
            if node.is_running:
                seconds, code = node.stop()
                if code != 0:
                    self.problems.append(f"SIGTERM of {node.name}: exit code {code} after {seconds:.1f} s")
        assert self.load is not None
        verdict = judge(
            self.messages, self.replies, self._exchanges,
            Circumstances(
                kills=[kill for node in self.nodes for kill in node.kills],
                acknowledgements=self.load.ledger.acknowledgements,
                outages=self.outages,
                sends=[
                    Send(one.node, one.at, serial, one.is_marked)
                    for one in self.passings if one.was_taken for serial in one.serials
                ],
                refusals_spread=0.0 if self.options.nodes == 1 else 2.5,
            ),
        )
        self._report(verdict)
        return self._show(verdict)

    def _report(self, verdict: Verdict) -> None:
        assert self.load is not None
        ledger = self.load.ledger
        genuine = [message for message in self.messages if not message.is_forged]
        acknowledged = [message for message in genuine if message.acknowledged_at is not None]
        starts = sorted(start for node in self.nodes for start in node.starts) or [0.0]
        kills = sum(len(node.kills) for node in self.nodes)
        pauses = sum(len(node.pauses) for node in self.nodes)
        servers = self.options.database + (" and Redis" if self.redis else "")
        lines = [
            ("seed", str(self.options.seed)),
            ("nodes", f"{len(self.nodes)} on {servers}; {self.options.businesses} businesses, {len(self.conversations)} conversations"),
            ("faults", f"{kills} kills, {pauses} pauses, {len(self.outages)} outages of the database"),
            ("exec to ready", f"{statistics.median(starts):.2f} s median, {starts[-1]:.2f} s at most"),
            ("messages", f"{len(genuine)} genuine, {len(self.messages) - len(genuine)} forged"),
            ("posts", f"{ledger.posts}, and of them {ledger.repeats} repeats of what had been taken; " + _counts(ledger.statuses)),
            ("acknowledged", f"{len(acknowledged)}: " + _counts(_by_channel(acknowledged))),
            ("answered", f"{verdict.answered} of {len(acknowledged)} acknowledged, {verdict.answered_unacknowledged} others"),
            ("replies", str(verdict.replies)),
            ("under way at a kill", f"{self._under_way()} messages taken before a kill and answered after it"),
            ("claims lost", f"{self._in_logs('a claim was lost')} noticed by their holders"),
            ("flagged", f"{verdict.flagged_repetitions} repetitions, {verdict.flagged_once} that proved to be the only one"),
            ("forgotten refusals", f"{verdict.forgotten_refusals} early sends by who could not know"),
            ("platforms' faults", _faults(self._exchanges)),
            ("settled", f"{self.settled_after:.1f} s after the load ended"),
            *self.facts,
            ("took", f"{time.monotonic() - self.began:.0f} s"),
        ]
        width = max(len(name) for name, _ in lines)
        print()
        for name, value in lines:
            print(f"{name:{width}}  {value}")
        print(flush=True)

    def _under_way(self) -> int:
        first: dict[int, float] = {}
        for reply in self.replies:
            for match in LABEL.finditer(reply.text):
                first.setdefault(int(match[1]), reply.at)
        kills = [kill for node in self.nodes for kill in node.kills]
        return sum(
            any(message.acknowledged_at < kill < first[message.serial] for kill in kills)
            for message in self.messages
            if message.acknowledged_at is not None and message.serial in first
        )

    def _in_logs(self, words: str) -> int:
        return sum(node.log.read_text(errors="replace").count(words) for node in self.nodes if node.log.exists())

    def _show(self, verdict: Verdict) -> int:
        failed = 0
        for promise in PROMISES:
            broken = verdict.broken(promise)
            failed += bool(broken)
            print(f"{'FAILED' if broken else 'passed'}  {promise}" + (f": {len(broken)} times" if broken else ""))
            for violation in broken[:3]:
                print(f"        {violation.evidence}")
                if violation.platform_id:
                    print(self._why(violation.platform_id))
                if promise == ANSWERED:
                    print(self._before(violation.platform_id))
        failed += bool(self.problems)
        print(f"{'FAILED' if self.problems else 'passed'}  what else this test asks for, and no process ended on its own")
        for problem in self.problems[:10]:
            print(f"        {problem}")
        print(f"\n{len(PROMISES) + 1 - failed} passed, {failed} failed", flush=True)
        return 1 if failed else 0

    def _before(self, platform_id: str | None) -> str:
        """The message before a lost one: what it waits for, everything behind it waits for too."""
        lost = next((message for message in self.messages if message.platform_id == platform_id), None)
        before = [
            message for message in self.messages
            if lost is not None and message.conversation == lost.conversation and message.number == lost.number - 1
        ]
        return "\n".join(f"        before it: {message}\n{self._why(message.platform_id)}" for message in before)

    def _why(self, platform_id: str) -> str:
        try:
            journey = self.parley.command("why", platform_id)
        except (RuntimeError, OSError) as error:
            journey = str(error)
        return "\n".join("          " + line for line in journey.splitlines())


def run(test: type[Bed], parser: argparse.ArgumentParser) -> int:
    """A test's `main`: sets up, lets it do its worst, judges whatever came of it."""
    options = parser.parse_args()
    try:
        with test(options) as bed:
            servers = options.database + (" and Redis" if bed.redis else "")
            say(f"seed {options.seed}: {len(bed.nodes)} nodes on {servers}, {len(bed.conversations)} conversations")
            try:
                bed.act()
            except Died as death:
                bed.problems.append(str(death))
                bed.observe()
            return bed.verdict()
    except Missing as missing:
        if needs_everything():
            print(f"{missing}: scripts/setup --services installs it")
            return 1
        print(f"SKIPPED: {missing}")
        return 0
    except KeyboardInterrupt:
        return 130


def needs_everything() -> bool:
    """Whether a program that is not there fails a test, as where nobody reads what was skipped."""
    return os.environ.get("PARLEY_TEST_SERVICES") == "required" or os.environ.get("CI") == "true"


def say(text: str) -> None:
    """What happens meanwhile."""
    print(text, flush=True)


def _by_channel(messages: list[Message]) -> dict[str, int]:
    return {channel: sum(message.channel == channel for message in messages) for channel in CHANNELS}


def _counts(counts: dict) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _faults(exchanges: list[dict]) -> str:
    faults: dict[str, int] = {}
    for exchange in exchanges:
        if exchange.get("fault"):
            faults[exchange["fault"]] = faults.get(exchange["fault"], 0) + 1
    return _counts(faults) or "none"
