"""The judgement of a chaos test: what was posted and acknowledged, against what people saw.

Pure: no clock, no network, no database. It knows nothing of Parley but the promises: a message that was acknowledged is
answered exactly once, replies keep the order of the platform, a possible repetition says so, nobody is answered who
did not write, and nothing is sent before a platform's refusal is over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

REPEAT_MARK = "(This message may reach you twice.)"
"""What a reply carries that its reader may have already."""

APOLOGY = "Sorry, I can't answer right now."
"""How a reply begins that gives up on its messages."""

LABEL = re.compile(r"echo (\d+): conversation ([a-z]+)-(\d+) number (\d+)")
"""What makes each message unique, and what the model repeats in its reply."""


def label(serial: int, conversation: str, number: int) -> str:
    """The text of a message: serial number over all, `channel-n`, and its place in the conversation."""
    return f"echo {serial}: conversation {conversation} number {number}"


@dataclass
class Message:
    """One thing that a person wrote. Times are Unix seconds."""

    serial: int
    channel: str
    conversation: str
    """`channel-n`, as in the label."""
    place: str
    """The conversation's id on the platform."""
    number: int
    """Its place in the platform's order, within the conversation."""
    platform_id: str
    """What `parley why` takes."""
    first_posted_at: float = 0.0
    acknowledged_at: float | None = None
    posts: int = 0
    refused_with: int | None = None
    """A status other than 200 and 503, after which a platform would give up."""
    is_forged: bool = False
    """Signed with a wrong key: must be refused and never answered."""
    bot: str = ""
    """Whom it was written to: people write to the bots of several businesses."""


@dataclass
class Reply:
    """One message that the bot sent, as people see it."""

    sequence: int
    """Its place in what was seen, over all platforms."""
    channel: str
    place: str
    text: str
    delivery_id: str | None = None
    message_id: str | None = None
    at: float = 0.0
    """Unix seconds."""
    bot: str = ""


@dataclass
class Acknowledgement:
    """A post that was answered with 200. Unix seconds."""

    posted_at: float
    answered_at: float


@dataclass
class Outage:
    """A time without a database. Unix seconds."""

    began: float
    """None of its processes lived, or no connection could reach it, from here on."""
    ended: float
    """It was told to come back: up to here nothing can have been kept."""
    usable: float
    """It took connections again."""


@dataclass
class Send:
    """A call with which a node sent an answer to messages."""

    node: str
    at: float
    serial: int
    """One of those messages; a call that answers several stands here several times."""
    is_marked: bool = False
    """It says that it may be a repetition."""


@dataclass
class Circumstances:
    """What was done to the gateway during a run, as far as a promise speaks of it."""

    kills: list[float] = field(default_factory=list)
    """Unix times."""
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    """What the platforms took of it."""
    resumption: float = 2.0
    """Seconds in which acknowledgements must resume."""
    refusals_spread: float = 0.0
    """Seconds in which every node knows what another one was refused, with Redis or without."""


@dataclass
class Violation:
    """A broken promise with its evidence."""

    promise: str
    evidence: str
    platform_id: str | None = None
    """For `parley why`."""


@dataclass
class Verdict:
    """What was judged, and how it came out."""

    violations: list[Violation] = field(default_factory=list)
    answered: int = 0
    """Acknowledged messages that were answered."""
    answered_unacknowledged: int = 0
    """Messages whose acknowledgement was lost with the process, and which were answered all the same."""
    flagged_repetitions: int = 0
    """Messages that were answered again, and the repetition said so."""
    flagged_once: int = 0
    """Replies with the mark that turned out to be the only ones."""
    replies: int = 0
    forgotten_refusals: int = 0
    """Early sends with a kill between the refusal and the send."""

    def broken(self, promise: str) -> list[Violation]:
        """The violations of one promise."""
        return [violation for violation in self.violations if violation.promise == promise]


TAKEN = "every genuine webhook is taken, or put off with 503"
ANSWERED = "every acknowledged message is answered"
ONCE = "nothing is answered twice in silence"
ASKED = "nothing is answered twice where the platform can be asked"
ONE_TURN = "one message, one turn"
ORDER = "replies keep the platform's order"
PUT_OFF = "nobody is put off with an apology"
KNOWN = "no reply without a message"
FORGED = "nothing forged is accepted"
PATIENCE = "nothing is sent before a refusal is over"
HONEST = "nothing is acknowledged while the database is down"
RESUMED = "acknowledgements resume soon after the database is back"
TAKEN_OVER = "nobody sends unawares what another node has taken over"
PROMISES = [
    TAKEN, ANSWERED, ONCE, ASKED, ONE_TURN, ORDER, PUT_OFF, KNOWN, FORGED, PATIENCE, HONEST, RESUMED, TAKEN_OVER,
]

