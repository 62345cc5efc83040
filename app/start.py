"""What is checked before the libraries load, which takes seconds: a wrong path or a port in use is reported at once."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from app.access.keys import command, keys_at
from app.config import AppConfig
from app.served import Chosen, chosen, model_path
from common.errors import UserError
from common.files import check_writable


@dataclass(frozen=True)
class Start:
    """What a service is started with.

    Attributes:
        model: The model, and what it is served with.
        listener: The bound socket.
    """

    model: Chosen
    listener: socket.socket


def checked(config: AppConfig) -> Start:
    """Takes the port, and finds the model and all that belongs to it.

    Raises:
        Refused: The model must not be served as it is.
        UserError: The configuration or the model's files are wrong, the port is in use, or anybody could ask.
    """
    model_path(config)
    check_access(config)
    if config.access.oidc.issuer is not None:
        from app.access.gate import check_sign_on  # loads what a service without tokens does not need

        check_sign_on(config.access.oidc)
    if isinstance(config.audience.records.folder, Path):
        check_writable(config.audience.records.folder)
    listener = listen(config.host, config.port)
    model = chosen(config)
    logger.info("loading {}", model.path)  # libraries and model take a while
    return Start(model, listener)


def check_access(config: AppConfig) -> None:
    """Refuses to serve other machines without keys, unless that is what the configuration says.

    Raises:
        UserError: There is no key, or the keys cannot be read.
    """
    store = keys_at(config.access.keys)
    address, keys, make_one = f"{config.host}:{config.port}", store.read(), command(store, "add NAME role=doctor")
    can_sign_on = config.access.oidc.issuer is not None
    if config.access.required == "always" and not (keys or can_sign_on):
        raise UserError(
            "there is no key, so nobody could ask", where=str(config.access.keys), fix=f"make one: {make_one}"
        )
    if keys or can_sign_on or _is_this_machine(config.host):
        return
    if config.access.required == "auto":
        raise UserError(
            f"there is no API key ({config.access.keys}), and on {address} anybody in the network could ask",
            where="host",
            fix=f"make a key: {make_one}; or give access.required=never where an authenticating proxy is in front",
        )
    logger.warning("whoever reaches {} may ask without a key (access.required=never)", address)


def _is_this_machine(host: str) -> bool:
    """Whether nobody else can reach an address to listen on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Takes a port.

    Raises:
        UserError: It is in use, or not this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot listen on {host}:{port} ({error.strerror})", where="port", fix="give another port=…"
        ) from None
    return listener
