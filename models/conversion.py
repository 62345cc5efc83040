"""What ``python -m models.convert`` does, once its configuration is valid."""

from pathlib import Path

import torch
from loguru import logger

from common.errors import UserError
from common.files import replacing_directory
from models.card import write_conversion_card
from models.checkpoint import open_weights
from models.config import ConvertConfig, Hints
from models.export import save_native, save_original
from models.gguf_export.writer import OF_DTYPE, check_gguf, plan_gguf, write_gguf
from models.hub import locate
from models.legacy.lora import import_lora
from models.legacy.prefix import export_prefix, import_prefix
from models.loading import load_model, load_prompt_format, open_checkpoint
from models.push import MODEL_MARKERS, check_target, push

GGUF = "model.gguf"


def convert(config: ConvertConfig, out: Path) -> str:
    """Converts a model, or an adapter of it.

    Args:
        config: The checked configuration.
        out: The directory to write; it does not exist.

    Returns:
        The printed summary.

    Raises:
        UserError: Something is missing or cannot be converted.
    """
    assert config.model.path is not None
    check_target(config.push, *MODEL_MARKERS)
    given = config.model.hints
    hints = given._replace(
        family=config.family or given.family,
        norm_head=given.norm_head if config.norm_head is None else config.norm_head,
    )
    base = locate(config.model.path)
    if config.adapter is not None:
        import_lora(_path(config.adapter.path, "adapter"), base, out, hints)
        return _pushed(f"adapter for the native class: {out}", out, config)
    if config.prefix is not None:
        move = import_prefix if config.layout == "native" else export_prefix
        move(_path(config.prefix.path, "prefix"), base, out, hints)
        return _pushed(f"prefix in {config.layout} layout: {out}", out, config)
    return _pushed(_convert_model(base, out, config, hints), out, config)


def _pushed(summary: str, out: Path, config: ConvertConfig) -> str:
    pushed = push(out, config.push, *MODEL_MARKERS)
    return f"{summary}\npush: {pushed}" if pushed else summary


def _path(path: str | None, key: str) -> Path:
    if path is None or not Path(path).expanduser().is_dir():
        raise UserError(f"no such directory: {path}", where=f"{key}.path", fix=f"give the directory of the {key}")
    return Path(path).expanduser()


def _convert_model(base: Path, out: Path, config: ConvertConfig, hints: Hints) -> str:
    family, checkpoint = open_checkpoint(base, hints)
    if config.layout == "gguf":
        check_gguf(family, checkpoint)  # before its tokenizer is read
    prompt_format = None
    if config.layout != "original":
        prompt_format = load_prompt_format(checkpoint.directory, checkpoint.hints, config.prompt_format)
    gguf_plan = plan_gguf(family, checkpoint, prompt_format) if prompt_format and config.layout == "gguf" else None
    dtype = getattr(torch, config.dtype) if config.dtype else next(iter(open_weights(base).values())).dtype
    logger.info("reading {} as {} in {}", base, family.name, str(dtype).removeprefix("torch."))
    model = load_model(base, dtype=dtype, hints=hints)
    logger.info("writing the {} layout to {}", config.layout, out)
    with replacing_directory(out) as directory:
        if prompt_format is None:
            if family.original is not None:
                family.original.refuse(model, checkpoint)
            save_original(model, directory, family, checkpoint.published, base)
        else:
            save_native(model, directory, family, checkpoint, prompt_format)
        if gguf_plan is not None:
            write_gguf(directory / GGUF, gguf_plan, model, base.name, config.gguf or OF_DTYPE[model.dtype])
        write_conversion_card(directory, base, family, config.layout, type(model).__name__)
    return f"{family.name} in {config.layout} layout ({type(model).__name__}): {out}"
