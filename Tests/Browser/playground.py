#!/usr/bin/env python3
"""Drives the demo's playground in a real browser: asks in each window, by keyboard too, and on a phone's width.

    Tests/Browser/playground.py [--binary .build/debug/parley] [--screenshot docs/images/playground.png]

Starts `parley demo` in a temporary folder and headless Chromium beside it. Closes with 'N passed, M failed'.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import urllib.error
import urllib.request

from devtools import Failed, Page, find_browser, until

CHANNELS = ["discord", "telegram", "slack", "whatsapp"]
QUESTION = "Do you have iPhone 15 in stock?"
REPLY_SECONDS = 20


class Demo:
    """`parley demo` on two free neighbouring ports, in a temporary folder."""

    def __init__(self, binary, wanted_port=0):
        self.folder = tempfile.mkdtemp(prefix="parley-playground-")
        self.port = free_ports(wanted_port)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            [binary, "demo", "--port", str(self.port), "--data", os.path.join(self.folder, "data")],
            stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder,
        )

    url = property(lambda self: f"http://127.0.0.1:{self.port}/playground")

    def __enter__(self):
        until(self._is_ready, 60, "parley demo is ready")
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise Failed(f"parley demo ended with {self.process.returncode}:\n{self.log.read()[-2000:]}")
        try:
            return urllib.request.urlopen(self.url, timeout=5).status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(wanted=0):
    """A port that is free together with the next one, which the emulated platforms take; the wanted one if it is."""
    for attempt in range(100):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", 0 if attempt else wanted))
                port = first.getsockname()[1]
                second.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue
    raise Failed("no two neighbouring ports are free")


# Looking at the page


def texts(channel, direction="out"):
    """A script: the texts of a window's messages; `out` are the gateway's, `in` the visitor's."""
    return f"[...document.querySelectorAll('#window-{channel} .message.{direction} .text')].map(e => e.innerText)"


def wait_for_reply(page, channel, *wanted, after=0):
    """Waits for a reply beyond the first `after` ones that has all `wanted` words, and returns it."""
    words = " && ".join(f"t.includes({word!r})" for word in wanted) or "true"
    return page.wait(f"{texts(channel)}.slice({after}).find(t => {words})", REPLY_SECONDS, f"{channel}: {wanted}")


def count(page, channel, direction="out"):
    return page.run(f"{texts(channel, direction)}.length")


def steps(page):
    """What the journey panel shows as done: step and verdict of each row."""
    return page.run("[...document.querySelectorAll('#journey-steps .step:not(.ahead) .name')]"
                    ".map(e => [e.firstChild.textContent, e.querySelector('em').textContent])")


def write(page, channel, text):
    """Clicks into a window, types and presses Enter."""
    page.click(f"#say-{channel}")
    page.type(text)
    page.press("Enter", number=13, text="\r")


# The checks, in the order in which they run; each goes on where the one before left the page


def opens(page):
    page.wait("document.querySelector('#link').dataset.state === 'live'", 20)
    names = page.run("[...document.querySelectorAll('.window')].map(e => e.dataset.channel)")
    assert sorted(names) == sorted(CHANNELS), names
    enabled = page.run("[...document.querySelectorAll('textarea')].every(e => !e.disabled)")
    assert enabled, "a window's composer is disabled"


def answers_in(channel):
    def check(page):
        before = count(page, channel)
        write(page, channel, QUESTION)
        wait_for_reply(page, channel, "5 in stock at $799", after=before)
        asked = page.run(f"{texts(channel, 'in')}.at(-1)")
        assert QUESTION in asked, asked
    check.__name__ = f"answers in the {channel} window"
    return check


def shows_the_journey(page):
    page.wait("document.querySelector('#journey-total').textContent.includes('in all')", 20, "a finished journey")
    shown = steps(page)
    names = [step for step, _ in shown]
    for wanted in ("receive", "store", "claim", "gate", "context", "model", "tool", "commit", "send"):
        assert wanted in names, f"no step {wanted!r} in {shown}"
    assert ["send", "delivered"] in shown, shown
    verdicts = [verdict for step, verdict in shown if step == "gate"]
    assert set(verdicts) == {"open"}, f"a gate was not open: {shown}"
    ahead = page.run("document.querySelectorAll('#journey-steps .ahead').length")
    assert ahead == 0, f"{ahead} stages are still shown as to come"


def is_used_by_keyboard(page):
    page.run("document.activeElement.blur()")
    for _ in range(60):
        page.press("Tab", number=9)
        if page.run("document.activeElement.id") == "say-slack":
            break
    else:
        raise AssertionError("Tab never reaches the Slack window's composer")
    before = count(page, "slack")
    page.type("What are your opening hours?")
    page.press("Enter", number=13, text="\r")
    wait_for_reply(page, "slack", after=before)
    assert page.run("document.activeElement.id") == "say-slack", "sending takes the focus away"
    assert page.run("document.querySelector('#say-slack').value") == "", "the composer is not emptied"