RECONCILED = {"slack", "discord"}
"""Slack is looked up by the delivery's id, Discord knows a nonce: no doubt is left there."""


def replies_from(transcript: list[dict]) -> list[Reply]:
    """What people see in the end: an edit takes the place of what it edits."""
    replies: dict[tuple, Reply] = {}
    for entry in transcript:
        if entry["direction"] != "out":
            continue
        reply = Reply(
            entry["seq"], entry["channel"], entry["conversation"], entry["text"],
            entry.get("delivery_id"), entry.get("message_id"), entry.get("at", 0) / 1000, entry["bot"],
        )
        key = (entry["channel"], entry["bot"], entry["conversation"], entry.get("message_id") or f"#{entry['seq']}")
        if entry.get("edited") and key in replies:
            replies[key].text = reply.text
        else:
            replies[key] = reply
    return sorted(replies.values(), key=lambda reply: reply.sequence)


def judge(
    messages: list[Message], replies: list[Reply], exchanges: list[dict], circumstances: Circumstances | None = None
) -> Verdict:
    """Holds everything that was seen against the promises."""
    circumstances = circumstances or Circumstances()
    verdict = Verdict(replies=len(replies))
    appearances = _appearances(messages, replies, verdict)
    for message in messages:
        found = appearances.get(message.serial, [])
        if message.is_forged:
            _judge_forged(message, found, verdict)
        else:
            _judge_answers(message, found, verdict)
    _judge_order(messages, appearances, verdict)
    _judge_patience(exchanges, circumstances, verdict)
    _judge_outages(circumstances, verdict)
    _judge_takeovers(messages, circumstances, verdict)
    return verdict


def is_settled(messages: list[Message], replies: list[Reply]) -> bool:
    """Whether every acknowledged message is in some reply."""
    seen = {int(match[1]) for reply in replies for match in LABEL.finditer(reply.text)}
    return all(
        message.serial in seen for message in messages if message.acknowledged_at is not None and not message.is_forged
    )


@dataclass
class _Appearance:
    """A message's text in a reply."""

    reply: Reply
    offset: int


def _appearances(messages: list[Message], replies: list[Reply], verdict: Verdict) -> dict[int, list[_Appearance]]:
    known = {message.serial: message for message in messages}
    found: dict[int, list[_Appearance]] = defaultdict(list)
    for reply in replies:
        matches = list(LABEL.finditer(reply.text))
        if not matches and reply.text.startswith((APOLOGY, f"{REPEAT_MARK}\n{APOLOGY}")):
            verdict.violations.append(Violation(PUT_OFF, str(reply), reply.delivery_id))
        elif not matches:
            verdict.violations.append(Violation(KNOWN, f"answers nothing that was written: {reply}"))
        for match in matches:
            message = known.get(int(match[1]))
            if message is None or label(message.serial, message.conversation, message.number) != match[0]:
                verdict.violations.append(Violation(KNOWN, f"“{match[0]}” was never written: {reply}"))
            elif (message.channel, message.bot, message.place) != (reply.channel, reply.bot, reply.place):
                verdict.violations.append(
                    Violation(KNOWN, f"{message} was answered elsewhere: {reply}", message.platform_id)
                )
            else:
                found[message.serial].append(_Appearance(reply, match.start()))
    return found


def _judge_forged(message: Message, found: list[_Appearance], verdict: Verdict) -> None:
    if message.acknowledged_at is not None:
        verdict.violations.append(Violation(FORGED, f"acknowledged: {message}", message.platform_id))
    for appearance in found:
        verdict.violations.append(Violation(FORGED, f"{message} was answered: {appearance.reply}", message.platform_id))


def _judge_answers(message: Message, found: list[_Appearance], verdict: Verdict) -> None:
    if message.refused_with is not None:
        verdict.violations.append(Violation(TAKEN, f"refused: {message}", message.platform_id))
    if not found:
        if message.acknowledged_at is not None:
            verdict.violations.append(Violation(ANSWERED, f"lost: {message}", message.platform_id))
        return
    if message.acknowledged_at is None:
        verdict.answered_unacknowledged += 1
    else:
        verdict.answered += 1
    if len(found) == 1 and REPEAT_MARK in found[0].reply.text:
        verdict.flagged_once += 1
    for again in found[1:]:
        if REPEAT_MARK in again.reply.text:
            verdict.flagged_repetitions += 1
            if message.channel in RECONCILED:
                verdict.violations.append(
                    Violation(ASKED, f"{message} was answered by {found[0].reply} and again by {again.reply}", message.platform_id)
                )
        else:
            verdict.violations.append(
                Violation(ONCE, f"{message} was answered by {found[0].reply} and again by {again.reply}", message.platform_id)
            )
    deliveries = {appearance.reply.delivery_id for appearance in found} - {None}
    if len(deliveries) > 1:
        verdict.violations.append(
            Violation(ONE_TURN, f"{message} was answered by several deliveries: {sorted(deliveries)}", message.platform_id)
        )


