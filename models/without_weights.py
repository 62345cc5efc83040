"""A model directory read without its weights, for models that another server runs."""

from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import AdapterArtifact, Artifact, MergedArtifact, WholeArtifact
from models.beside_base import directory_of
from models.loading import load_config, load_prompt_format, load_tokenizer
from models.prompt_format import PromptFormat


@dataclass(frozen=True)
class WithoutWeights:
    """What is needed to ask a model whose weights are elsewhere; the files of its weights may be missing here.

    Attributes:
        prompt_format: What it was trained with.
        model_version: Name reported with each answer.
        context_length: Most tokens of prompt and answer together, by its configuration.
        is_adapter: Whether it is a LoRA adapter, which a server runs on its base.
    """

    prompt_format: PromptFormat
    model_version: str
    context_length: int
    is_adapter: bool = False

    @classmethod
    def read(cls, path: Path) -> "WithoutWeights":
        """Reads what a directory contains: a run, its result, or any model directory.

        Raises:
            UserError: There is no such directory, other servers cannot run the result, or its base's files are missing.
            Refused: The prompt format or the tokenizer was changed after training.
        """
        if not path.is_dir():
            raise UserError("no such directory", where=str(path), fix="give a run directory or a model directory")
        if not (path / ARTIFACT_FILE).is_file():
            return cls(load_prompt_format(path), path.name, _context_length(path))
        artifact = Artifact.load(path)
        directory = artifact.directory(path)
        if isinstance(artifact, MergedArtifact | WholeArtifact):
            return cls(load_prompt_format(directory), artifact.model_version, _context_length(directory))
        if isinstance(artifact, AdapterArtifact):
            return cls._of_adapter(directory, artifact)
        raise UserError(
            f"其他服务器只运行普通模型和 LoRA 适配器，这是{artifact.described[0]}"
            f"（other servers run ordinary models and LoRA adapters; this is {artifact.described[1]}）",
            where=str(path),
            fix="engine=local, or a method whose result is merged (method=qlora)",
        )

    @classmethod
    def _of_adapter(cls, directory: Path, artifact: AdapterArtifact) -> "WithoutWeights":
        base, hints = directory_of(artifact.base), artifact.base.hints
        if base is None:
            raise UserError(
                f"the tokenizer of the base model {artifact.base.name!r} is needed, and its directory is missing",
                where=artifact.base.path,
                fix="put config.json and the tokenizer's files back there; weights are not needed",
            )
        context_length = int(load_config(base, hints).max_position_embeddings)
        prompt_format = PromptFormat.load(directory, load_tokenizer(base, hints))
        return cls(prompt_format, artifact.model_version, context_length, is_adapter=True)


def _context_length(directory: Path) -> int:
    return int(load_config(directory).max_position_embeddings)
