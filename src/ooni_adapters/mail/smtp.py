"""A Mailer that speaks SMTP, over TLS wherever the server offers it.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 5322 (the message).
"""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, make_msgid

import attrs

from ooni_core.accounts.mail import Mail
from ooni_core.accounts.ports import MailNotSent
from ooni_core.ports import Clock

# Lines of up to 998 characters may travel as they are: a link is not broken into pieces then.
_POLICY = SMTP_POLICY.clone(max_line_length=990)


@attrs.frozen
class SmtpMailer:
    """Opens a connection for each mail.

    Attributes:
        host, port: the mail server.
        sender: address in the From header.
        clock: dates the message.
        use_ssl: begin with TLS; otherwise switch to it where the server offers STARTTLS.
        username, password: to log in with; an empty name does without. Never sent unencrypted.
        tls: which certificates are accepted; by default those that the system trusts.
        connect_seconds: longest time to connect, and for each step of the conversation.
        total_seconds: longest conversation.
    """

    host: str
    port: int
    sender: str
    clock: Clock
    use_ssl: bool = True
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    tls: ssl.SSLContext = attrs.field(factory=ssl.create_default_context, repr=False)
    connect_seconds: float = 5
    total_seconds: float = 15

    def send(self, mail: Mail) -> None:
        """Hand *mail* over to the server."""
        try:
            with self._connected() as smtp, _cut_after(smtp, self.total_seconds):
                self._log_in(smtp)
                smtp.sendmail(self.sender, [mail.to.text], bytes(self.message(mail)))
        except (smtplib.SMTPException, OSError) as exc:
            raise MailNotSent(f"the mail server {self.host}:{self.port} did not take a mail: {_cause(exc)}") from None

    def message(self, mail: Mail) -> EmailMessage:
        """Return *mail* as it goes over the wire."""
        message = EmailMessage(policy=_POLICY)
        message["Subject"] = mail.subject
        message["From"] = self.sender
        message["To"] = mail.to.text
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message

    def _connected(self) -> smtplib.SMTP:
        name, seconds = socket.gethostname(), self.connect_seconds
        if self.use_ssl:
            return smtplib.SMTP_SSL(self.host, self.port, local_hostname=name, timeout=seconds, context=self.tls)
        return smtplib.SMTP(self.host, self.port, local_hostname=name, timeout=seconds)

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if not self.use_ssl and smtp.has_extn("starttls"):
            smtp.starttls(context=self.tls)
            smtp.ehlo()
        if not self.username:
            return
        if not isinstance(smtp.sock, ssl.SSLSocket):
            raise MailNotSent("the mail server offers no encryption: the password is not sent to it")
        smtp.login(self.username, self.password)


@attrs.frozen
class NoMailer:
    """The Mailer of an installation that names no mail server."""

    def send(self, mail: Mail) -> None:
        """Say so."""
        raise MailNotSent("no mail server is set (mail.server): nobody can log in")


@contextmanager
def _cut_after(smtp: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """End the connection when the block takes longer: a server that trickles never exceeds the time of one step."""

    def cut() -> None:
        with contextlib.suppress(OSError, AttributeError):  # it ended by itself meanwhile
            smtp.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cause(exc: Exception) -> str:
    """Say what went wrong without the words of the server, which may repeat the address."""
    code = getattr(exc, "smtp_code", None)
    return f"{type(exc).__name__}{f' {code}' if code is not None else ''}"
