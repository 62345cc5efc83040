"""Verifies, prunes and deletes records; ``python -m app.audit``."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from app.audit.chain import AuditChain
from app.audit.file_chain import FileChain
from app.audit.places import chain_at, errors_at
from app.audit.retention import check, delete_texts, prune
from app.database.place import Place
from common.command import Config
from common.errors import UserError
from common.files import make_directory


class AuditConfig(Config):
    """``python -m app.audit``.

    Attributes:
        action: What is done: the chain is verified, old records are removed, a person's texts are deleted, or all is
            copied from a database into files, for ``data=feedback`` and log systems.
        folder: The records, the service's ``audience.records.folder``: a folder, or a PostgreSQL URL.
        days: With ``prune``: how many days are kept.
        out: With ``export``: a new folder; what is there is a chain as a service without a database writes it.
        id: With ``delete``: the ``request_id`` of an answer, or the ``feedback_id`` of what a user wrote.
    """

    positional: ClassVar[tuple[str, ...]] = ("action", "folder")
    as_typed: ClassVar[tuple[str, ...]] = ("id",)

    action: Literal["verify", "prune", "delete", "export"] = "verify"
    folder: Place
    days: int | None = Field(default=None, ge=1)
    id: str | None = Field(default=None, min_length=1)
    out: Path | None = None

    @model_validator(mode="after")
    def _says_what(self) -> "AuditConfig":
        if (self.days is None) == (self.action == "prune"):
            raise ValueError("prune needs days=N, how many days are kept; nothing else has it")
        if (self.id is None) == (self.action == "delete"):
            raise ValueError("delete needs id=…, a request_id or feedback_id; nothing else has it")
        if (self.out is None) == (self.action == "export"):
            raise ValueError("export needs out=DIR, where the records go; nothing else has it")
        return self


def audit(config: AuditConfig) -> None:
    """Does what a command says.

    Raises:
        Refused: The chain is broken; every place is named.
        UserError: There are no records, or they cannot be written.
    """
    if isinstance(config.folder, Path) and not config.folder.is_dir():
        problem = "this is a file" if config.folder.exists() else "no such folder"
        raise UserError(problem, where=str(config.folder), fix="give the service's audience.records.folder")
    chain = chain_at(config.folder)
    with errors_at(config.folder):
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
            case "export":
                assert config.out is not None
                number = export(chain, config.out)
                print(f"已导出 {number} 条记录 {number} record(s) are in {config.out}")


def _verify(chain: AuditChain) -> None:
    with chain.locked() as held:  # nothing is pruned or deleted meanwhile
        found = check(held)
    for note in found.notes:
        print(note)
    print(f"完整 whole: {found.records} 条记录 records, 最后一条 the newest is {found.end.number} {found.end.sha256}")


def export(chain: AuditChain, folder: Path) -> int:
    """Copies a chain into files.

    Returns:
        How many records there are.

    Raises:
        Refused: The chain is broken.
        UserError: The folder has something in it, or cannot be written.
    """
    make_directory(folder)
    if any(folder.iterdir()):
        raise UserError("there is something in the folder", where=str(folder), fix="give a new one: out=DIR")
    copy, number = FileChain(folder), 0
    with chain.locked() as held, errors_at(folder):
        check(held)
        for placed in held.records():
            assert placed.record is not None
            copy.write(placed.record)
            number += 1
    return number
