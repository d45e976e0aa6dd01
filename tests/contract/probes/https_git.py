"""A git server over https on 127.0.0.1: git's own http-backend behind a small TLS server with a CA of its own."""

import base64
import os
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.contract.probes.fake_server import FakeServer


class GitServer(FakeServer):
    """Serves the bare repositories below *root*. Pushing needs *login* (user, token).

    ``fault`` spoils answers: a status, "cut" after half of them, or "stall".
    """

    def __init__(self, root, folder, login=("ooni-bot", "secret")):
        self.root, self.login, self.fault, self.seen = root, login, None, []
        self.authority, chain = make_certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        super().__init__(context)

    def answer(self, request):
        url, body = urlsplit(request.path), request_body(request)
        user = self._user(request.headers.get("Authorization", ""))
        self.seen.append((request.command, url.path, user))
        if self.fault == "stall":
            self.released.wait()
            return
        if isinstance(self.fault, int):
            send(request, self.fault, [], b"")
        elif "receive-pack" in request.path and user is None:
            send(request, 401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        else:
            status, headers, content = self._git(request, url, body, user)
            send(request, status, headers, content, cut=self.fault == "cut")

    def _user(self, authorization):
        expected = base64.b64encode(":".join(self.login).encode()).decode()
        return self.login[0] if authorization == f"Basic {expected}" else None

    def _git(self, request, url, body, user):
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.command,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": user or "",
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
        status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
        return status, [header for header in headers if header[0] != "Status"], content


def request_body(request):
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    pieces = []
    while size := int(request.rfile.readline(), 16):
        pieces.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(pieces)


def send(request, status, headers, content, *, cut=False):
    request.send_response(status)
    for name, value in [*headers, ("Content-Length", str(len(content)))]:
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content[: len(content) // 2] if cut else content)


def make_certificates(folder):
    """Make a CA and a certificate for 127.0.0.1; return the file of the CA, and that of certificate and key."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate("test CA", authority_key, "test CA", authority_key)
    own = certificate("127.0.0.1", key, "test CA", authority_key)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM) + secret)
    return folder / "ca.pem", folder / "server.pem"


def certificate(name, key, issuer, issuer_key):
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if name != issuer:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
        return builder.add_extension(names, critical=False).sign(issuer_key, hashes.SHA256())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(usage, critical=True).sign(issuer_key, hashes.SHA256())


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
