"""The mailer against a real SMTP server, plain, with STARTTLS and with TLS from the start; and servers that misbehave."""

import contextlib
import ipaddress
import re
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ooni_adapters.mail import NoMailer, SmtpMailer
from ooni_core.accounts.mail import login_mail
from ooni_core.accounts.model import EmailAddress
from ooni_core.accounts.ports import MailNotSent
from ooni_core.accounts.rules import login_link
from tests.contract.accounts.conftest import ADA, NOW, HandClock
from tests.contract.accounts.smtp_server import serving
from tests.service import free_port

SENDER = "contact@ooni.org"
NO_SERVER = SmtpMailer("127.0.0.1", 1, SENDER, HandClock())
MAIL = login_mail(EmailAddress(ADA), login_link("explorer.ooni.org", "head." + "p" * 600 + ".sig"))


def known(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"ooni", b"secret"), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Contexts of a server on 127.0.0.1 and of a client that trusts it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    pem = tmp_path_factory.mktemp("tls") / "pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


def mailer(port, **more):
    return SmtpMailer("127.0.0.1", port, SENDER, HandClock(), **{"use_ssl": False, **more})


def test_mail_arrives_as_composed():
    with serving() as (port, inbox):
        mailer(port).send(MAIL)
    ((sender, recipients, message, raw),) = inbox.messages
    assert (sender, recipients) == (SENDER, [ADA])
    assert (message["Subject"], message["From"], message["To"]) == ("OONI Account activation", SENDER, ADA)
    assert message["Date"].datetime == NOW
    assert re.fullmatch(r"<[^@>]+@ooni\.org>", message["Message-ID"])
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().replace("\r\n", "\n") == MAIL.html
    # Programs that look for the link look at the bytes.
    assert re.search(
        rb'^<a href="https://explorer\.ooni\.org/login\?token=[^"]{600,}">Please login here</a>\r?$', raw, re.MULTILINE
    )


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # one of these servers is that careless
def test_encryption_is_used_where_it_is_offered_and_the_password_only_there(certificate):
    server, client = certificate
    login = {"authenticator": known, "auth_required": True}
    account = {"username": "ooni", "password": "secret", "tls": client}
    with serving(tls_context=server, require_starttls=True, **login) as (port, inbox):
        mailer(port, **account).send(MAIL)
        with pytest.raises(MailNotSent, match="535"):
            mailer(port, **{**account, "password": "guess"}).send(MAIL)
    assert len(inbox.messages) == 1
    with serving(ssl_context=server, auth_require_tls=False, **login) as (port, inbox):
        mailer(port, use_ssl=True, **account).send(MAIL)
    assert len(inbox.messages) == 1
    with serving(auth_require_tls=False, **login) as (port, inbox), pytest.raises(MailNotSent, match="no encryption"):
        mailer(port, **account).send(MAIL)
    assert inbox.messages == []


def test_server_with_an_unknown_certificate_gets_no_mail(certificate):
    server, _ = certificate
    with serving(tls_context=server) as (port, inbox), pytest.raises(MailNotSent, match="SSLCertVerificationError"):
        mailer(port).send(MAIL)
    assert inbox.messages == []


def test_refusal_is_told_without_the_address():
    with serving() as (port, inbox):
        inbox.refusing = True
        with pytest.raises(MailNotSent) as refusal:
            mailer(port).send(MAIL)
    assert "127.0.0.1" in str(refusal.value)
    assert ADA not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_server_that_is_not_there_is_told():
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        mailer(free_port()).send(MAIL)


@contextlib.contextmanager
def misbehaving(behave):
    """A server whose first connection is handled by *behave*."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                behave(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_silent_server_is_given_up():
    done = threading.Event()
    with misbehaving(lambda connection: done.wait(30)) as port:
        with pytest.raises(MailNotSent, match="SMTPServerDisconnected"):
            mailer(port, connect_seconds=0.2).send(MAIL)
        done.set()


def test_trickling_server_is_given_up():
    done = threading.Event()

    def trickle(connection):
        connection.sendall(b"220 hello\r\n")
        connection.recv(1000)
        while not done.wait(0.05):
            connection.sendall(b"250-X\r\n")

    with misbehaving(trickle) as port:
        with pytest.raises(MailNotSent):
            mailer(port, connect_seconds=5, total_seconds=0.5).send(MAIL)
        done.set()


def test_installation_without_a_mail_server_says_so():
    with pytest.raises(MailNotSent, match=r"mail\.server"):
        NoMailer().send(MAIL)


@given(st.from_regex(r"[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+", fullmatch=True).filter(lambda a: len(a) <= 254))
def test_any_accepted_address_can_be_written_to(address):
    to = EmailAddress.parsed(address)
    message = NO_SERVER.message(login_mail(to, "https://explorer.ooni.org/login?token=x"))
    head = bytes(message).partition(b"\n\n")[0].replace(b"\r", b"")
    assert len([line for line in head.split(b"\n") if line.lower().startswith((b"to:", b"bcc:", b"cc:"))]) == 1
    assert b"Bcc" not in head
