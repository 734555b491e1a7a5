#!/usr/bin/env python3
"""Kills a running gateway again and again, without warning and under load, and checks that it keeps its promises.

The gateway is the real binary, with a database of its own; platforms and model are `parley emulate`, which nobody kills.
What was acknowledged is known from the HTTP answers alone, what was said from the emulated platforms alone: nothing is
asked of the gateway's database. `parley why` only tells the operator how a broken promise came about.

Run: python3 Tests/Chaos/crash_test.py --parley .build/debug/parley --cycles 50 --seed 1
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from checker import ANSWERED, LABEL, PROMISES, Message, Reply, Verdict, is_settled, judge, replies_from
from load import Conversation, Load
from platforms import SELF_SIGNED, Platform
from processes import Died, Emulator, Gateway, Parley
from web import Recorder, call

CHANNELS = ["slack", "telegram", "whatsapp", "discord"]

TROUBLE = {
    "duplicate": 0.05, "reorder": 0.05, "bad_signature": 0.01, "rate_limit": 0.01, "server_error": 0.01,
    "drop_response": 0.01, "slow_ms": 100, "rate_limits": True, "rate_factor": 20,
}
"""What the platforms do beside the kills: a little of everything."""

CALM = {
    "duplicate": 0, "reorder": 0, "bad_signature": 0, "rate_limit": 0, "server_error": 0, "drop_response": 0,
    "slow_ms": 100, "rate_limits": True, "rate_factor": 20,
}

INTERACTIONS = {"duplicate": 0, "reorder": 0}
"""Discord posts an interaction once and in order; the first answer decides over its token."""

MODEL_DELAY_MS = 60
"""So that some kills fall into a model call."""

LINGER = 17.0
"""Seconds to watch on after the last answer: longer than a lease, after which something could be taken up again."""


class CrashTest:
    """One run: set up, kill, settle, judge."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.random = Random(options.seed)
        self.parley = Parley(Path(options.parley).resolve(), folder, options.seed)
        self.emulator: Emulator | None = None
        self.gateway = Gateway(self.parley)
        self.messages: list[Message] = []
        self.replies: list[Reply] = []
        self.problems: list[str] = []
        self.settled_after = 0.0
        self.load: Load | None = None

    def run(self) -> Verdict:
        """Everything; the processes are stopped whatever happens."""
        began = time.monotonic()
        try:
            self.emulator = Emulator(self.parley)
            platforms, conversations = self._set_up(self.emulator)
            self._say(f"{len(conversations)} conversations on {len(CHANNELS)} platforms; {self.options.cycles} kills")
            self.load = Load(
                conversations, platforms, self.emulator, rate=self.options.rate, seed=self.options.seed
            )
            try:
                self._kill_and_restart()
                self._settle()
            except Died as death:
                self.problems.append(str(death))
            exchanges = self._observe()
            seconds, code = self.gateway.stop()
            if code != 0:
                self.problems.append(f"SIGTERM: exit code {code} after {seconds:.1f} s")
            verdict = judge(self.messages, self.replies, exchanges, self.gateway.kills)
            self._report(verdict, exchanges, time.monotonic() - began)
            return verdict
        finally:
            self.gateway.stop()
            if self.emulator is not None:
                self.emulator.stop()

    # Setting up

    def _set_up(self, emulator: Emulator) -> tuple[dict[str, Platform], list[Conversation]]:
        faults = CALM if self.options.calm else TROUBLE
        emulator.set("faults", CALM)
        emulator.set("model", {"delay_ms": MODEL_DELAY_MS})
        business = str(self.parley.json("business", "create", "--name", "Crash test")["id"])
        for tool in self.parley.json("tool", "list", "--business", business):
            # Without tools the model repeats what it was told: that is how a reply is known to answer a message.
            if tool["is_enabled"]:
                self.parley.command("tool", "disable", tool["name"], "--business", business)
        urls: dict[str, str] = {}
        bots: dict[str, dict] = {}
        credentials: dict[str, dict[str, str]] = {}
        for channel in CHANNELS:
            bots[channel] = emulator.add("bots", {"channel": channel})
            credentials[channel] = dict(bots[channel]["credentials"])
            if channel == "telegram":
                credentials[channel]["webhook_secret"] = f"secret-{self.random.getrandbits(64):x}"
            file = self.folder / f"{channel}.json"
            file.write_text(json.dumps(credentials[channel]))
            connected = self.parley.json(
                "channel", "connect", channel, "--business", business, "--credentials", str(file)
            )
            urls[channel] = f"{self.parley.gateway_url}/webhooks/{channel}/{connected['id']}"
        platforms = {kind.channel: kind(urls[kind.channel], credentials[kind.channel]) for kind in SELF_SIGNED}
        conversations = self._open(emulator, bots, platforms)
        for channel in ["slack", "whatsapp", "discord"]:
            # Slack's echoes, WhatsApp's delivery reports and Discord's interactions are posted by the emulator.
            emulator.set(f"bots/{bots[channel]['id']}", {"webhook_url": urls[channel], "handshake": False})
        emulator.set(f"bots/{bots['telegram']['id']}", {"webhook_url": None})
        emulator.set("faults", faults | {"channels": {"discord": faults | INTERACTIONS}})
        return platforms, conversations

    def _open(self, emulator: Emulator, bots: dict[str, dict], platforms: dict[str, Platform]) -> list[Conversation]:
        """Has everybody write once, so that the platforms know them, and learns what their webhooks look like."""
        recorder = Recorder()
        for channel in platforms:
            emulator.set(f"bots/{bots[channel]['id']}", {"webhook_url": recorder.url, "handshake": False})
        conversations: list[Conversation] = []
        for channel in CHANNELS:
            for number in range(1, self.options.conversations + 1):
                name = f"{channel}-{number}"
                opening = {"channel": channel, "user": {"id": name, "name": f"Person {number}"}, "text": "Hello"}
                said = emulator.add("messages", opening)
                conversations.append(Conversation(channel, name, said["conversation"], user=name))
        by_place = {(one.channel, one.place): one for one in conversations}
        expected = len(platforms) * self.options.conversations
        deadline = time.monotonic() + 20
        while len(recorder.bodies()) < expected and time.monotonic() < deadline:
            time.sleep(0.05)
        recorder.close()
        for body in recorder.bodies():
            channel = "telegram" if "update_id" in body else "whatsapp" if "entry" in body else "slack"
            by_place[channel, platforms[channel].place(body)].template = body
        missing = [one.name for one in conversations if one.channel in platforms and not one.template]
        if missing:
            raise RuntimeError(f"the emulator did not post the opening of {missing}")
        # The opening interactions of Discord had nowhere to go and are none of the gateway's business.
        self.first_entry = max((entry["seq"] for entry in emulator.read("transcript")), default=0)
        self.first_exchange = max((entry["seq"] for entry in emulator.read("requests")), default=0)
        return conversations

    # Killing

    def _kill_and_restart(self) -> None:
        assert self.load is not None
        self.gateway.start()
        self.load.start()
        for cycle in range(self.options.cycles):
            self.gateway.run_for(self.random.uniform(0.05, 1.5))
            self.gateway.kill()
            self.gateway.start()
            if (cycle + 1) % 10 == 0:
                self._say(f"{cycle + 1} kills, {len(self.load.ledger.messages())} messages")

    def _settle(self) -> None:
        """Stops the load, and waits until everything is answered and nothing more comes."""
        assert self.load is not None
        began = time.monotonic()
        self.problems += self.load.stop(self.options.patience)
        while time.monotonic() - began < self.options.patience:
            self.gateway.check_alive()
            self._observe()
            if is_settled(self.messages, self.replies):
                break
            time.sleep(0.25)
        self.settled_after = time.monotonic() - began
        self._say(f"settled after {self.settled_after:.1f} s; watching on for {LINGER:.0f} s")
        self.gateway.run_for(LINGER)

    def _observe(self) -> list[dict]:
        """Reads the emulated platforms; returns their exchanges."""
        assert self.emulator is not None and self.load is not None
        exchanges = self.emulator.read("requests", after=self.first_exchange)
        self.load.ledger.acknowledge(
            {
                entry["event_id"]: entry["at"] / 1000 + 0.001
                for entry in exchanges
                if entry["kind"] == "webhook" and entry["channel"] == "discord" and entry["outcome"] == "ok"
            }
        )
        self.messages = self.load.ledger.messages()
        self.replies = replies_from(self.emulator.read("transcript", after=self.first_entry))
        return exchanges

    # Telling

    def _report(self, verdict: Verdict, exchanges: list[dict], seconds: float) -> None:
        assert self.load is not None
        genuine = [message for message in self.messages if not message.is_forged]
        acknowledged = [message for message in genuine if message.acknowledged_at is not None]
        starts = sorted(self.gateway.starts) or [0.0]
        lines = [
            ("seed", str(self.options.seed)),
            ("kills", f"{len(self.gateway.kills)} (SIGKILL), {len(starts) - 1} restarts"),
            ("exec to ready", f"{statistics.median(starts):.2f} s median, {starts[-1]:.2f} s at most"),
            ("messages", f"{len(genuine)} genuine, {len(self.messages) - len(genuine)} forged"),
            ("posts", f"{self.load.ledger.posts}, and {self.load.ledger.repeats} repeats of what had been taken"),
            ("acknowledged", _by_channel(acknowledged)),
            ("answered", f"{verdict.answered} of {len(acknowledged)} acknowledged, {verdict.answered_unacknowledged} others"),
            ("replies", str(verdict.replies)),
            ("under way at a kill", f"{self._under_way()} messages taken before a kill and answered after it"),
            ("flagged", f"{verdict.flagged_repetitions} repetitions, {verdict.flagged_once} that proved to be the only one"),
            ("forgotten refusals", f"{verdict.forgotten_refusals} early sends, each with a kill since the refusal"),
            ("platforms' faults", _faults(exchanges)),
            ("settled", f"{self.settled_after:.1f} s after the load ended"),
            ("took", f"{seconds:.0f} s"),
        ]
        width = max(len(name) for name, _ in lines)
        print()
        for name, value in lines:
            print(f"{name:{width}}  {value}")
        print()

    def _under_way(self) -> int:
        first: dict[int, float] = {}
        for reply in self.replies:
            for match in LABEL.finditer(reply.text):
                first.setdefault(int(match[1]), reply.at)
        return sum(
            any(message.acknowledged_at < kill < first[message.serial] for kill in self.gateway.kills)
            for message in self.messages
            if message.acknowledged_at is not None and message.serial in first
        )

    def show(self, verdict: Verdict) -> int:
        """Each promise, kept or broken with the evidence; the exit code."""
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
        print(f"{'FAILED' if self.problems else 'passed'}  the gateway ends only when it is told to")
        for problem in self.problems[:10]:
            print(f"        {problem}")
        print(f"\n{len(PROMISES) + 1 - failed} passed, {failed} failed")
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

    @staticmethod
    def _say(text: str) -> None:
        print(text, flush=True)


