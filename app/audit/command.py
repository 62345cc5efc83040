"""Verifies, prunes and deletes records; ``python -m app.audit``."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from app.audit.chain import AuditChain
from app.audit.retention import check, delete_texts, prune
from common.command import Config
from common.errors import UserError
from common.files import disk_errors


class AuditConfig(Config):
    """``python -m app.audit``.

    Attributes:
        action: What is done: the chain is verified, old files are removed, or a person's texts are deleted.
        folder: The records, the service's ``audience.records.folder``.
        days: With ``prune``: how many days are kept.
        id: With ``delete``: the ``request_id`` of an answer, or the ``feedback_id`` of what a user wrote.
    """

    positional: ClassVar[tuple[str, ...]] = ("action", "folder")
    as_typed: ClassVar[tuple[str, ...]] = ("id",)

    action: Literal["verify", "prune", "delete"] = "verify"
    folder: Path
    days: int | None = Field(default=None, ge=1)
    id: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_what(self) -> "AuditConfig":
        if (self.days is None) == (self.action == "prune"):
            raise ValueError("prune needs days=N, how many days are kept; nothing else has it")
        if (self.id is None) == (self.action == "delete"):
            raise ValueError("delete needs id=…, a request_id or feedback_id; nothing else has it")
        return self


def audit(config: AuditConfig) -> None:
    """Does what a command says.

    Raises:
        Refused: The chain is broken; every place is named.
        UserError: There are no records, or they cannot be written.
    """
    if not config.folder.is_dir():
        raise UserError("no such folder", where=str(config.folder), fix="give the service's audience.records.folder")
    chain = AuditChain(config.folder)
    with disk_errors(config.folder):
        match config.action:
            case "verify":
                _verify(chain)
            case "prune":
                assert config.days is not None
                removed = prune(chain, config.days)
                print(f"已删除 removed: {', '.join(removed)}" if removed else "没有更早的文件 nothing is older")
            case "delete":
                assert config.id is not None
                number = delete_texts(chain, config.id)
                print(f"已删除 {number} 条记录的原文 the texts of {number} record(s) are deleted")


def _verify(chain: AuditChain) -> None:
    with chain.locked():  # nothing is pruned or deleted meanwhile
        found = check(chain)
    for note in found.notes:
        print(note)
    print(f"完整 whole: {found.records} 条记录 records, 最后一条 the newest is {found.end.number} {found.end.sha256}")
