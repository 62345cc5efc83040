"""Tokens of a sign-on open the service as keys do; what is forged, expired or for somebody else does not."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.access.caller import InvalidToken, NoRole
from app.access.gate import check_sign_on, sign_on_of
from app.access.keys import KeyFile
from app.config import AccessConfig, AppConfig, OidcConfig
from app.start import check_access
from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import FakeEngine
from tests.app.serving import serving
from tests.http_servers import QuietHandler, running

jwt = pytest.importorskip("jwt", reason="pip install 'xinglin[oidc]'")
crypto = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec", reason="pip install 'xinglin[oidc]'")

ISSUER, AUDIENCE = "https://sso.example.org/realms/hospital", "xinglin"
ROLES = {"physician": "doctor", "staff": "patient", "it": "admin"}


class Issuer(ThreadingHTTPServer):
    """Signs tokens, and publishes its public keys."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Published)
        self.private: dict[str, Any] = {}
        self.read = 0
        self.change("first")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys"

    def change(self, kid: str) -> None:
        """Signs with a new key from now on; the old one is withdrawn."""
        self.private = {kid: crypto.generate_private_key(crypto.SECP256R1())}

    @property
    def jwks(self) -> bytes:
        algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
        published = [
            algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid} for kid, key in self.private.items()
        ]
        return json.dumps({"keys": published}).encode()

    def token(self, **changes: Any) -> str:
        now = time.time()
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-17", "exp": now + 300, "roles": ["physician"]} | changes
        [(kid, key)] = self.private.items()
        known = {name: value for name, value in claims.items() if value is not None}
        return str(jwt.encode(known, key, algorithm="ES256", headers={"kid": kid}))