def asks_with_one_click(page):
    before = {channel: count(page, channel) for channel in CHANNELS}
    page.click("#chips li:nth-child(2) button")
    for channel in CHANNELS:
        wait_for_reply(page, channel, "1001", after=before[channel])


def answers_once_when_webhooks_double(page):
    page.click("#faults .choice:nth-child(2)")
    page.wait("fetch('/playground/api/faults').then(a => a.json()).then(f => f.preset === 'duplicates')", 10)
    asked, answered = count(page, "telegram", "in"), count(page, "telegram")
    for number in range(1, 4):
        write(page, "telegram", QUESTION)
        page.wait(f"{texts('telegram')}.length >= {answered + number}", REPLY_SECONDS, f"reply {number} of 3")
    page.click("#faults .choice:nth-child(1)")
    page.wait("fetch('/playground/api/faults').then(a => a.json()).then(f => f.preset === 'off')", 10)
    assert count(page, "telegram", "in") == asked + 3
    assert count(page, "telegram") == answered + 3, "a doubled webhook was answered twice"


def fits_a_phone(page):
    page.open(page.address, width=390, height=844, phone=True)
    page.wait("document.querySelector('#link').dataset.state === 'live'", 20)
    for channel in CHANNELS:
        page.click(f".tab.{channel}")
        page.wait(f"document.querySelector('#window-{channel}').classList.contains('front')", 5)
        width = page.run("document.documentElement.scrollWidth")
        assert width <= 390, f"{channel}: the page is {width} px wide on a phone"
        box = page.run(f"(() => {{ const r = document.querySelector('#say-{channel}').getBoundingClientRect();"
                       " return [r.left, r.right, r.top, r.bottom]; })()")
        assert box[0] >= 0 and box[1] <= 390 and box[3] <= 844, f"{channel}: the composer is off the screen, {box}"
    before = count(page, "whatsapp")
    write(page, "whatsapp", QUESTION)
    wait_for_reply(page, "whatsapp", "5 in stock at $799", after=before)


def reports_no_error(page):
    page.run("1")
    assert not page.errors, page.errors


CHECKS = [opens, *map(answers_in, CHANNELS), shows_the_journey, is_used_by_keyboard, asks_with_one_click,
          answers_once_when_webhooks_double, fits_a_phone, reports_no_error]


def picture(page, path):
    """The README's picture: a conversation in every window and a finished journey beside them."""
    page.open(page.address, width=1440, height=900)
    page.wait("document.querySelector('#link').dataset.state === 'live'", 20)
    # Each window ends on another subject; the journey is that of the question to the shop.
    for question, channels in [(3, CHANNELS), (2, ["telegram", "slack", "whatsapp"]), (4, ["whatsapp"]), (1, ["discord"])]:
        for channel in channels:
            before = count(page, channel)
            write(page, channel, page.run(f"document.querySelector('#chips li:nth-child({question}) button').innerText"))
            wait_for_reply(page, channel, after=before)
    page.wait("document.querySelector('#journey-total').textContent.includes('in all')", 20, "a finished journey")
    page.run("document.activeElement.blur()")
    page.run("new Promise(done => setTimeout(done, 1200))")  # Fades and typing signs end.
    page.screenshot(path)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--binary", default=".build/debug/parley", help="the parley to start")
    options.add_argument("--screenshot", metavar="PATH", help="write the README's picture (1440×900) and stop")
    options.add_argument("--phone-screenshot", metavar="PATH", help="also write the page at a phone's width")
    choice = options.parse_args()
    browser = find_browser()
    if not browser:
        sys.exit("No Chromium found. On Debian: apt-get install chromium; or name one in PARLEY_BROWSER.")
    if not os.access(choice.binary, os.X_OK):
        sys.exit(f"{choice.binary} is not there. Build it first: swift build")

    passed, failed = 0, 0
    with Demo(os.path.abspath(choice.binary), 8080 if choice.screenshot else 0) as demo, Page(browser) as page:
        page.address = demo.url
        if choice.screenshot:
            picture(page, choice.screenshot)
            print(f"{choice.screenshot} is written")
            return
        page.open(demo.url)
        for check in CHECKS:
            name = check.__name__.replace("_", " ")
            try:
                check(page)
                passed += 1
                print(f"ok      {name}", flush=True)
            except (AssertionError, Failed, OSError) as error:
                failed += 1
                print(f"FAILED  {name}: {error}", flush=True)
                if not isinstance(error, (AssertionError, Failed)):
                    traceback.print_exc()
                    break
        if choice.phone_screenshot:
            page.screenshot(choice.phone_screenshot)
        code = demo.stop()
        if code == 0:
            passed += 1
            print("ok      the demo stops in an orderly way")
        else:
            failed += 1
            print(f"FAILED  the demo ended with {code}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
