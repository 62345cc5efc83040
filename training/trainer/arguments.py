"""How a run's configuration becomes the arguments of transformers' trainer."""

import torch
from loguru import logger
from transformers import TrainingArguments

from models.artifact import NumericsRecord
from models.config import DType
from models.numerics import Numerics, compute_dtype, instruction_set
from models.run_directory import RunDirectory
from training import processes
from training.config import OptimiserConfig

TYPES: dict[str, DType] = {"auto": "auto", "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
"""The type of the products by ``train.precision``."""


def training_numerics(config: OptimiserConfig) -> Numerics:
    """The type that training takes products in."""
    return compute_dtype(TYPES[config.precision])


def numerics_record(dtype: DType, config: OptimiserConfig) -> NumericsRecord:
    """What an artefact says about the types that its run computed in.

    Args:
        dtype: Of the weights, as configured.
        config: How they were trained.
    """
    weights, training = compute_dtype(dtype), training_numerics(config)
    return NumericsRecord(
        dtype=dtype,
        weights=weights.name,
        training=training.name,
        why=f"weights {weights}; training {training}",
        instruction_set=instruction_set(),
    )


def training_arguments(config: OptimiserConfig, run: RunDirectory, seed: int) -> TrainingArguments:
    """The arguments of transformers' trainer; of several GPUs a process uses one."""
    on_gpu, numerics = torch.cuda.is_available(), training_numerics(config)
    share = processes.share(config.batch_size, config.gradient_accumulation)
    arguments = TrainingArguments(
        output_dir=str(run.checkpoints),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=share.rows,
        per_device_eval_batch_size=share.rows,
        gradient_accumulation_steps=share.window,
        learning_rate=config.rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup_share,  # below 1 it is a share of all steps
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=numerics.dtype == torch.bfloat16,
        fp16=numerics.dtype == torch.float16,
        gradient_checkpointing=config.gradient_checkpointing,
        use_cpu=not on_gpu,
        use_cache=False,
        ddp_find_unused_parameters=False,
        ddp_timeout=int(processes.WAITING.total_seconds()),
        logging_steps=config.log_steps,
        logging_nan_inf_filter=False,  # a NaN loss must be seen, not averaged away
        eval_strategy="steps",
        eval_steps=config.eval_steps,
        prediction_loss_only=True,
        save_strategy="steps",
        save_steps=config.save_steps,
        save_total_limit=config.keep_checkpoints,
        seed=seed,
        data_seed=seed,
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        disable_tqdm=True,
        report_to=list(config.trackers) or "none",
        run_name=f"{run.path.parent.name}-{run.path.name}",
        log_level="error",
    )
    if arguments.n_gpu > 1:  # the trainer would copy the model onto all of them, and multiply the batch
        logger.info(
            "{} GPUs are visible; training uses the first (CUDA_VISIBLE_DEVICES chooses; torchrun uses all)",
            arguments.n_gpu,
        )
        arguments._n_gpu = 1
    return arguments