class Published(QuietHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.read += 1
        self.raw(200, self.server.jwks)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as server:
        yield server


def config(server: Issuer, /, **more: Any) -> OidcConfig:
    return OidcConfig(**({"issuer": ISSUER, "audience": AUDIENCE, "jwks": server.url, "roles": ROLES} | more))


def opened(issuer: Issuer, token: str, **more: Any) -> tuple[str, str]:
    """Name and role of who has a token."""
    sign_on = sign_on_of(config(issuer, **more))
    assert sign_on is not None
    key = asyncio.run(sign_on.key_of(token))
    return key.name, key.role


def test_a_token_names_a_person_and_his_role(issuer: Issuer) -> None:
    assert opened(issuer, issuer.token()) == ("oidc:u-17", "doctor")
    assert opened(issuer, issuer.token(roles=["staff", "it", "cook"])) == ("oidc:u-17", "admin")
    words = issuer.token(scope="openid staff", roles=None)
    assert opened(issuer, words, roles_claim="scope") == ("oidc:u-17", "patient")
    deep = issuer.token(realm_access={"roles": ["physician"]}, roles=None, preferred_username="li")
    more = {"roles_claim": "realm_access.roles", "name_claim": "preferred_username"}
    assert opened(issuer, deep, **more) == ("oidc:li", "doctor")


def forged(issuer: Issuer, header: dict[str, Any], signature: str = "") -> str:
    parts = [header, {"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "exp": time.time() + 300, "roles": ["it"]}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, signature])


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": time.time() - 3600}, "has expired"),
        ({"nbf": time.time() + 3600}, "not valid yet"),
        ({"aud": "payroll"}, "for another service"),
        ({"iss": "https://elsewhere.example.org"}, "of another issuer"),
        ({"sub": None}, "not valid here"),
        ({"exp": None}, "not valid here"),
        ({"sub": "x" * 200}, "not valid here"),
        ({"sub": "u\n17"}, "not valid here"),
    ],
)
def test_what_is_not_for_this_service_now_is_refused_with_its_reason(
    issuer: Issuer, claims: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidToken, match=reason):
        opened(issuer, issuer.token(**claims))


def test_clocks_may_differ_a_little(issuer: Issuer) -> None:
    assert opened(issuer, issuer.token(exp=time.time() - 10, nbf=time.time() - 60))[1] == "doctor"
    with pytest.raises(InvalidToken, match="has expired"):
        opened(issuer, issuer.token(exp=time.time() - 10), leeway_s=0)


def test_forged_tokens_are_refused(issuer: Issuer) -> None:
    public = json.loads(issuer.jwks)["keys"][0]
    none = forged(issuer, {"alg": "none", "kid": "first"})
    secret = jwt.encode({"sub": "u"}, json.dumps(public) * 2, algorithm="HS256", headers={"kid": "first"})
    nested = base64.urlsafe_b64encode(b"[" * 12_000).decode() + ".e30.AAAA"
    other = Issuer()
    other.server_close()
    for token in (none, secret, other.token(), issuer.token()[:-4] + "AAAA", nested, "a.b.c", "é.é.é", ".."):
        with pytest.raises(InvalidToken, match="not valid here"):
            opened(issuer, token)


def test_a_shared_secret_among_the_keys_opens_nothing(issuer: Issuer, tmp_path: Path) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    keys = [*json.loads(issuer.jwks)["keys"], {"kty": "oct", "k": secret, "kid": "shared", "alg": "HS256"}]
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": keys}))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "exp": time.time() + 300, "roles": ["it"]}
    token = jwt.encode(claims, b"s" * 32, algorithm="HS256", headers={"kid": "shared"})
    with pytest.raises(InvalidToken):
        opened(issuer, token, jwks=str(tmp_path / "jwks.json"))
    assert opened(issuer, issuer.token(), jwks=str(tmp_path / "jwks.json"))[1] == "doctor"


def test_who_has_no_role_here_is_told_apart(issuer: Issuer) -> None:
    for roles in (["cook"], [], None, {"it": True}):
        with pytest.raises(NoRole):
            opened(issuer, issuer.token(roles=roles))


def test_new_keys_are_found_and_withdrawn_ones_are_forgotten(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr("app.access.sign_on.SECONDS_BETWEEN_READINGS", 0.0)
    sign_on = sign_on_of(config(issuer))
    assert sign_on is not None
    before = issuer.token()
    issuer.change("second")
    assert asyncio.run(sign_on.key_of(issuer.token())).role == "doctor"
    with pytest.raises(InvalidToken):
        asyncio.run(sign_on.key_of(before))
    monkeypatch.setattr("app.access.sign_on.SECONDS_BETWEEN_READINGS", 60.0)
    read = issuer.read
    issuer.change("third")
    for _ in range(5):
        with pytest.raises(InvalidToken):
            asyncio.run(sign_on.key_of(issuer.token()))
    assert issuer.read == read, "made-up ids do not make the service ask"


def test_an_issuer_that_is_away_at_the_start_is_asked_again(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr("app.access.sign_on.SECONDS_BETWEEN_READINGS", 0.0)
    monkeypatch.setattr(Issuer, "jwks", b"<html>")
    sign_on = sign_on_of(config(issuer))
    assert sign_on is not None and [line for line in logged if "no keys of the issuer" in line]
    monkeypatch.undo()
    monkeypatch.setattr("app.access.sign_on.SECONDS_BETWEEN_READINGS", 0.0)
    assert asyncio.run(sign_on.key_of(issuer.token())).role == "doctor"


def test_over_http_a_token_opens_what_its_role_may_and_nobody_gets_in_without(
    issuer: Issuer, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    access = AccessConfig(keys=tmp_path / "keys.sqlite", oidc=config(issuer, requests_per_minute=2))
    question = {"question": "高血压有哪些症状？"}
    with serving(FakeEngine(), "medical", knowledge, access=access) as server, server.client() as client:

        def asked(token: str, path: str = "/v1/qa") -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = client.post(path, json=question, headers=headers)
            return answer.status_code, answer.json().get("error", {}).get("code", "")

        assert asked("") == (401, "invalid_api_key")
        assert asked(issuer.token(aud="payroll")) == (401, "invalid_api_key")
        assert asked(issuer.token(roles=["cook"])) == (403, "insufficient_permissions")
        assert asked(issuer.token(), "/v1/admin/keys") == (403, "insufficient_permissions")
        assert asked(issuer.token()) == (200, "")
        assert asked(issuer.token()) == (429, "rate_limit_exceeded"), "two requests of this person in a minute"
        assert asked(issuer.token(sub="u-18")) == (200, "")
    day = time.strftime("%Y-%m-%d")
    assert {name: one.requests for name, one in KeyFile(tmp_path / "keys.sqlite").used(day).items()} == {
        "oidc:u-17": 2,
        "oidc:u-18": 1,
    }


def test_with_a_sign_on_other_machines_are_served_without_any_key(issuer: Issuer, tmp_path: Path) -> None:
    keys = tmp_path / "keys.sqlite"
    served = {"model": "m", "host": "0.0.0.0"}
    check_access(AppConfig(**served, access=AccessConfig(keys=keys, required="always", oidc=config(issuer))))
    with pytest.raises(UserError, match="anybody in the network could ask"):
        check_access(AppConfig(**served, access=AccessConfig(keys=keys)))


def test_a_file_of_keys_that_cannot_be_read_stops_the_start(issuer: Issuer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no keys of the issuer"):
        check_sign_on(config(issuer, jwks=str(tmp_path / "none.json")))
