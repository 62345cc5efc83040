"""Writes a model as one GGUF file: weights, vocabulary, stop tokens and chat template."""

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as TensorType
from transformers import PreTrainedModel

from common.errors import UserError
from common.files import replacing_file
from models.config import GgufType
from models.families.family import Checkpoint, ModelFamily
from models.gguf_export.architecture import Architecture, add_hyperparameters, architecture_of, tensors
from models.gguf_export.vocabulary import Vocabulary, vocabulary_of
from models.prompt_format import PromptFormat, without_marks

TYPES: dict[GgufType, tuple[TensorType, gguf.LlamaFileType]] = {
    "f32": (TensorType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (TensorType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (TensorType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (TensorType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (TensorType.Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0),
}
OF_DTYPE: dict[torch.dtype, GgufType] = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
VOCABULARY_TENSORS = ("token_embd.weight", "output.weight")  # too sensitive for 4 bits


@dataclass(frozen=True)
class GgufPlan:
    """Everything but the weights, checked before they are loaded."""

    architecture: Architecture
    vocabulary: Vocabulary
    prompt_format: PromptFormat


def check_gguf(family: ModelFamily, checkpoint: Checkpoint) -> Architecture:
    """Checks, before anything is loaded, that llama.cpp computes as this model does.

    Raises:
        UserError: It does not; the message names the family or architecture.
    """
    if family.no_gguf is not None:
        raise UserError(
            f"{checkpoint.directory}: {family.no_gguf.why}", where="layout=gguf", fix=family.no_gguf.instead
        )
    plan = family.plan(checkpoint)
    return architecture_of(plan.model_class.__name__, plan.config)


def plan_gguf(family: ModelFamily, checkpoint: Checkpoint, prompt_format: PromptFormat) -> GgufPlan:
    """Checks, before the weights are loaded, that llama.cpp splits and stops as this model does.

    Raises:
        UserError: It does not; the message names the architecture, pre-tokenizer or stop tokens.
    """
    architecture = check_gguf(family, checkpoint)
    if len(prompt_format.stop_ids) > MOST_STOPS:
        raise UserError(
            f"the prompt format {prompt_format.name!r} has {len(prompt_format.stop_ids)} stop tokens",
            where="layout=gguf",
            fix=f"a GGUF file has room for {MOST_STOPS}",
        )
    size = family.plan(checkpoint).config.vocab_size
    vocabulary = vocabulary_of(checkpoint.directory, prompt_format.tokenizer, size)
    return GgufPlan(architecture, vocabulary, prompt_format)


def write_gguf(file: Path, plan: GgufPlan, model: PreTrainedModel, name: str, weights: GgufType) -> None:
    """Writes the file, whole or not at all.

    Args:
        file: The file.
        plan: What ``plan_gguf`` returned.
        model: The model, unquantised.
        name: Its name in the file.
        weights: Type of the matrices. Vectors, and matrices whose rows do not divide into blocks, stay float32; the
            embeddings and output layer of q4_0 are q8_0.
    """
    with replacing_file(file) as partial:
        writer = gguf.GGUFWriter(partial, plan.architecture.name)
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name)
        writer.add_file_type(TYPES[weights][1])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        add_hyperparameters(writer, model.config, plan.architecture)
        plan.vocabulary.write(writer)
        _add_prompt(writer, plan.prompt_format)
        named = list(tensors(model, plan.architecture))
        types = [_type(name, tensor, TYPES[weights][0]) for name, tensor in named]
        for (tensor_name, tensor), kind in zip(named, types, strict=True):
            block, size = gguf.GGML_QUANT_SIZES[kind]
            nbytes = tensor.numel() // block * size
            writer.add_tensor_info(tensor_name, tensor.shape, np.dtype(np.float32), nbytes, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for (_, tensor), kind in zip(named, types, strict=True):  # one at a time: only one is in memory twice
            writer.write_tensor_data(gguf.quants.quantize(tensor.float().cpu().contiguous().numpy(), kind))
        writer.close()


def _type(name: str, tensor: torch.Tensor, wanted: TensorType) -> TensorType:
    if wanted == TensorType.Q4_0 and name in VOCABULARY_TENSORS:
        wanted = TensorType.Q8_0
    divides = tensor.dim() == 2 and tensor.shape[1] % gguf.GGML_QUANT_SIZES[wanted][0] == 0
    return wanted if divides else TensorType.F32


MOST_STOPS = 3
"""Tokens that end an answer: GGUF has a key for the end of a text, of a turn and of a message."""


def _add_prompt(writer: gguf.GGUFWriter, prompt_format: PromptFormat) -> None:
    """Stop tokens, the other named tokens, and the template without the marks that only training reads."""
    tokenizer = prompt_format.tokenizer
    stops = (writer.add_eos_token_id, writer.add_eot_token_id, writer.add_eom_token_id)  # llama.cpp stops at each
    for add_stop, token_id in zip(stops, prompt_format.stop_ids, strict=False):
        add_stop(token_id)
    for add, named_id in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
    ):
        if named_id is not None:
            add(named_id)
    writer.add_chat_template(without_marks(prompt_format.template))
