"""A receiver of notices and pings for tests, which knows Standard Webhooks from its specification and nothing of our code.

Started by the tests with the key as its argument. Prints one JSON object a line: {"port"} when it listens, then one for each
request. Answers with the statuses that it is told on standard input, one a line, each for one request (`503 7` adds
`Retry-After: 7`), and else with 200.
"""

import base64
import hashlib
import hmac
import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(sys.argv[1].removeprefix("whsec_"))
ANSWERS = queue.Queue()


def verified(headers, body):
    """As the specification says it: id, timestamp and body joined by dots, HMAC-SHA256, base64, one match suffices."""
    try:
        identity, stamp = headers["webhook-id"], headers["webhook-timestamp"]
        signed = f"{identity}.{stamp}.".encode() + body
        expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        given = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in given)
    except (KeyError, ValueError, AttributeError, TypeError):
        return False


class Receiver(BaseHTTPRequestHandler):
    def answer(self, body):
        try:
            status, *after = ANSWERS.get_nowait().split()
        except queue.Empty:
            status, after = "200", []
        print(
            json.dumps(
                {
                    "method": self.command,
                    "path": self.path,
                    "verified": verified(self.headers, body),
                    "id": self.headers.get("webhook-id"),
                    "body": body.decode(),
                    "answered": int(status),
                    "at": time.time(),
                }
            ),
            flush=True,
        )
        self.send_response(int(status))
        if after:
            self.send_header("Retry-After", after[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["content-length"])))

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(json.dumps({"port": server.server_address[1]}), flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    ANSWERS.put(line.strip())
    print(json.dumps({"heard": line.strip()}), flush=True)
