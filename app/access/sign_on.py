"""Tokens of a hospital's own sign-on (OpenID Connect): who has one is a caller like one with a key.

A token is checked here, against the issuer's public keys, and nobody is asked about it. Only signatures by a private
key are accepted: neither none, nor a secret that this service would have to share. PyJWT comes with an extra, so this
module is loaded only where an issuer is configured.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from loguru import logger

from app.access.caller import InvalidToken, NoRole
from app.access.keys import ApiKey, Role
from app.config import OidcConfig
from common.errors import UserError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
PUBLIC = ("RSA", "EC", "OKP")
"""Types of keys that only their owner signs with."""

ROLES: tuple[Role, ...] = ("admin", "doctor", "patient", "monitor")
"""Of several roles of a person the first one counts."""

SECONDS_KEYS_ARE_KNOWN = 300.0
SECONDS_BETWEEN_READINGS = 10.0
"""Tokens with made-up key ids do not make this service ask its issuer more often."""

SECONDS_TO_READ = 5.0
MOST_BYTES = 2**20
LONGEST_NAME = 120

REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "令牌已过期，请重新登录 · the token has expired: sign in again",
    jwt.ImmatureSignatureError: "令牌尚未生效 · the token is not valid yet: compare the clocks",
    jwt.InvalidAudienceError: "令牌是给别的服务的 · the token is for another service (access.oidc.audience)",
    jwt.InvalidIssuerError: "令牌不是本院签发的 · the token is of another issuer (access.oidc.issuer)",
}
NOT_VALID = "令牌无效 · the token is not valid here"


class SignOn:
    """The tokens of one issuer.

    Args:
        config: Which ones are accepted, and what they allow.

    Raises:
        UserError: The issuer's keys are in a file that cannot be read.
    """

    def __init__(self, config: OidcConfig) -> None:
        self.config = config
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._tried = 0.0
        self._reading = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None
        try:
            self._read()
        except UserError as error:
            if not config.is_remote:
                raise
            logger.error("{}; tokens are refused until it answers", error)  # it may start after this service

    async def key_of(self, token: str) -> ApiKey:
        """What a token allows, in the form of a key.

        Raises:
            InvalidToken: It is not a valid one.
            NoRole: Its person may do nothing here.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise InvalidToken(NOT_VALID)
            claims = jwt.decode(
                token,
                await self._key(header.get("kid")),
                algorithms=ALGORITHMS,
                audience=self.config.audience,
                issuer=self.config.issuer,
                leeway=self.config.leeway_s,
                options={"require": ["exp", "iss", "aud", self.config.name_claim]},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:  # whatever a stranger sends in its place
            raise InvalidToken(REASONS.get(type(error), NOT_VALID)) from None
        return self._caller(claims)

    def _caller(self, claims: Mapping[str, Any]) -> ApiKey:
        name = claims[self.config.name_claim]
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise InvalidToken(NOT_VALID)
        held = {self.config.roles.get(role) for role in _named(claims, self.config.roles_claim)}
        role = next((role for role in ROLES if role in held), None)
        if role is None:
            raise NoRole
        # no key has such a name, so nobody takes the place of another in records and quotas
        limits = self.config.requests_per_minute, self.config.tokens_per_day
        return ApiKey(f"oidc:{name}", role, time.time(), float(claims["exp"]), None, *limits)

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        """The issuer's key of an id; the only one where a token names none. Unknown ones are looked up: keys change."""
        if (kid not in self._keys and self._is_older_than(SECONDS_BETWEEN_READINGS)) or not self._keys:
            await self._read_again()
        elif self._is_older_than(SECONDS_KEYS_ARE_KNOWN):
            self._later = asyncio.create_task(self._read_again())  # nobody waits for what is known
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise InvalidToken(NOT_VALID)
        return self._keys[kid]

    def _is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self._tried > seconds

    async def _read_again(self) -> None:
        async with self._reading:
            if not self._is_older_than(SECONDS_BETWEEN_READINGS):
                return  # somebody else has
            try:
                await asyncio.to_thread(self._read)
            except UserError as error:
                logger.error("{}; the keys that are known stay", error)

    def _read(self) -> None:
        self._tried = time.monotonic()
        place = str(self.config.jwks)
        try:
            found = jwt.PyJWKSet.from_dict(json.loads(_content(place, self.config.is_remote)))
        except (OSError, ValueError, AttributeError, jwt.PyJWTError) as error:
            fix = "give access.oidc.jwks, the issuer's public keys (jwks_uri of its .well-known/openid-configuration)"
            raise UserError(f"no keys of the issuer: {error}", where=place, fix=fix) from None
        self._keys = {key.key_id: key for key in found.keys if key.key_type in PUBLIC}


def _content(place: str, is_remote: bool) -> bytes:
    if not is_remote:
        return Path(place).read_bytes()
    with urllib.request.urlopen(place, timeout=SECONDS_TO_READ) as response:
        if response.url != place:
            raise OSError("it leads to another address")  # which may be one over http
        return bytes(response.read(MOST_BYTES))


def _named(claims: Mapping[str, Any], path: str) -> list[str]:
    """The roles of a claim, a text of words or a list; a dot goes into a claim of claims (Keycloak's realm_access)."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value.split()
    return [role for role in value if isinstance(role, str)] if isinstance(value, list) else []
