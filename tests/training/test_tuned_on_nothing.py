"""A run that would tune on nothing, or has changed nothing, ends in words instead of a result."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from common.errors import Refused, UserError
from data_recipes.schema.example import Example
from models.reader_config import ReadingConfig
from tests.training.conftest import TriedRun, small_config
from training.base import find_base
from training.batches.supervision import supervise
from training.batches.windows import label
from training.chain import run_chain
from training.methods import METHODS
from training.stages.sft.config import SftConfig
from training.stages.sft.job import attached_model
from training.trainer.change import checksums, refuse_unchanged

MakeConfig = Callable[..., SftConfig]


def test_a_split_whose_examples_are_all_too_long_is_an_error_whatever_share_may_be_dropped(
    make_config: MakeConfig, examples: list[Example]
) -> None:
    config = make_config("train.max_length=16", "train.max_dropped_share=1")
    prompt_format = find_base(config).prompt_format
    long = [example for example in examples if len(prompt_format.render(example.messages).ids) > 16]
    with pytest.raises(UserError, match=rf"split dev: no example is left of {len(long)}: {len(long)} are longer than"):
        supervise(long, prompt_format, config.train, "dev")
    with pytest.raises(UserError, match=r"split train: no example is left of 0(?s:.*)data\.splits\.train"):
        supervise([], prompt_format, config.train, "train")


def test_no_window_is_an_error(tiny_base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    with pytest.raises(UserError, match="no window is left of 0 passages"):
        label([], tokenizer, ReadingConfig(), negatives=1, max_lost_share=1, seed=1)


def test_an_adapter_whose_update_is_still_zero_is_unchanged_whatever_else_has_moved(make_config: MakeConfig) -> None:
    config = make_config("method=lora", "method.rank=2")
    model = attached_model(config, find_base(config))
    decisive = METHODS["lora"].decisive
    before, everything = checksums(model, decisive), checksums(model)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if "lora_A" in name:
                values.mul_(0.5)
    assert checksums(model) != everything
    with pytest.raises(Refused, match=f"changed none of {len(before)} tensors"):
        refuse_unchanged(before, checksums(model, decisive))
    with torch.no_grad():
        next(values for name, values in model.named_parameters() if "lora_B" in name)[0, 0] = 1e-6
    refuse_unchanged(before, checksums(model, decisive))


def test_a_run_of_one_step_whose_learning_rate_is_zero_is_refused(interrupted: TriedRun) -> None:
    config = small_config(interrupted.folder, "train.max_steps=1", f"runs_dir={interrupted.folder}/others")
    with pytest.raises(Refused, match=r"the base itself(?s:.*)the learning rate 0"):
        run_chain(config)
    (run,) = interrupted.folder.glob("others/*/*")
    assert not (run / "adapter").exists() and not (run / "artifact.json").exists()
