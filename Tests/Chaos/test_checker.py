#!/usr/bin/env python3
"""Shows that the crash test's judgement can fail: fabricated runs with one fault each, and runs without any; and what
becomes of a test that lacks a program.

Run: python3 Tests/Chaos/test_checker.py
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from dataclasses import replace

from bed import run
from checker import (
    ANSWERED, ASKED, APOLOGY, FORGED, HONEST, KNOWN, ONCE, ONE_TURN, ORDER, PATIENCE, PUT_OFF, REPEAT_MARK, RESUMED, TAKEN, TAKEN_OVER,
    Acknowledgement, Circumstances, Message, Outage, Reply, Send, is_settled, judge, label, replies_from,
)
from services import Missing


def message(serial: int, number: int, *, posted: float, acknowledged: float | None, forged: bool = False) -> Message:
    """A message of the only conversation."""
    return Message(
        serial, "telegram", "telegram-1", "D1", number, f"D1:{serial}", posted, acknowledged, posts=1, is_forged=forged
    )


def reply(sequence: int, *messages: Message, mark: bool = False, delivery: str | None = None, place: str = "D1") -> Reply:
    """What the scripted model says to these messages."""
    said = "\n".join(label(one.serial, one.conversation, one.number) for one in messages)
    return Reply(sequence, "telegram", place, (REPEAT_MARK + "\n" if mark else "") + "You said: " + said, delivery)


ONE = message(1, 1, posted=1.0, acknowledged=1.1)
TWO = message(2, 2, posted=2.0, acknowledged=2.1)
LATE = message(3, 3, posted=3.0, acknowledged=9.0)
NEXT = message(4, 4, posted=4.0, acknowledged=4.1)
UNSURE = message(5, 5, posted=5.0, acknowledged=None)
FORGERY = message(6, 6, posted=6.0, acknowledged=None, forged=True)
TAKEN_FORGERY = message(7, 7, posted=7.0, acknowledged=7.1, forged=True)

ON_SLACK = replace(ONE, channel="slack")


def from_slack(sequence: int, *, mark: bool = False) -> Reply:
    """A reply to it."""
    return replace(reply(sequence, ON_SLACK, mark=mark), channel="slack")


CASES: list[tuple[str, list[Message], list[Reply], list[dict], set[str]]] = [
    ("a run in order is right", [ONE, TWO], [reply(1, ONE), reply(2, TWO)], [], set()),
    ("several messages in one reply are right", [ONE, TWO], [reply(1, ONE, TWO)], [], set()),
    ("a lost message is found", [ONE, TWO], [reply(1, ONE)], [], {ANSWERED}),
    ("no reply at all is found", [ONE], [], [], {ANSWERED}),
    ("a swapped order is found", [ONE, TWO], [reply(1, TWO), reply(2, ONE)], [], {ORDER}),
    ("a swapped order within one reply is found", [ONE, TWO], [reply(1, TWO, ONE)], [], {ORDER}),
    ("an order that nobody could know is let pass", [LATE, NEXT], [reply(1, NEXT), reply(2, LATE)], [], set()),
    ("an unflagged duplicate is found", [ONE], [reply(1, ONE), reply(2, ONE)], [], {ONCE}),
    ("a flagged duplicate is let pass", [ONE], [reply(1, ONE), reply(2, ONE, mark=True)], [], set()),
    ("a mark on the first of two excuses nothing", [ONE], [reply(1, ONE, mark=True), reply(2, ONE)], [], {ONCE}),
    (
        "a third, unflagged one is found",
        [ONE], [reply(1, ONE), reply(2, ONE, mark=True), reply(3, ONE)], [], {ONCE},
    ),
    (
        "two turns for one message are found, flagged or not",
        [ONE], [reply(1, ONE, delivery="a"), reply(2, ONE, mark=True, delivery="b")], [], {ONE_TURN},
    ),
    (
        "one delivery sent twice is one turn",
        [ONE], [reply(1, ONE, delivery="a"), reply(2, ONE, mark=True, delivery="a")], [], set(),
    ),
    (
        "a joined reply that repeats an answered message is found",
        [ONE, TWO], [reply(1, ONE), reply(2, ONE, TWO)], [], {ONCE},
    ),
    ("a message without acknowledgement may stay unanswered", [UNSURE], [], [], set()),
    ("a message without acknowledgement may be answered", [UNSURE], [reply(1, UNSURE)], [], set()),
    ("but not twice", [UNSURE], [reply(1, UNSURE), reply(2, UNSURE)], [], {ONCE}),
    ("a genuine webhook that was refused is found", [replace(UNSURE, refused_with=401)], [], [], {TAKEN}),
    ("a refused forgery is right", [FORGERY], [], [], set()),
    ("an acknowledged forgery is found", [TAKEN_FORGERY], [], [], {FORGED}),
    ("an answered forgery is found", [FORGERY], [reply(1, FORGERY)], [], {FORGED}),
    ("a reply to nothing is found", [ONE], [reply(1, ONE), Reply(2, "telegram", "D1", "Hello?")], [], {KNOWN}),
    ("a reply to a message that nobody wrote is found", [ONE], [reply(1, ONE), reply(2, TWO)], [], {KNOWN}),
    ("a reply in another conversation is found", [ONE], [reply(1, ONE, place="D2")], [], {KNOWN, ANSWERED}),
    (
        "a reply by another business's bot is found",
        [ONE], [replace(reply(1, ONE), bot="telegram-2")], [], {KNOWN, ANSWERED},
    ),
    (
        "a flagged duplicate on Slack, which can be asked, is found",
        [ON_SLACK], [from_slack(1), from_slack(2, mark=True)], [], {ASKED},
    ),
    ("a single reply on Slack is right, flagged or not", [ON_SLACK], [from_slack(1, mark=True)], [], set()),
    (
        "an apology in place of an answer is found",
        [ONE], [Reply(1, "telegram", "D1", APOLOGY + " Later.")], [], {ANSWERED, PUT_OFF},
    ),
    ("an early send is found", [ONE], [reply(1, ONE)], [{"seq": 1, "channel": "slack", "conversation": "D1", "status": 429, "early_send": True}], {PATIENCE}),
    ("a send in time is right", [ONE], [reply(1, ONE)], [{"seq": 1, "channel": "slack", "conversation": "D1", "status": 429, "early_send": False}], set()),
]


def entry(sequence: int, text: str, *, direction: str = "out", edited: bool = False, message_id: str = "m1") -> dict:
    """A line of the emulator's transcript."""
    return {
        "seq": sequence, "channel": "discord", "bot": "discord-1", "conversation": "1", "direction": direction,
        "text": text, "message_id": message_id, "delivery_id": None, "edited": edited,
    }


