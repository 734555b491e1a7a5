"""The platforms' side of a webhook: what it says, how it is signed, and where its order comes from.

The shape is learned from one webhook of each conversation that the emulator posts; text, identity and time are ours.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from random import Random
from threading import Lock


@dataclass
class Webhook:
    """A message on its way: the same body at every attempt, signed anew each time."""

    path: str
    body: bytes
    platform_id: str
    """What `parley why` takes."""


class Platform:
    """One bot on one platform that posts for itself."""

    channel = ""
    keeps_order = False
    """Whether a conversation's next message waits until the one before was taken."""

    def __init__(self, path: str, credentials: dict[str, str]) -> None:
        self.path = path
        self.credentials = credentials
        self._lock = Lock()
        self._last = 0

    def sign(self, body: bytes, *, is_forged: bool = False) -> dict[str, str]:
        """The headers that prove where a body comes from; a forger knows everything but the secret."""
        raise NotImplementedError

    def write(self, template: dict, text: str, last_second: int, random: Random) -> tuple[Webhook, int]:
        """A webhook like `template` that says `text`, and the second that it carries."""
        raise NotImplementedError

    def place(self, template: dict) -> str:
        """The conversation's id on the platform."""
        raise NotImplementedError

    def _next(self, least: int) -> int:
        """A number that grows with every call."""
        with self._lock:
            self._last = max(self._last + 1, least)
            return self._last


def _digest(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


class Slack(Platform):
    """Events API; `ts` is the order and, with the channel, the identity."""

    channel = "slack"

    def sign(self, body: bytes, *, is_forged: bool = False) -> dict[str, str]:
        secret = "forged" if is_forged else self.credentials["signing_secret"]
        timestamp = str(int(time.time()))
        signature = "v0=" + _digest(secret, f"v0:{timestamp}:".encode() + body)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}

    def place(self, template: dict) -> str:
        return str(template["event"]["channel"])

    def write(self, template: dict, text: str, last_second: int, random: Random) -> tuple[Webhook, int]:
        microseconds = self._next(int(time.time() * 1_000_000))
        ts = f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"
        body = copy.deepcopy(template)
        body["event_id"] = f"Ev{random.getrandbits(60):015X}"
        body["event_time"] = microseconds // 1_000_000
        element = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
        body["event"] |= {
            "text": text, "ts": ts, "event_ts": ts, "client_msg_id": f"{random.getrandbits(128):032x}",
            "blocks": [{"type": "rich_text", "block_id": "b1", "elements": [element]}],
        }
        return Webhook(self.path, json.dumps(body).encode(), f"{self.place(template)}:{ts}"), body["event_time"]


class Telegram(Platform):
    """Bot API; `update_id` is order and identity. A chat's updates come one after the other."""

    channel = "telegram"
    keeps_order = True

    def sign(self, body: bytes, *, is_forged: bool = False) -> dict[str, str]:
        return {"X-Telegram-Bot-Api-Secret-Token": "forged" if is_forged else self.credentials["webhook_secret"]}

    def place(self, template: dict) -> str:
        return str(template["message"]["chat"]["id"])

    def write(self, template: dict, text: str, last_second: int, random: Random) -> tuple[Webhook, int]:
        update = self._next(2_000_000_000)
        body = copy.deepcopy(template)
        body["update_id"] = update
        now = int(time.time())
        # Ids of one's own, out of the way of those that the emulator gives to the bot's messages.
        body["message"] |= {"message_id": update - 1_000_000_000, "date": now, "text": text}
        return Webhook(self.path, json.dumps(body).encode(), str(body["message"]["message_id"])), now


class WhatsApp(Platform):
    """Cloud API; the wamid is the identity, the order has a grain of one second."""

    channel = "whatsapp"

    def sign(self, body: bytes, *, is_forged: bool = False) -> dict[str, str]:
        secret = "forged" if is_forged else self.credentials["app_secret"]
        return {"X-Hub-Signature-256": "sha256=" + _digest(secret, body)}

    def place(self, template: dict) -> str:
        return str(self._message(template)["from"])

    def write(self, template: dict, text: str, last_second: int, random: Random) -> tuple[Webhook, int]:
        wamid = f"wamid.HBgL{random.getrandbits(160):040x}=="
        # Two messages of one second would have no order.
        second = max(last_second + 1, int(time.time()))
        body = copy.deepcopy(template)
        self._message(body).update({"id": wamid, "timestamp": str(second), "text": {"body": text}})
        return Webhook(self.path, json.dumps(body).encode(), wamid), second

    @staticmethod
    def _message(body: dict) -> dict:
        return body["entry"][0]["changes"][0]["value"]["messages"][0]


SELF_SIGNED: list[type[Platform]] = [Slack, Telegram, WhatsApp]
"""Discord signs with Ed25519 and knows the tokens of its interactions: the emulator posts those."""
