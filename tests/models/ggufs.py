"""Small GGUF files for tests: written by the export, and changed afterwards."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGUFValueType
from tokenizers import Tokenizer, trainers
from tokenizers import models as tokenizer_models
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from models.config import GgufType
from models.gguf_export.vocabulary import PreTokenizer
from models.gguf_export.writer import plan_gguf, write_gguf
from models.gguf_import.file import GgufFile
from models.loading import load_model, load_prompt_format, open_checkpoint
from tests.conftest import PROSE

ODD = [
    "的是的是 12abc的 3.5mg",
    "  的",
    "是\n\n的  x ",
    "2型糖尿病：1.5 mg/dL，120/80",
    "第一行\n\n  第二行\t end  ",
    "🩺𠮷ß Ⅲ期½杯² ｆｕｌｌ１２３",
    "It's 1,000,000 people's\r\nchoice!!",
    "a的b是c",
    "　全角　空格",
]
SIZES = {
    "vocab_size": 720,  # more rows than tokens, as Qwen has
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
}


def exported(directory: Path, file: Path, weights: GgufType = "f32") -> Path:
    """The GGUF of a model directory with its prompt format."""
    family, checkpoint = open_checkpoint(directory)
    write_gguf(
        file, plan_gguf(family, checkpoint, load_prompt_format(directory)), load_model(directory), "tiny", weights
    )
    return file


def changed(
    source: Path, target: Path, metadata: Mapping[str, Any], tensors: Mapping[str, np.ndarray | None] | None = None
) -> Path:
    """A file with other values of keys, and other tensors in float32; None removes one."""
    file = GgufFile.open(source)
    values = {key: value for key, value in (file.metadata | dict(metadata)).items() if value is not None}
    stored = {name: np.concatenate(list(file.rows(tensor, None))) for name, tensor in file.tensors.items()}
    shaped = {name: rows.view(np.float32).reshape(file.tensors[name].shape) for name, rows in stored.items()}
    writer = gguf.GGUFWriter(target, values.pop("general.architecture"))
    for key, value in values.items():
        writer.add_key_value(key, value, *_kinds(value))
    for name, tensor in (shaped | dict(tensors or {})).items():
        if tensor is not None:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def _kinds(value: Any) -> tuple[GGUFValueType, GGUFValueType | None]:
    if isinstance(value, list):
        return GGUFValueType.ARRAY, GGUFValueType.get_type(value[0])
    kind = GGUFValueType.get_type(value)
    return (GGUFValueType.UINT32 if kind == GGUFValueType.INT32 else kind), None


def byte_level_directory(directory: Path, pre_tokenizer: PreTokenizer) -> Path:
    """A small byte-level BPE with this pre-tokenizer, saved."""
    bpe = Tokenizer(tokenizer_models.BPE())
    stored = json.loads(bpe.to_str())
    steps = [step | ({"trim_offsets": True} if step["type"] == "ByteLevel" else {}) for step in pre_tokenizer.steps]
    stored["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
    stored["decoder"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    stored["model"]["ignore_merges"] = pre_tokenizer.whole_words
    bpe = Tokenizer.from_str(json.dumps(stored))
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=specials, initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator([*PROSE, *ODD, "的是" * 3], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.save_pretrained(directory)
    return directory
