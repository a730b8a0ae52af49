"""An error collector for tests, which knows Sentry's envelopes from their documentation and nothing of our code.

Prints one JSON object a line: {"port"} when it listens, then one for each request: what it made of it, or why it is not an envelope.
Answers with what it is told on standard input, one a line, each for one request: a status, and headers after it (`429 Retry-After=7`).
"""

import json
import queue
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = queue.Queue()


def read(path, headers, body):
    """The event in an envelope, each part checked as a relay would."""
    assert re.fullmatch(r"/sub/api/42/envelope/", path), path
    assert headers["content-type"] == "application/x-sentry-envelope"
    auth = headers["x-sentry-auth"]
    assert auth.startswith("Sentry ")
    fields = dict(part.strip().split("=", 1) for part in auth.removeprefix("Sentry ").split(","))
    assert fields["sentry_version"] == "7" and fields["sentry_key"] == "publickey", fields
    first, rest = body.split(b"\n", 1)
    envelope = json.loads(first)
    item_header, rest = rest.split(b"\n", 1)
    item = json.loads(item_header)
    assert item["type"] == "event"
    payload, end = rest[: item["length"]], rest[item["length"] :]
    assert end in (b"", b"\n"), end
    event = json.loads(payload)
    assert re.fullmatch(r"[0-9a-f]{32}", event["event_id"]) and event["event_id"] == envelope["event_id"]
    assert event["level"] in ("fatal", "error") and event["platform"] and event["timestamp"]
    assert "request" not in event and "user" not in event and "breadcrumbs" not in event
    assert all(isinstance(value, str) and len(value) <= 200 for value in event["tags"].values()), event["tags"]
    return event


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            said = {"event": read(self.path, self.headers, body), "raw": body.decode()}
        except (AssertionError, KeyError, ValueError, AttributeError) as fault:
            said = {"fault": repr(fault), "raw": body.decode(errors="replace")}
        print(json.dumps(said), flush=True)
        try:
            status, *headers = ANSWERS.get_nowait().split()
        except queue.Empty:
            status, headers = "200", []
        self.send_response(int(status))
        for header in headers:
            self.send_header(*header.split("=", 1))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(json.dumps({"port": server.server_address[1]}), flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    ANSWERS.put(line.strip())
    print(json.dumps({"heard": line.strip()}), flush=True)
