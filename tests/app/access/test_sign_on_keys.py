"""``access.oidc``: what is missing or wrong is told by the keys as they are typed, with an example, and at once."""

import sys

import pytest

from app.access.gate import check_sign_on, sign_on_of
from app.config import AppConfig, OidcConfig
from common.command import read_config
from common.errors import UserError

WORDS = {
    "issuer": "access.oidc.issuer=https://sso.example.org/realms/hospital",
    "audience": "access.oidc.audience=xinglin",
    "jwks": "access.oidc.jwks=jwks.json",
    "roles": "access.oidc.roles={physician: doctor, it: admin}",
}
ROLES = r"give (also )?'access\.oidc\.roles=\{physician: doctor, it: admin\}'"


def configured(**changes: str) -> OidcConfig:
    """A configuration from the command line with some keys changed; empty ones are left out."""
    words = [word for word in (WORDS | changes).values() if word]
    [read] = read_config("app", ["model=m", *words], AppConfig)
    return read.access.oidc


def test_it_is_configured_on_the_command_line() -> None:
    read = configured()
    assert read.roles == {"physician": "doctor", "it": "admin"} and not read.is_remote


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"issuer": ""}, r"give access\.oidc\.issuer=https"),
        ({"audience": "", "jwks": ""}, r"give also access\.oidc\.audience=xinglin access\.oidc\.jwks=https"),
        ({"roles": ""}, ROLES),
        ({"roles": "access.oidc.roles={physician: king}"}, ROLES),
        ({"roles": "access.oidc.roles=doctor"}, ROLES),
        ({"jwks": "access.oidc.jwks=http://sso.example.org/keys"}, r"anybody on the way.*access\.oidc\.jwks=https"),
    ],
)
def test_half_a_configuration_is_refused_by_the_keys_to_give(changes: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        configured(**changes)


def test_without_its_library_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "app.access.sign_on", None)
    for jwks in ("jwks.json", "https://sso.example.org/keys"):
        for check in (sign_on_of, check_sign_on):
            with pytest.raises(UserError, match=r"access\.oidc: tokens need a library(?s:.*)xinglin\[oidc\]"):
                check(configured(jwks=f"access.oidc.jwks={jwks}"))
