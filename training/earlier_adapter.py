"""An adapter or prefix of an earlier run, with whose values training begins: ``adapter.path=RUN`` or its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from loguru import logger
from peft import PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from common.errors import Refused, UserError
from models.artifact import FILE_NAME, Artifact, BesideBaseArtifact, ContinuedRecord
from models.run_directory import RunDirectory
from training.base import Base
from training.earlier_run import newest_finished
from training.methods import METHODS
from training.methods.method import MethodConfig
from training.resume import LATEST

WEIGHTS = "adapter_model.safetensors"
OF_METHOD = {
    "r": "method.rank",
    "lora_alpha": "method.alpha",
    "use_rslora": "method.rslora",
    "use_dora": "method.dora",
    "num_virtual_tokens": "method.prefix_length",
}
OF_MODEL = {"target_modules": "method.targets", "trainable_token_indices": "method.new_tokens"}
"""What must be as in the adapter, by peft's names: what the configuration of the method says, and what follows from the
model. Other settings (dropout, learning rates) may differ."""


class EarlierAdapter(NamedTuple):
    """An adapter to go on from.

    Attributes:
        directory: Its folder.
        artifact: What is recorded of it.
    """

    directory: Path
    artifact: BesideBaseArtifact

    @property
    def record(self) -> ContinuedRecord:
        """What the result says about it."""
        return ContinuedRecord(model_version=self.artifact.model_version, files=self.artifact.files or {})


def find_adapter(path: str, method: MethodConfig) -> EarlierAdapter:
    """The adapter of a run or folder, for training by a method; the base need not be there yet.

    Args:
        path: A run, ``runs/NAME/latest``, or the folder of an adapter.
        method: How it is trained.

    Raises:
        UserError: There is no adapter with a record of its base.
        Refused: A file of it was changed, or it was trained by another method or with other settings.
    """
    directory = adapter_directory(Path(path).expanduser(), "adapter.path")
    artifact = Artifact.load(directory)
    if not isinstance(artifact, BesideBaseArtifact):
        raise UserError(
            f"not an adapter: {artifact.described[1]}",
            where=f"adapter.path={path}",
            fix=f"to go on from it: model=generic model.path={path}",
        )
    artifact.check_files(directory)
    named = {
        "method": (artifact.method, method.kind),
        "method.quantisation": (artifact.quantisation, method.quantisation),
    }
    differences = [f"{key}: {_shown(before)} -> {_shown(now)}" for key, (before, now) in named.items() if before != now]
    if artifact.method == method.kind:
        saved = METHODS[method.kind].saved_settings(method)
        differences += _differences(PeftConfig.from_pretrained(directory), saved, OF_METHOD)
    _refuse_other_settings(directory, differences)
    return EarlierAdapter(directory.resolve(), artifact)


def refuse_other_base(adapter: EarlierAdapter, base: Base) -> None:
    """Refuses to go on from an adapter on another base; another prompt format is a warning.

    Args:
        adapter: The adapter.
        base: What will be trained.

    Raises:
        Refused: The adapter belongs to another base.
    """
    artifact, now = adapter.artifact, base.record()
    if artifact.base.sha256 != now.sha256:
        raise Refused(
            f"adapter.path={adapter.directory} was trained on another base model (adapter -> this run):\n"
            f"  - {artifact.base.name} ({artifact.base.sha256[:12]}…, {artifact.base.path})"
            f" -> {now.name} ({now.sha256[:12]}…, {now.path})\n"
            f"  -> give the base of the adapter: model.path={artifact.base.path}"
        )
    if artifact.prompt_format_sha256 != base.prompt_format.sha256:
        logger.warning(
            "adapter.path: it was trained in prompt format {}, and goes on in {}",
            *(artifact.prompt_format, base.prompt_format.name),
        )


def adapter_directory(path: Path, key: str) -> Path:
    """The folder of the adapter itself.

    Args:
        path: A run, ``runs/NAME/latest``, or the folder of an adapter.
        key: The key that asks for it.

    Raises:
        UserError: There is no adapter with a record of its base.
    """
    if path.name == LATEST and not path.exists():
        path = newest_finished(path.parent, key).path
    folder = path / BesideBaseArtifact.folder if (path / BesideBaseArtifact.folder).is_dir() else path
    if not (folder / WEIGHTS).is_file():
        there = RunDirectory(path).config_file.is_file()
        raise UserError(
            "this run has no adapter (yet)" if there else "no adapter here",
            where=f"{key}={path}",
            fix="give a finished run with an adapter or prefix, or the folder of one",
        )
    if not (folder / FILE_NAME).is_file():
        raise UserError(
            f"{FILE_NAME} is missing: nothing says which base this adapter was trained on",
            where=f"{key}={folder}",
            fix="give the adapter of a finished run of this project",
        )
    return folder


def refuse_other_targets(adapter: EarlierAdapter, model: PeftModel) -> None:
    """Refuses to train other layers or tokens of the model than those that an adapter has values of.

    Args:
        adapter: The adapter.
        model: What would be trained, possibly on the device ``meta``.

    Raises:
        Refused: They differ.
    """
    saved = PeftConfig.from_pretrained(adapter.directory)
    _refuse_other_settings(adapter.directory, _differences(saved, model.active_peft_config, OF_MODEL))


def load_into(model: PeftModel, adapter: EarlierAdapter) -> None:
    """Gives what is trained the values of an adapter.

    Raises:
        Refused: It has other values than what is trained.
    """
    values = load_file(adapter.directory / WEIGHTS)
    expected = get_peft_model_state_dict(model)
    if (found := {name: v.shape for name, v in values.items()}) != {name: v.shape for name, v in expected.items()}:
        odd = sorted(found.keys() ^ expected.keys()) or sorted(n for n in found if found[n] != expected[n].shape)
        raise Refused(f"{adapter.directory / WEIGHTS}: not the values that are trained here, e.g. {odd[0]}")
    set_peft_model_state_dict(model, values)
    logger.info("training begins with the values of {} ({})", adapter.artifact.model_version, adapter.directory)


def _differences(before: PeftConfig, now: PeftConfig, keys: Mapping[str, str]) -> list[str]:
    """The settings that differ, by our names."""
    one, other = before.to_dict(), now.to_dict()
    found = {named: (_plain(one.get(key)), _plain(other.get(key))) for key, named in keys.items()}
    return [f"{named}: {_shown(old)} -> {_shown(new)}" for named, (old, new) in found.items() if old != new]


def _plain(value: Any) -> Any:
    """A value as it is compared: sets have no order."""
    return sorted(value) if isinstance(value, set | frozenset | list | tuple) else value


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _refuse_other_settings(directory: Path, differences: list[str]) -> None:
    if differences:
        listed = "".join(f"\n  - {difference}" for difference in differences)
        raise Refused(
            f"adapter.path={directory} was trained with other settings (adapter -> this run):{listed}\n"
            "  -> give the settings of the adapter; or merge it and tune the model: model=generic model.path=RUN"
        )
