"""A mail relay for tests: Debian's aiosmtpd, made to fail on demand.

Started by the tests. Prints one JSON object a line: {"port"} when it listens, {"saw"} for commands, {"mail"} for each mail it
took, read by Python's own e-mail parser. Reads commands from standard input: `mode NAME`, `go` (lets what hangs go on).
"""

import argparse
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

CUT = ("cut_at_rcpt", "cut_after_data")


def tell(**what):
    print(json.dumps(what), flush=True)


def read(content):
    """What a mail says, by the standard library and not by us."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    parts = [
        {
            "type": part.get_content_type(),
            "charset": part.get_content_charset(),
            "method": part.get_param("method"),
            "file": part.get_filename(),
            "text": part.get_content() if part.get_content_maintype() == "text" else part.get_payload(decode=True).decode(),
        }
        for part in message.walk()
        if not part.is_multipart()
    ]
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "defects": [str(defect) for part in message.walk() for defect in part.defects],
        "structure": [part.get_content_type() for part in message.walk()],
        "parts": parts,
        "ascii": content.isascii(),
    }


class Intruder(SMTP):
    """Says something in clear behind its answer to STARTTLS, as somebody between it and us could: at once, or a moment later."""

    waits = False

    async def push(self, status):
        await super().push(status)
        if isinstance(status, str) and status.startswith("220 Ready"):
            if self.waits:
                await asyncio.sleep(0.2)
            self._writer.write(b"250-relay.example.com\r\n250 AUTH PLAIN LOGIN\r\n235 welcome\r\n")
            await self._writer.drain()


class PatientIntruder(Intruder):
    waits = True


class Relay:
    def __init__(self, mode):
        self.mode = mode
        self.greylisted = set()
        self.release = asyncio.Event()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.mode == "bad_sender":
            return "550 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        tell(saw="rcpt", address=address)
        if self.mode == "greylist" and address not in self.greylisted:
            self.greylisted.add(address)
            return "451 4.7.1 Greylisted, please try again later"
        if self.mode == "later":
            return "450 4.2.0 Not now"
        if self.mode == "no_user" or address.startswith("bad"):
            return "550 5.1.1 No such user here"
        if self.mode == "closing":
            return "421 4.3.2 Shutting down"
        if self.mode == "cut_at_rcpt":
            server.transport.abort()
        if self.mode == "slow_at_rcpt":
            await self.release.wait()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        tell(saw="data")
        if self.mode == "full":
            return "552 5.2.2 Mailbox over quota"
        if self.mode == "quota":
            return "550 5.4.5 Daily sending quota exceeded"
        if self.mode == "slow_at_data":
            await self.release.wait()
        tell(mail=dict(read(envelope.content), envelope={"from": envelope.mail_from, "to": envelope.rcpt_tos}))
        if self.mode == "cut_after_data":
            server.transport.abort()
        return "250 2.0.0 Ok: queued as 4F2A1B"


async def listen_to_commands(relay):
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        if line[0] == "mode":
            relay.mode = line[1]
            tell(now=relay.mode)
        elif line[0] == "go":
            relay.release.set()


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--mode", default="fine")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--tls", choices=["implicit", "starttls"])
    options.add_argument("--certificate")
    options.add_argument("--key")
    options.add_argument("--user")
    options.add_argument("--password")
    options.add_argument("--only-login", action="store_true")
    options.add_argument("--intruder", choices=["at-once", "later"])
    options = options.parse_args()

    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)

    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (options.user.encode(), options.password.encode())
        tell(saw="auth", mechanism=mechanism, good=good)
        return AuthResult(success=good, handled=good or False)

    relay = Relay(options.mode)
    kind = {None: SMTP, "at-once": Intruder, "later": PatientIntruder}[options.intruder]

    def connection():
        return kind(
            relay,
            hostname="relay.example.com",
            tls_context=context if options.tls == "starttls" else None,
            authenticator=authenticate if options.user else None,
            auth_required=bool(options.user),
            auth_require_tls=options.tls == "starttls",
            auth_exclude_mechanism=["PLAIN"] if options.only_login else None,
        )

    server = await asyncio.get_running_loop().create_server(
        connection, "127.0.0.1", options.port, ssl=context if options.tls == "implicit" else None
    )
    tell(port=server.sockets[0].getsockname()[1])
    # Ends with the test that started it: its end of the pipe closes.
    await listen_to_commands(relay)


asyncio.run(main())
