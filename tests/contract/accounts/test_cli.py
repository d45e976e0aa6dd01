"""`ooni serve` with a real mail server, and `ooni account` beside it and without it."""

import re

import httpx
import jwt
import pytest

from ooni_core.accounts.rules import account_id_of
from tests.contract.accounts.conftest import ADA, KEY, PAGE
from tests.contract.accounts.smtp_server import serving
from tests.service import PATIENCE_SECONDS, RunningService

SETTINGS = f'[accounts]\njwt_keys = ["{KEY}"]\naccount_id_hashing_keys = ["{KEY}"]\n'


def role_in(answer):
    return jwt.decode(answer.json()["bearer"], options={"verify_signature": False})["role"]


def test_person_logs_in_by_real_mail_and_the_operator_decides_what_they_may(tmp_path):
    account_id = account_id_of(ADA, KEY)
    with serving() as (port, inbox):
        mail = f'[mail]\nserver = "127.0.0.1"\nport = {port}\nuse_ssl = false\n'
        service = RunningService(tmp_path, SETTINGS + mail)
        assert service.run("account", "role", ADA).stdout == f"{account_id} user (never set)\n"
        made = service.run("account", "set-role", f" {ADA.upper()} ", "admin").stdout
        assert made == f"account {account_id} is admin now\n"
        service.start("--log-level", "info")
        try:
            with httpx.Client(base_url=service.url, timeout=PATIENCE_SECONDS) as http:
                asked = {"email_address": ADA, "redirect_to": PAGE}
                assert http.post("/api/v1/user_register", json=asked).json() == {"msg": "ok"}
                ((_, recipients, _, raw),) = inbox.messages
                assert recipients == [ADA]
                token = re.search(rb'<a href="https://explorer\.ooni\.org/login\?token=([^"]+)"', raw)[1].decode()
                opened = http.get("/api/v1/user_login", params={"k": token})
                assert role_in(opened) == "admin"
                session = {"Authorization": f"Bearer {opened.json()['bearer']}"}
                said = {"measurement_uid": "bogus_uid", "status": "ok"}
                assert http.post("/api/_/measurement_feedback", json=said, headers=session).json() == {}
                assert service.run("account", "role", ADA).stdout == f"{account_id} admin\n"
                service.run("account", "expunge", ADA)
                refused = http.get("/api/v1/user_refresh_token", headers=session)
                assert (refused.status_code, refused.json()) == (401, {"error": "Authentication token expired"})
                warnings = http.get("/health/ready").json()["warnings"]
                assert any("jwt_keys" in each for each in warnings)
                assert not any("mail.server" in each for each in warnings)
        finally:
            service.stop()
        assert service.run("account", "set-role", ADA, "user").stdout == f"account {account_id} is user now\n"
    log = service.log()
    assert account_id in log
    for kept in (log.encode(), *(path.read_bytes() for path in service.data_dir.rglob("*") if path.is_file())):
        assert ADA.encode() not in kept
        assert token.encode() not in kept


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set-role", "bogus", "admin"], "Invalid email address"),
        (["set-role", ADA, "root"], "'user', 'admin'"),
        (["expunge", "someone@localhost"], "Invalid email address"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, arguments, words):
    done = RunningService(tmp_path, SETTINGS).run("account", *arguments, check=False)
    assert done.returncode != 0
    assert words in done.stderr
