"""How much a right merge differs from base + adapter, and a wrong one, in units of the model's own rounding.

python benchmarks/training/merge_noise.py

Small models trained on the medical prose, LoRA adapters with random updates of several sizes. *ratio* is the mean KL
divergence from base + adapter, divided by that of base + adapter with its attention computed by another kernel.
"""

import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import product
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from common.files import write_text
from common.machine import processor
from data_recipes.schema.example import Message
from domains.medical.knowledge_base import KNOWLEDGE
from domains.prose import corpus
from models.artifact import MergeProof
from models.config import EmbeddedConfig
from models.embedded import build
from models.loading import load_model, load_tokenizer
from models.numerics import instruction_set
from models.prompt_format import PromptFormat, Rendered
from training.config import MergeConfig
from training.merge import AnswerStates, prove, run_twice

SHAPES = ((64, 2),)  # hidden size and layers
UPDATES = (0.005, 0.02, 0.05)  # standard deviation of B
TOKENS = 1000
SIZE = {"vocab_size": 2000, "sequence_length": 64, "batch_size": 8, "steps": 40}


def faulty(model: PreTrainedModel, fault: str, update: dict[str, torch.Tensor]) -> None:
    """Plants a fault into a merged model; ``update`` is what the merge added, by the name of the weight."""
    name = sorted(update)[len(update) // 2]
    weight = model.get_parameter(name)
    with torch.no_grad():
        match fault:
            case "one matrix without its update":
                weight -= update[name]
            case "all updates 1.1 times too large":
                for each, added in update.items():
                    model.get_parameter(each).add_(0.1 * added)
            case "one matrix negated":
                weight.neg_()


FAULTS = ("one matrix without its update", "all updates 1.1 times too large", "one matrix negated")


def adapter(base: Path, std: float, out: Path) -> Path:
    """A LoRA adapter with a random update."""
    torch.manual_seed(1)
    model = get_peft_model(load_model(base), LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=std)
    model.save_pretrained(out)
    return out


def proofs(base: Path, trained: Path, dtype: torch.dtype, compared: list[Rendered]) -> Iterator[tuple[str, MergeProof]]:
    """The proof of the right merge, and of the wrong ones."""
    load: Callable[[], PreTrainedModel] = lambda: load_model(base, dtype=dtype)  # noqa: E731
    before, again = run_twice(PeftModel.from_pretrained(load(), trained), compared)
    plain = dict(load().named_parameters())
    for fault in ("right", *FAULTS):
        merged = PeftModel.from_pretrained(load(), trained).merge_and_unload()
        update = {name: p.detach() - plain[name] for name, p in merged.named_parameters()}
        faulty(merged, fault, {name: added for name, added in update.items() if bool(added.any())})
        yield (
            fault,
            prove(before, again, AnswerStates.of(merged, compared, fault), compared, MergeConfig().noise_factor),
        )


def conversations(prompt_format: PromptFormat, paragraphs: list[str]) -> list[Rendered]:
    """Paragraphs as answers, with enough tokens together."""
    compared: list[Rendered] = []
    for paragraph in paragraphs:
        if sum(sum(r.mask) for r in compared) >= TOKENS:
            break
        turns = [Message(role="user", content=paragraph[:8]), Message(role="assistant", content=paragraph[8:80])]
        compared.append(prompt_format.render(turns))
    return compared


def main() -> None:
    rows = []
    paragraphs = corpus(KNOWLEDGE.load(), KNOWLEDGE)[:400]
    for hidden, layers in SHAPES:
        with tempfile.TemporaryDirectory() as name:
            base = Path(name) / "base"
            build(paragraphs, EmbeddedConfig(hidden_size=hidden, layers=layers, **SIZE), base)
            prompt_format = PromptFormat.named("xinglin", load_tokenizer(base))
            compared = conversations(prompt_format, paragraphs)
            for std, dtype in product(UPDATES, (torch.bfloat16, torch.float32)):
                trained = adapter(base, std, Path(name) / f"adapter-{std}")
                for fault, proof in proofs(base, trained, dtype, compared):
                    rows.append(row(hidden, layers, std, dtype, fault, proof))
                    print(rows[-1], flush=True)
    write_text(Path(__file__).with_suffix(".md"), about() + "\n".join(rows) + "\n")


def row(hidden: int, layers: int, std: float, dtype: torch.dtype, fault: str, proof: MergeProof) -> str:
    assert proof.noise is not None
    cells = [
        *(f"{hidden} × {layers}", f"{std:g}", str(dtype).removeprefix("torch."), fault),
        *(f"{proof.noise.mean_kl:.1e}", f"{proof.mean_kl:.1e}", f"{proof.mean_kl / proof.noise.mean_kl:,.1f}"),
        *(f"{proof.noise.greedy_agreement:.4f}", f"{proof.greedy_agreement:.4f}", f"{proof.max_logit_difference:.2g}"),
        "passed" if proof.passed else "refused",
    ]
    return f"| {' | '.join(cells)} |"


def about() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    return (
        "# A merge in units of the model's own rounding\n\n"
        f"Made by `python benchmarks/training/merge_noise.py`: {(__doc__ or '').split('merge_noise.py')[1].strip()} "
        f"At least {TOKENS:,} answer tokens each. {versions}; {processor()}, {instruction_set()} (bfloat16 is emulated "
        "where that names none).\n\n"
        "| hidden × layers | update | type | merge | KL of noise | KL | ratio | agreement of noise | agreement | "
        "largest logit difference | proof |\n" + "|---" * 11 + "|\n"
    )


if __name__ == "__main__":
    main()
