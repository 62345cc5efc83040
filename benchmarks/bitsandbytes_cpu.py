"""Shows what bitsandbytes does to 4-bit gradients on this CPU after an evaluation forward, without and with our fix.

    python benchmarks/bitsandbytes_cpu.py        writes benchmarks/bitsandbytes_cpu.md

The reference is the same model dequantised: 4-bit training must have its gradients. A cosine of 1 is right.
"""

import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
from bitsandbytes.functional import has_avx512bf16
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from common.files import write_text
from models.quantisation import keep_unpacked, nf4

IDS = torch.arange(64).reshape(2, 32) + 100


def main() -> None:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as directory:
        shape = LlamaConfig(
            vocab_size=1000, hidden_size=256, intermediate_size=640, num_hidden_layers=4, num_attention_heads=8
        )
        LlamaForCausalLM(shape).save_pretrained(directory)
        reference = gradient(load(directory).dequantize(torch.float32))
        rows = [
            ("fresh model", load(directory)),
            ("after one evaluation forward", evaluated(load(directory))),
            ("the same with `keep_unpacked`", evaluated(kept(load(directory)))),
        ]
        table = [f"| {name} | {cosine(gradient(model), reference):.4f} |" for name, model in rows]
    about = (
        "Made by `python benchmarks/bitsandbytes_cpu.py` with "
        f"bitsandbytes {version('bitsandbytes')}, torch {version('torch')}, transformers {version('transformers')} on "
        f"{platform.machine()}, AVX512-BF16: {'yes' if has_avx512bf16() else 'no (the fault cannot occur here)'}."
    )
    head = "| NF4 model | cosine of its gradient with the dequantised model's |\n|---|---|\n"
    text = f"# 4-bit gradients after evaluation\n\n{about}\n\n{head}" + "\n".join(table) + "\n"
    write_text(Path(__file__).with_suffix(".md"), text)
    print(text)


def load(directory: str) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(
        directory, quantization_config=nf4(torch.float32), dtype=torch.float32, trust_remote_code=False
    )


def kept(model: PreTrainedModel) -> PreTrainedModel:
    keep_unpacked(model)
    return model


def evaluated(model: PreTrainedModel) -> PreTrainedModel:
    with torch.no_grad():
        model.eval()(IDS)
    return model


def gradient(model: PreTrainedModel) -> torch.Tensor:
    """Gradient of the loss with respect to the input embeddings, flat."""
    embedded = model.get_input_embeddings()(IDS).detach().requires_grad_()
    model.train()
    model(inputs_embeds=embedded, labels=IDS, use_cache=False).loss.backward()
    assert embedded.grad is not None
    return embedded.grad.flatten()


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


if __name__ == "__main__":
    main()