def _by_channel(messages: list[Message]) -> str:
    counts = {channel: sum(message.channel == channel for message in messages) for channel in CHANNELS}
    return f"{len(messages)}: " + ", ".join(f"{channel} {count}" for channel, count in counts.items())


def _faults(exchanges: list[dict]) -> str:
    faults: dict[str, int] = {}
    for exchange in exchanges:
        if exchange.get("fault"):
            faults[exchange["fault"]] = faults.get(exchange["fault"], 0) + 1
    return ", ".join(f"{name} {count}" for name, count in sorted(faults.items())) or "none"


def main() -> int:
    """Reads the options and runs once."""
    parser = argparse.ArgumentParser(description="Kills a gateway under load and checks that it keeps its promises.")
    parser.add_argument("--parley", required=True, help="the binary")
    parser.add_argument("--cycles", type=int, default=50, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills, the load and the faults")
    parser.add_argument("--rate", type=float, default=30, help="messages a second")
    parser.add_argument("--conversations", type=int, default=20, help="on each platform")
    parser.add_argument("--patience", type=float, default=90, help="seconds to settle in")
    parser.add_argument("--calm", action="store_true", help="no faults of the platforms beside the kills")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the database and the logs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parley-crash-"))
    (folder / "data").mkdir()
    test = CrashTest(options, folder)
    code = 1
    try:
        code = test.show(test.run())
        return code
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
