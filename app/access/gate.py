"""The door of the service: the name it was asked under, the key, and what the key allows; before anything is read.

Plain ASGI, as ``app/api/middleware.py``. The one thing that a valid key is never refused is an emergency's answer by
rule, so whoever has used up what his key allows reaches the pipeline, which refuses him after triage.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.caller import ANYBODY, STRANGER, Caller, InvalidToken, NoRole, NotAllowed
from app.access.keys import ApiKey
from app.access.known_keys import KnownKeys
from app.api.errors import ApiError, of_backend
from app.config import AccessConfig, OidcConfig
from common.errors import UserError

if TYPE_CHECKING:
    from app.access.sign_on import SignOn

WITHOUT_A_KEY = ("/", "/admin", "/livez", "/readyz", "/health")
"""What GET gives to anybody: the pages, which ask for the key themselves, and the probes."""

METRICS = "/metrics"
"""All that is open to a key that may not ask."""

RULES_FIRST = ("/v1/qa", "/v1/chat/completions", "/v1/responses")
"""Where triage answers before quotas count."""

NO_KEY = (
    "需要密钥：请求头 Authorization: Bearer 密钥 · this service needs a key, as Authorization: Bearer KEY "
    "(api_key of OpenAI clients); its operator makes one: python -m app.keys add NAME role=doctor"
)
INVALID = (
    "密钥无效、已过期或已撤销 · this key is not known here, has expired or was revoked; ask the service's operator"
)

NO_ROLE = "您的账号在本服务没有角色，请联系管理员 · your account has no role here; the operator can give it one"


def sign_on_of(config: OidcConfig) -> "SignOn | None":
    """Who checks tokens; None where no issuer is configured.

    Raises:
        UserError: The issuer's keys cannot be read, or the library is not installed.
    """
    return None if config.issuer is None else _sign_on()(config)


def check_sign_on(config: OidcConfig) -> None:
    """Checks what tokens are checked with; an issuer in the network may answer later than this service starts.

    Raises:
        UserError: The library is not installed, or the issuer's keys are in a file that cannot be read.
    """
    if config.is_remote:
        _sign_on()
    else:
        sign_on_of(config)


def _sign_on() -> "type[SignOn]":
    """What checks tokens; its library comes with an extra."""
    try:
        from app.access.sign_on import SignOn
    except ImportError as error:
        fix = "pip install 'xinglin[oidc]'"
        raise UserError(f"tokens need a library of an extra ({error.name})", where="access.oidc", fix=fix) from None
    return SignOn


class Gate:
    """Wraps the app in who may ask.

    Args:
        app: The ASGI app.
        config: Who may.
        keys: The keys; None where everybody may ask.
        sign_on: Who checks tokens; None where none are accepted.
    """

    def __init__(
        self, app: ASGIApp, config: AccessConfig, keys: KnownKeys | None, sign_on: "SignOn | None" = None
    ) -> None:
        self.app, self.config, self.keys, self.sign_on = app, config, keys, sign_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] == "http":
            try:
                caller = await self._admitted(scope)
                scope["state"]["caller"] = replace(caller, client=_client(scope, caller))
            except ApiError as error:
                await error.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _admitted(self, scope: Scope) -> Caller:
        """Who asks.

        Raises:
            ApiError: He may not.
        """
        headers = Headers(scope=scope)
        self._check_host(headers.get("host", ""))
        if self.keys is None or (scope["method"] == "GET" and scope["path"] in WITHOUT_A_KEY):
            return ANYBODY
        secret = _bearer(headers)
        key = await self._key(self.keys, secret)
        if key is None:
            if not self._needs_a_key:
                return STRANGER if self._there_are_keys else ANYBODY  # OpenAI clients send some word in any case
            message = INVALID if secret else NO_KEY
            raise ApiError("invalid_api_key", message, headers={"WWW-Authenticate": "Bearer"})
        caller = await self.keys.admit(key)
        if scope["path"] != METRICS and not caller.may("ask"):
            raise of_backend(NotAllowed("ask"))
        if caller.refused and scope["path"] not in RULES_FIRST:
            raise of_backend(caller.refused)
        return caller

    async def _key(self, keys: KnownKeys, secret: str) -> ApiKey | None:
        """The valid key, or what a token allows; None where it is neither.

        Raises:
            ApiError: It is a token, and opens nothing.
        """
        if self.sign_on is None or secret.count(".") != 2:  # no key has a dot
            return keys.find(secret) if secret else None
        try:
            return await self.sign_on.key_of(secret)
        except InvalidToken as error:
            raise ApiError("invalid_api_key", str(error), headers={"WWW-Authenticate": "Bearer"}) from None
        except NoRole:
            raise ApiError("insufficient_permissions", NO_ROLE) from None

    @property
    def _needs_a_key(self) -> bool:
        required = self.config.required
        return required == "always" or (required == "auto" and self._there_are_keys)

    @property
    def _there_are_keys(self) -> bool:
        """Whether somebody could show a key or a token."""
        return self.sign_on is not None or (self.keys is not None and self.keys.exist)

    def _check_host(self, host: str) -> None:
        """Refuses names that a page elsewhere could have pointed here (DNS rebinding), with this user's network.

        An address is no name, and one without a dot is nobody's to register.
        """
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
        if "." not in name or _is_address(name.strip("[]")) or name.lower() in self.config.hosts:
            return
        message = (
            f"本服务不使用主机名 {name[:100]}，如属实请在 access.hosts 中填写 · "
            "the service is not known under this name; its operator can add it to access.hosts"
        )
        raise ApiError("unknown_host", message, param="Host")


class CrossOrigin(CORSMiddleware):
    """Lets web pages of some other origins ask; never with cookies, which nothing here uses.

    Args:
        app: The ASGI app, with its gate: a page may read why it is refused.
        origins: Those that may.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "X-Client-Id", "X-Request-Id"),
            expose_headers=("X-Request-Id", "Retry-After"),
        )


def _client(scope: Scope, caller: Caller) -> str:
    """See ``Caller.client``."""
    address = scope["client"][0] if scope.get("client") else ""
    return Headers(scope=scope).get("x-client-id") or caller.name or address


def _bearer(headers: Headers) -> str:
    """The key that a client gives; empty without any."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
