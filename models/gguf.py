"""GGUF through llama.cpp's own converter, where it is installed; Xinglin neither ships nor fetches it."""

import os
import subprocess
import sys
from pathlib import Path

from common.errors import UserError
from models.checkpoint import read_config

CONVERTER = "convert_hf_to_gguf.py"


def write_gguf(native: Path, out: Path, llama_cpp: str | None) -> Path:
    """Converts a directory in native layout.

    Args:
        native: The directory.
        out: Existing directory for ``model.gguf``.
        llama_cpp: Directory of llama.cpp; the environment's ``LLAMA_CPP`` where it is not given.

    Returns:
        The file.

    Raises:
        UserError: llama.cpp is not there, does not know the model, or its converter fails; its last line is shown.
    """
    if read_config(native).get("architectures") == ["BaichuanAlibiForCausalLM"]:
        raise UserError(
            "llama.cpp knows ALiBi Baichuan only in its original layout",
            where="layout=gguf",
            fix=f"convert with layout=original and give that directory to {CONVERTER}",
        )
    file = out / "model.gguf"
    command = [sys.executable, str(_converter(llama_cpp)), str(native), "--outfile", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not file.is_file():
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise UserError(f"llama.cpp's converter failed: {last}", where=str(native), fix="see its documentation")
    return file


def _converter(llama_cpp: str | None) -> Path:
    directory = llama_cpp or os.environ.get("LLAMA_CPP")
    converter = Path(directory).expanduser() / CONVERTER if directory else None
    if converter is None or not converter.is_file():
        raise UserError(
            f"llama.cpp's {CONVERTER} is not here" + (f" ({directory})" if directory else ""),
            where="llama_cpp",
            fix="install llama.cpp with its Python requirements and give llama_cpp=DIRECTORY",
        )
    return converter
