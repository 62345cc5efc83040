"""What is checked before the libraries load, which takes seconds: a wrong path or a port in use is reported at once."""

import socket
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from app.config import AppConfig
from app.served import artifact_of, domain_of, grounding_of, knowledge_of, model_path, verified_as
from common.errors import UserError
from domains.domain import Domain
from domains.knowledge_base import KnowledgeBase
from models.artifact import Artifact, GroundingRecord


@dataclass(frozen=True)
class Start:
    """What a service is started with.

    Attributes:
        path: The directory of the model.
        artifact: What it says about itself; None for a model that this project has not trained.
        domain: What it is served as.
        knowledge: What is cited.
        grounding: What the model reads of that.
        listener: The bound socket.
    """

    path: Path
    artifact: Artifact | None
    domain: Domain
    knowledge: KnowledgeBase
    grounding: GroundingRecord
    listener: socket.socket


def checked(config: AppConfig) -> Start:
    """Finds the model and all that belongs to it, and takes the port.

    Raises:
        Refused: The model must not be served as it is.
        UserError: The configuration or the model's files are wrong, or the port is in use.
    """
    path = model_path(config)
    artifact = artifact_of(path)
    domain = verified_as(domain_of(artifact, config.domain), config.verify)
    listener = listen(config.host, config.port)
    knowledge = knowledge_of(artifact, domain, config.knowledge.path)
    grounding = grounding_of(artifact, knowledge, config.grounding)
    logger.info("loading {}", path)  # libraries and model take a while
    return Start(path, artifact, domain, knowledge, grounding, listener)


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
