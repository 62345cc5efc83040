"""GGUF through llama.cpp's own converter, where it is installed; Xinglin neither ships nor downloads it.

The converter reads a native directory, but takes only the pieces from a ``tokenizer.model``: that roles are special
tokens, and that no ``<s>`` or space precedes a text, it reads from keys of ``tokenizer_config.json`` that today's
transformers keeps in ``tokenizer.json``. Without them llama.cpp splits ``<reserved_106>`` into letters, and its prompts
are not those of training. So it gets a view of the directory that has these keys.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from common.errors import UserError
from common.files import read_json, write_json
from models.export import SENTENCEPIECE
from models.families.family import Checkpoint, ModelFamily
from models.tokenizers.sentencepiece import read_model

CONVERTER = "convert_hf_to_gguf.py"
OUTTYPES = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}


def find_converter(family: ModelFamily, checkpoint: Checkpoint, llama_cpp: str | None) -> list[str]:
    """The converter's command, located before the model is loaded.

    Args:
        family: Family of the model to convert.
        checkpoint: The model.
        llama_cpp: Directory of llama.cpp; otherwise the environment's ``LLAMA_CPP``, then the PATH.

    Raises:
        UserError: llama.cpp does not support the model, or is not installed.
    """
    if family.no_gguf is not None:
        raise UserError(
            f"{checkpoint.directory}: {family.no_gguf.why}", where="layout=gguf", fix=family.no_gguf.instead
        )
    directory = llama_cpp or os.environ.get("LLAMA_CPP")
    if directory is None and (installed := shutil.which(CONVERTER)):
        return [installed]
    converter = Path(directory).expanduser() / CONVERTER if directory else None
    if converter is None or not converter.is_file():
        raise UserError(
            f"llama.cpp's {CONVERTER} was not found" + (f" ({directory})" if directory else ""),
            where="llama_cpp",
            fix="install llama.cpp, and its Python requirements next to Xinglin's; then give llama_cpp=DIRECTORY",
        )
    return [sys.executable, str(converter)]


def write_gguf(
    native: Path, file: Path, tokenizer: PreTrainedTokenizerBase, name: str, dtype: torch.dtype, converter: list[str]
) -> None:
    """Converts a directory in native layout.

    Args:
        native: The directory.
        file: The file to write.
        tokenizer: The model's tokenizer.
        name: The model's name, for the file's metadata.
        dtype: Type of the weights.
        converter: The converter's command.

    Raises:
        UserError: The converter fails; the last line that it printed is shown.
    """
    with tempfile.TemporaryDirectory(prefix="xinglin-gguf-") as view:
        _view(native, Path(view), tokenizer)
        done = subprocess.run(
            [*converter, view, "--outfile", str(file), "--model-name", name, "--outtype", OUTTYPES[dtype]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
        )
    if done.returncode or not file.is_file():
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise UserError(
            f"llama.cpp's converter failed: {last}",
            where=" ".join(converter),
            fix="it needs its own Python requirements, and supports tokenizer.model and tokenizers of published models",
        )


def _view(native: Path, view: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Links to the files of a directory, with the keys that the converter needs."""
    for path in native.iterdir():
        (view / path.name).symlink_to(path.resolve())
    if (native / SENTENCEPIECE).is_file():
        config = read_json(native / "tokenizer_config.json")
        write_json(view / "tokenizer_config.json", config | _keys(native / SENTENCEPIECE, tokenizer))


def _keys(sentencepiece: Path, tokenizer: PreTrainedTokenizerBase) -> dict[str, object]:
    model = read_model(sentencepiece)
    ids = tokenizer.encode("a")
    # not the pieces of several spaces: llama.cpp puts another dummy prefix after an added token
    added = {
        str(token_id): {"content": token.content, "special": token.special}
        for token_id, token in tokenizer.added_tokens_decoder.items()
        if token.special or token_id >= len(model.pieces)
    }
    return {
        "add_bos_token": ids[0] == tokenizer.bos_token_id,
        "add_eos_token": ids[-1] == tokenizer.eos_token_id,
        "add_prefix_space": model.add_dummy_prefix,
        "added_tokens_decoder": added,
    }