def transcript_checks() -> list[tuple[str, bool]]:
    """How the transcript becomes replies."""
    edited = replies_from([entry(1, "first"), entry(2, "first", edited=True)])
    separate = replies_from([entry(1, "first"), entry(2, "first", message_id="m2")])
    quiet = replies_from([entry(1, "typing…", direction="typing"), entry(2, "Hello", direction="in")])
    return [
        ("an edit is not another reply", [(one.sequence, one.text) for one in edited] == [(1, "first")]),
        ("the same text in another message is another reply", len(separate) == 2),
        ("typing and people's own words are no replies", quiet == []),
        ("a run with an open message is not settled", not is_settled([ONE, TWO], [reply(1, ONE)])),
        ("a run without open messages is settled", is_settled([ONE, UNSURE, FORGERY], [reply(1, ONE)])),
    ]


def patience_checks() -> list[tuple[str, bool]]:
    """Whether a kill between a refusal and an early send makes the difference."""
    call = {"channel": "slack", "conversation": "D1", "status": 429}
    exchanges = [call | {"seq": 1, "at": 1000}, call | {"seq": 2, "at": 1500, "early_send": True}]
    forgotten = judge([], [], exchanges, Circumstances(kills=[1.2]))
    remembered = judge([], [], exchanges, Circumstances(kills=[0.5, 1.3, 1.6]))
    near = judge([], [], exchanges, Circumstances(refusals_spread=1.0))
    late = judge([], [], exchanges, Circumstances(refusals_spread=0.4))
    return [
        ("a refusal that a kill made it forget is counted", (len(forgotten.violations), forgotten.forgotten_refusals) == (0, 1)),
        ("a kill at another time excuses nothing", (len(remembered.violations), remembered.forgotten_refusals) == (1, 0)),
        ("another node need not know at once", (len(near.violations), near.forgotten_refusals) == (0, 1)),
        ("another node must know soon", (len(late.violations), late.forgotten_refusals) == (1, 0)),
    ]


