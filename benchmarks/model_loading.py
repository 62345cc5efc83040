"""Time and memory to load checkpoints of 1 to 2 GB in original layout, each in its own process.

    python benchmarks/model_loading.py              writes benchmarks/model_loading.md
    python benchmarks/model_loading.py layers=2     a quick look

Memory is the peak of the process (resident, mapped pages included) less what it held before loading. As a yardstick the
same weights in native layout are loaded by transformers alone.
"""

import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import torch
from huggingface_hub import save_torch_state_dict
from transformers import AutoModelForCausalLM

from common.files import write_json, write_text
from common.machine import peak_memory
from models.config import Hints
from models.export import reverted
from models.families.family import Checkpoint
from models.loading import FAMILIES, load_model
from models.stand_ins import LIKENESSES

# the published shapes with fewer layers
SHAPES = {
    "chatglm2": {
        **{"padded_vocab_size": 65024, "hidden_size": 4096, "ffn_hidden_size": 13696, "num_attention_heads": 32},
        **{"kv_channels": 128, "seq_length": 8192},
    },
    "baichuan": {
        **{"vocab_size": 64000, "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32},
        **{"max_position_embeddings": 4096},
    },
    "baichuan2": {
        **{"vocab_size": 125696, "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32},
        **{"max_position_embeddings": 4096, "model_max_length": 4096},
    },
    "baichuan_13b": {
        **{"vocab_size": 64000, "hidden_size": 5120, "intermediate_size": 13696, "num_attention_heads": 40},
        **{"model_max_length": 4096},
    },
}
FORMS = ("safetensors", "bin")
KINDS = ("float16 as stored", "bfloat16", "nf4")


def write_checkpoint(name: str, layers: int, form: str, directory: Path, *, native: bool) -> None:
    """Random weights in original layout and float16, in shards of 500 MB; also in native layout below ``native/``."""
    config = LIKENESSES[name].config | SHAPES[name] | {"num_layers": layers, "num_hidden_layers": layers}
    write_json(directory / "config.json", config)
    family = next(family for family in FAMILIES if family.recognises(config))
    plan = family.plan(Checkpoint(directory, config, config, Hints(norm_head=name == "baichuan2")))
    with torch.device("meta"):
        model = plan.model_class(plan.config)
    assert family.original is not None
    empty = reverted(model, family.original.transforms(model.config))
    tensors = {key: filled(tensor.shape) for key, tensor in empty.items()}
    if form == "safetensors":
        save_torch_state_dict(tensors, directory, max_shard_size="500MB")
    else:
        torch.save(tensors, directory / "pytorch_model.bin")
    if native:
        (directory / "native").mkdir()
        model.config.architectures = [plan.model_class.__name__]
        model.config.save_pretrained(directory / "native")
        state = {key: filled(tensor.shape) for key, tensor in model.state_dict().items()}
        save_torch_state_dict(state, directory / "native", max_shard_size="500MB")


def filled(shape: torch.Size) -> torch.Tensor:
    """Random values, the same block repeated: fast to make, and the loader does not care."""
    block = torch.randn(1 << 16, generator=torch.Generator().manual_seed(0)).mul_(0.02).half()
    return block.repeat(-(-shape.numel() // len(block)))[: shape.numel()].reshape(shape).clone()


def measure(loader: str, directory: Path, kind: str) -> None:
    """Loads once and prints what it took, as JSON."""
    load_model_or_transformers = load_model if loader == "xinglin" else AutoModelForCausalLM.from_pretrained
    options: dict[str, object] = {"dtype": torch.float16 if kind.startswith("float16") else torch.bfloat16}
    if kind == "nf4":
        options["quantisation"] = "nf4"
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    started = time.perf_counter()
    model = load_model_or_transformers(directory, **options)
    for parameter in model.parameters():  # what is only mapped is read now
        parameter.detach().view(torch.uint8).view(-1)[::4096].sum()
    seconds = time.perf_counter() - started
    size = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    print(json.dumps({"seconds": seconds, "peak": peak_memory() - before, "size": size}))


def run(loader: str, directory: Path, kind: str) -> dict[str, float]:
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, f"measure={loader}", str(directory), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": "."})
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main(layers: int) -> None:
    rows = []
    for name in SHAPES:
        for form in FORMS:
            with tempfile.TemporaryDirectory() as folder:
                directory = Path(folder)
                subprocess.run([sys.executable, __file__, "write", name, str(layers), form, folder], check=True)
                stored = sum(path.stat().st_size for path in directory.glob("*.*"))
                cases = [("xinglin", directory, kind) for kind in KINDS]
                cases += [("transformers", directory / "native", KINDS[0])] if form == "safetensors" else []
                for loader, path, kind in cases:
                    rows.append(row(name, form, stored, loader, kind, run(loader, path, kind)))
                    print(rows[-1], flush=True)
    write_text(Path(__file__).with_suffix(".md"), about(layers) + "\n".join(rows) + "\n")


def row(name: str, form: str, stored: float, loader: str, kind: str, taken: dict[str, float]) -> str:
    cells = [
        name,
        f"{form}, {stored / 1e9:.2f} GB" if loader == "xinglin" else "native safetensors",
        loader,
        kind,
        f"{taken['size'] / 1e9:.2f} GB",
        f"{taken['peak'] / 1e9:.2f} GB",
        f"{taken['peak'] / taken['size']:.2f}",
        f"{taken['seconds']:.1f} s",
    ]
    return f"| {' | '.join(cells)} |"


def about(layers: int) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "safetensors", "bitsandbytes"))
    return (
        "# Loading checkpoints in original layout\n\n"
        f"Made by `python benchmarks/model_loading.py layers={layers}`: the published shapes with {layers} layers, "
        f"random weights in float16, page cache warm; {versions}; {os.cpu_count()} CPU cores, {platform.machine()}, "
        "no GPU. Peak: resident memory at its highest during loading, less what the process held before."
        " The machine was not otherwise idle, so times are rough.\n\n"
        "| model | on disk | loaded by | as | size in memory | peak | peak / size | time |\n" + "|---" * 8 + "|\n"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        form = sys.argv[4]
        write_checkpoint(sys.argv[2], int(sys.argv[3]), form, Path(sys.argv[5]), native=form == "safetensors")
    elif sys.argv[1:2] and sys.argv[1].startswith("measure="):
        measure(sys.argv[1].removeprefix("measure="), Path(sys.argv[2]), sys.argv[3])
    else:
        main(int(dict(word.split("=") for word in sys.argv[1:]).get("layers", 4)))
