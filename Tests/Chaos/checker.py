"""The judgement of a crash test: what was posted and acknowledged, against what people saw.

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
ONE_TURN = "one message, one turn"
ORDER = "replies keep the platform's order"
PUT_OFF = "nobody is put off with an apology"
KNOWN = "no reply without a message"
FORGED = "nothing forged is accepted"
PATIENCE = "nothing is sent before a refusal is over"
PROMISES = [TAKEN, ANSWERED, ONCE, ONE_TURN, ORDER, PUT_OFF, KNOWN, FORGED, PATIENCE]


def replies_from(transcript: list[dict]) -> list[Reply]:
    """What people see in the end: an edit takes the place of what it edits."""
    replies: dict[tuple, Reply] = {}
    for entry in transcript:
        if entry["direction"] != "out":
            continue
        reply = Reply(
            entry["seq"], entry["channel"], entry["conversation"], entry["text"],
            entry.get("delivery_id"), entry.get("message_id"), entry.get("at", 0) / 1000,
        )
        key = (entry["channel"], entry["bot"], entry["conversation"], entry.get("message_id") or f"#{entry['seq']}")
        if entry.get("edited") and key in replies:
            replies[key].text = reply.text
        else:
            replies[key] = reply
    return sorted(replies.values(), key=lambda reply: reply.sequence)


def judge(
    messages: list[Message], replies: list[Reply], exchanges: list[dict], kills: list[float] | None = None
) -> Verdict:
    """Holds everything that was seen against the promises. `kills` are Unix times."""
    verdict = Verdict(replies=len(replies))
    appearances = _appearances(messages, replies, verdict)
    for message in messages:
        found = appearances.get(message.serial, [])
        if message.is_forged:
            _judge_forged(message, found, verdict)
        else:
            _judge_answers(message, found, verdict)
    _judge_order(messages, appearances, verdict)
    _judge_patience(exchanges, kills or [], verdict)
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
            elif message.place != reply.place or message.channel != reply.channel:
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


def _judge_patience(exchanges: list[dict], kills: list[float], verdict: Verdict) -> None:
    """A process that was killed right after it was refused may have forgotten that; one that lives may not."""
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
            if refusal and any(refusal["at"] <= kill * 1000 <= exchange["at"] for kill in kills):
                verdict.forgotten_refusals += 1
            else:
                verdict.violations.append(Violation(PATIENCE, f"{exchange} after {refusal}"))
        if exchange.get("status") == 429 or exchange.get("outcome") in ("130429", "131056"):
            refusals.append(exchange)