def outage_checks() -> list[tuple[str, bool]]:
    """Acknowledgements around a time without a database, from 10 to 20, usable again at 20.5."""
    def broken(*posts: tuple[float, float]) -> set[str]:
        seen = Circumstances(acknowledgements=[Acknowledgement(*post) for post in posts], outages=[Outage(10, 20, 20.5)])
        return {violation.promise for violation in judge([], [], [], seen).violations}

    return [
        ("an acknowledgement without a database is found", broken((12, 13), (21, 21.1)) == {HONEST}),
        ("one that was under way when it went is right", broken((9.9, 10.1), (21, 21.1)) == set()),
        ("one that waited until it was back is right", broken((12, 20.6)) == set()),
        ("a late resumption is found", broken((9, 9.1), (22, 23)) == {RESUMED}),
        ("no resumption at all is found", broken((9, 9.1)) == {RESUMED}),
    ]


def takeover_checks() -> list[tuple[str, bool]]:
    """Who may send the same answer after whom."""
    def broken(message: Message, *sends: Send) -> bool:
        return bool(judge([message], [], [], Circumstances(sends=list(sends))).broken(TAKEN_OVER))

    mine, theirs, marked = Send("a", 1, 1), Send("b", 2, 1), Send("b", 2, 1, is_marked=True)
    late = Send("a", 3, 1)
    return [
        ("a marked send after another node's is right", not broken(ONE, mine, marked)),
        ("an unmarked one is found", broken(ONE, mine, theirs)),
        ("an unmarked one by who was taken over from is found", broken(ONE, marked, late)),
        ("two sends of one node are its own affair", not broken(ONE, mine, late)),
        ("on Discord the nonce is the mark", not broken(replace(ONE, channel="discord"), mine, theirs)),
    ]


def main() -> int:
    """Runs every case; exit code 1 if one comes out otherwise than expected."""
    results: list[tuple[str, bool]] = []
    for name, messages, replies, exchanges, expected in CASES:
        broken = {violation.promise for violation in judge(messages, replies, exchanges).violations}
        results.append((name, broken == expected))
        if broken != expected:
            print(f"FAILED {name}: expected {sorted(expected)}, got {sorted(broken)}")
    counted = judge([ONE, TWO], [reply(1, ONE), reply(2, ONE, mark=True), reply(3, TWO, mark=True)], [])
    results.append(("repetitions are counted", (counted.flagged_repetitions, counted.flagged_once) == (1, 1)))
    results += transcript_checks() + patience_checks() + outage_checks() + takeover_checks() + missing_checks()
    for name, passed in results[len(CASES):]:
        if not passed:
            print(f"FAILED {name}")
    passed = sum(passed for _, passed in results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


def missing_checks() -> list[tuple[str, bool]]:
    """A program that is not there is skipped by whoever tries things, and fails where everything is required."""

    def lacking(_: argparse.Namespace) -> None:
        raise Missing("nothing is not installed")

    def outcome(**environment: str) -> tuple[int, str]:
        before = {name: os.environ.pop(name, None) for name in ("PARLEY_TEST_SERVICES", "CI")}
        os.environ.update(environment)
        said = io.StringIO()
        arguments, sys.argv = sys.argv, [sys.argv[0]]
        try:
            with contextlib.redirect_stdout(said):
                code = run(lacking, argparse.ArgumentParser())
        finally:
            sys.argv = arguments
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        return code, said.getvalue()

    code, said = outcome()
    return [
        ("a missing program is skipped", code == 0 and said.startswith("SKIPPED: nothing")),
        ("a missing program fails where services are required", outcome(PARLEY_TEST_SERVICES="required")[0] == 1),
        ("a missing program fails on a build machine", outcome(CI="true")[0] == 1),
    ]


if __name__ == "__main__":
    sys.exit(main())
