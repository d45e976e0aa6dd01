"""A real SMTP server on this machine that keeps what it is sent."""

import contextlib
import email
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from tests.service import free_port


class Inbox(Message):
    def __init__(self):
        super().__init__()
        self.messages, self.refusing = [], False

    def prepare_message(self, session, envelope):
        parsed = email.message_from_bytes(envelope.content, policy=default)
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, parsed, envelope.content))
        return parsed

    def handle_message(self, message):
        assert message["Subject"]

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the library calls it so
        if self.refusing:
            return f"550 there is no {address} here"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@contextlib.contextmanager
def serving(**options):
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port, inbox
    finally:
        controller.stop()