def _judge_order(messages: list[Message], appearances: dict[int, list[_Appearance]], verdict: Verdict) -> None:
    """Of two messages of one conversation the earlier is answered first, or before the other in the same reply.

    Nobody can put a message before another that it has not yet been told of: the rule holds where the earlier message
    was acknowledged before the later one was posted for the first time.
    """
    conversations: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        if not message.is_forged and appearances.get(message.serial):
            conversations[message.conversation].append(message)
    for conversation in conversations.values():
        conversation.sort(key=lambda message: message.number)
        for index, later in enumerate(conversation):
            answer_to_later = _first(appearances[later.serial])
            for earlier in conversation[:index]:
                was_known = earlier.acknowledged_at is not None and earlier.acknowledged_at < later.first_posted_at
                if was_known and _first(appearances[earlier.serial]) > answer_to_later:
                    verdict.violations.append(
                        Violation(
                            ORDER,
                            f"{later} was answered at {answer_to_later} before {earlier} at "
                            f"{_first(appearances[earlier.serial])}",
                            later.platform_id,
                        )
                    )


def _first(found: list[_Appearance]) -> tuple[int, int]:
    return min((appearance.reply.sequence, appearance.offset) for appearance in found)


def _judge_patience(exchanges: list[dict], circumstances: Circumstances, verdict: Verdict) -> None:
    """What a platform refused is remembered, across kills too: all but what a kill kept from being written down."""
    refusals: list[dict] = []
    for exchange in exchanges:
        if exchange.get("early_send"):
            refusal = next(
                (
                    one for one in reversed(refusals)
                    if one["channel"] == exchange["channel"] and one["conversation"] == exchange["conversation"]
                ),
                next((one for one in reversed(refusals) if one["channel"] == exchange["channel"]), None),
            )
            # The refused call may have been on its way still when its sender was killed, or its wait not yet committed.
            was_killed = refusal and any(
                abs(kill - refusal["at"] / 1000) <= 0.25 and kill <= exchange["at"] / 1000
                for kill in circumstances.kills
            )
            is_news = refusal and exchange["at"] - refusal["at"] < 1000 * circumstances.refusals_spread
            if was_killed or is_news:
                verdict.forgotten_refusals += 1
            else:
                verdict.violations.append(Violation(PATIENCE, f"{exchange} after {refusal}"))
        if exchange.get("status") == 429 or exchange.get("outcome") in ("130429", "131056"):
            refusals.append(exchange)


def _judge_outages(circumstances: Circumstances, verdict: Verdict) -> None:
    """What was posted after the database had gone, and answered with 200 before it could be back, was a lie."""
    answered = sorted(circumstances.acknowledgements, key=lambda one: one.answered_at)
    for outage in circumstances.outages:
        for one in answered:
            if outage.began < one.posted_at and one.answered_at < outage.ended:
                verdict.violations.append(Violation(HONEST, f"{one} in {outage}"))
        first = next((one.answered_at for one in answered if one.answered_at >= outage.ended), None)
        if first is None or first - outage.usable > circumstances.resumption:
            verdict.violations.append(Violation(RESUMED, f"first at {first} after {outage}"))


def _judge_takeovers(messages: list[Message], circumstances: Circumstances, verdict: Verdict) -> None:
    """Whoever sends what another node has sent already knows of it, and says so; or it did not know that it had lost it.

    Not on Discord, where the same nonce is sent again and shown once: there what people see is what counts.
    """
    channels = {message.serial: message.channel for message in messages}
    by_message: dict[int, list[Send]] = defaultdict(list)
    for send in circumstances.sends:
        if channels.get(send.serial) != "discord":
            by_message[send.serial].append(send)
    for sends in by_message.values():
        sends.sort(key=lambda send: send.at)
        for before, after in zip(sends, sends[1:]):
            if before.node != after.node and not after.is_marked:
                verdict.violations.append(Violation(TAKEN_OVER, f"{after} although {before}"))
