"""A browser, driven over the DevTools protocol: headless Chromium, one page, nothing but the standard library."""

import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request


class Failed(Exception):
    """Something that was waited for did not come."""


def find_browser():
    """The path of a Chromium-like browser, or None."""
    names = [os.environ.get("PARLEY_BROWSER"), "chromium", "chromium-browser", "google-chrome", "chrome"]
    return next((found for found in map(shutil.which, filter(None, names)) if found), None)


class WebSocket:
    """The client's half of RFC 6455, as far as DevTools needs it: text frames, pings, no extensions."""

    def __init__(self, url):
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode())
        self.stream = self.socket.makefile("rb")
        if b" 101 " not in self.stream.readline():
            raise Failed("the browser refused the DevTools connection")
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, text, opcode=1):
        data, mask = text if isinstance(text, bytes) else text.encode(), os.urandom(4)
        if len(data) < 126:
            length = struct.pack("!B", 0x80 | len(data))
        elif len(data) < 1 << 16:
            length = struct.pack("!BH", 0x80 | 126, len(data))
        else:
            length = struct.pack("!BQ", 0x80 | 127, len(data))
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def receive(self):
        """The next whole text message."""
        message = b""
        while True:
            first, second = self.stream.read(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self.stream.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self.stream.read(8))
            data = self.stream.read(length)
            opcode = first & 0x0F
            if opcode == 8:
                raise Failed("the browser closed the DevTools connection")
            if opcode == 9:
                self.send(data, opcode=10)
            elif opcode in (0, 1):
                message += data
                if first & 0x80:
                    return message.decode()


class Page:
    """One page of a browser that ends with the `with` block."""

    def __init__(self, browser):
        self.folder = tempfile.mkdtemp(prefix="parley-browser-")
        self.errors = []
        self.last_id = 0
        options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "--no-first-run",
                   "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars",
                   "--force-color-profile=srgb", "--lang=en-GB"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium refuses to sandbox for root.
        self.process = subprocess.Popen(
            [browser, *options, "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            self.connection = WebSocket(self._page_address())
            for domain in ("Page", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _page_address(self):
        port_file = os.path.join(self.folder, "DevToolsActivePort")
        port = until(lambda: os.path.exists(port_file) and open(port_file).readline().strip(), 60, "the browser")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
            pages = json.load(answer)
        return next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")

    def call(self, method, **parameters):
        """Calls a DevTools method and returns its result; notes the errors that the page reports meanwhile."""
        self.last_id += 1
        self.connection.send(json.dumps({"id": self.last_id, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.connection.receive())
            if message.get("id") == self.last_id:
                if "error" in message:
                    raise Failed(f"{method}: {message['error'].get('message')}")
                return message.get("result", {})
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, method, event):
        if method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details.get("text"))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(a.get("value") or a.get("description")) for a in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.errors.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")

    def run(self, script):
        """The value of a JavaScript expression; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failed(answer["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return answer["result"].get("value")

    def open(self, url, width=1440, height=900, phone=False):
        self.call("Emulation.setDeviceMetricsOverride",
                  width=width, height=height, deviceScaleFactor=1, mobile=phone)
        # The page that is left may answer for a moment still, at the same address.
        self.run("window.isLeft = true")
        self.call("Page.navigate", url=url)
        self.wait("!window.isLeft && document.readyState === 'complete' && location.href !== 'about:blank'", 30)

    def wait(self, condition, seconds, what=None):
        """Waits until a JavaScript expression is true and returns its value."""
        return until(lambda: self.run(condition), seconds, what or condition)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press(self, key, code=None, number=0, text=None):
        event = {"key": key, "code": code or key, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def click(self, selector):
        """Clicks the middle of an element with the mouse, as a person would: once it is there to be hit."""
        x, y = self.wait(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'nearest'}});"
            " const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;"
            " const hit = document.elementFromPoint(x, y);"
            " return r.width && e.contains(hit) ? [x, y] : null; })()",
            5, f"{selector} can be clicked"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path):
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


def until(attempt, seconds, what):
    """Tries again until `attempt` gives something, under a deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = attempt()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.05)
