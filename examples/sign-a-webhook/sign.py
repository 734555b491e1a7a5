#!/usr/bin/env python3
"""Plays Slack towards a running `parley demo`: signs a message of Ann's, and posts it twice.

    python3 sign.py parley-data/demo/demo.json "Do you have iPhone 15 in stock?"
"""
import hashlib
import hmac
import json
import sys
import time
import urllib.request

demo = json.load(open(sys.argv[1]))
slack = next(i for i in demo["integrations"] if i["channel"] == "slack")
# The workspace is what the (emulated) Slack says: events of other workspaces are ignored.
headers = {"Authorization": "Bearer " + slack["credentials"]["bot_token"]}
auth_test = urllib.request.Request(demo["api_urls"]["slack"] + "/auth.test", b"", headers)
team = json.load(urllib.request.urlopen(auth_test))["team_id"]

now = f"{time.time():.6f}"
body = json.dumps({
    "type": "event_callback", "team_id": team, "event_id": "Ev" + now.replace(".", ""), "event_time": int(time.time()),
    "event": {"type": "message", "channel_type": "im", "channel": "D0EXAMPLE", "user": "U0EXAMPLE",
              "text": sys.argv[2], "ts": now},
}).encode()

# Slack signs the version, the time and the raw body, under the app's signing secret.
timestamp = now.split(".")[0]
secret = slack["credentials"]["signing_secret"].encode()
signature = "v0=" + hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
headers = {"Content-Type": "application/json", "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}

for attempt in ("first", "again"):
    print(attempt, urllib.request.urlopen(urllib.request.Request(slack["webhook_url"], body, headers)).status)
print(f"It is kept, once. What became of it: parley why D0EXAMPLE:{now}")
