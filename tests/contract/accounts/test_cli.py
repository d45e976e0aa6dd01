"""`ooni account`, beside a running service and without one."""

import jwt
import pytest

from ooni_core.accounts.rules import account_id_of
from tests.contract.accounts.conftest import ADA, KEY, bearer
from tests.service import RunningService

METADATA = "/api/_/account_metadata"
SETTINGS = f'[accounts]\njwt_keys = ["{KEY}"]\naccount_id_hashing_keys = ["{KEY}"]\n'


def test_operator_makes_the_first_admin_and_ends_sessions(tmp_path):
    from datetime import UTC, datetime, timedelta

    import httpx

    service = RunningService(tmp_path, SETTINGS)
    account_id = account_id_of(ADA, KEY)
    assert service.run("account", "role", ADA).stdout == f"{account_id} user (never set)\n"
    assert (
        service.run("account", "set-role", f" {ADA.upper()} ", "admin").stdout == f"account {account_id} is admin now\n"
    )
    service.start()
    try:
        assert service.run("account", "role", ADA).stdout == f"{account_id} admin\n"
        session = bearer(at=datetime.now(UTC) - timedelta(seconds=5))
        fresh = httpx.get(f"{service.url}/api/v1/user_refresh_token", headers=session).json()["bearer"]
        assert jwt.decode(fresh, options={"verify_signature": False})["role"] == "admin"
        service.run("account", "expunge", ADA)
        refused = httpx.get(f"{service.url}/api/v1/user_refresh_token", headers=session)
        assert (refused.status_code, refused.json()) == (401, {"error": "Authentication token expired"})
        assert ADA not in service.log()
        assert [
            path for path in service.data_dir.rglob("*") if path.is_file() and ADA.encode() in path.read_bytes()
        ] == []
    finally:
        service.stop()
    assert service.run("account", "set-role", ADA, "user").stdout == f"account {account_id} is user now\n"


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
