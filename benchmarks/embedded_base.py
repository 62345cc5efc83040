"""What the choices in the embedded base model do: variants trained on the same number of tokens, one after another.

    python benchmarks/embedded_base.py                  all variants, writes benchmarks/embedded_base.md
    python benchmarks/embedded_base.py tokens=100000    a quick look

Recall: the model is given the beginning of a statement of the knowledge base ("高血压的常见症状有") and continues it
greedily; the share of the entry's items that occur in the continuation, over 150 statements. Sharpness: the greatest
attention weight of a position in the last layer, mean over positions and heads; at 1, every position looks at one other
alone, and no gradient reaches a prefix or an adapter through the attention. No test split is used.
"""

import random
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from common.files import write_text
from common.machine import processor
from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.phrasings import WORDINGS
from domains.prose import corpus
from models.config import EmbeddedConfig
from models.embedded import (
    Optimizers,
    adamw_alone,
    llama_config,
    muon_and_adamw,
    pretrain,
    token_stream,
    train_tokenizer,
)
from models.numerics import instruction_set

TOKENS = EmbeddedConfig().steps * EmbeddedConfig().batch_size * EmbeddedConfig().sequence_length
VARIANTS: dict[str, tuple[dict[str, float], Optimizers]] = {
    "default": ({}, muon_and_adamw),
    "no weight decay": ({"matrix_decay": 0.0}, muon_and_adamw),
    "AdamW alone, 0.004": ({"learning_rate": 0.004}, adamw_alone),
    "batch of 4": ({"batch_size": 4}, muon_and_adamw),
    "2 layers": ({"layers": 2}, muon_and_adamw),
    "4 layers": ({"layers": 4}, muon_and_adamw),
}


def main(tokens: int) -> None:
    """Measures all variants and writes the page.

    Args:
        tokens: That each is trained on; by default as many as the real base model.
    """
    kb = KNOWLEDGE.load()
    rows = []
    for name, (change, optimizers) in VARIANTS.items():
        sized = EmbeddedConfig.model_validate(change)
        config = sized.model_copy(update={"steps": tokens // (sized.batch_size * sized.sequence_length)})
        rows.append(f"| {name} | {' | '.join(measure(kb, config, optimizers))} |")
        print(rows[-1], flush=True)
    table = (
        "| variant | parameters | loss per token | recall | sharpness | CPU seconds | tokens per CPU second |\n"
        + "|---" * 7
        + "|\n"
    )
    about = (
        f"Made by `python benchmarks/embedded_base.py tokens={tokens}`: {tokens:,} tokens each, loss in nats, "
        f"torch {version('torch')}, transformers {version('transformers')}, {torch.get_num_threads()} threads, "
        f"{processor()}, {instruction_set()}. One run each, one seed. CPU seconds are the process's own; the machine "
        "was shared.\n\n"
    )
    write_text(
        Path(__file__).with_suffix(".md"), f"# The embedded base model\n\n{about}{table}" + "\n".join(rows) + "\n"
    )


def measure(kb: KnowledgeBase, config: EmbeddedConfig, optimizers: Optimizers) -> list[str]:
    """Trains one variant and returns its row of the table."""
    prose = corpus(kb, KNOWLEDGE)
    tokenizer = train_tokenizer(prose, config.vocab_size)
    paragraphs = token_stream(prose, tokenizer, config.seed)
    torch.manual_seed(config.seed)
    model = LlamaForCausalLM(llama_config(config, tokenizer))
    started = time.process_time()
    losses = pretrain(model, paragraphs, config, optimizers)
    seconds = time.process_time() - started
    last = losses[-max(1, len(losses) // 30) :]
    return [
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M",
        f"{sum(last) / len(last):.3f}",
        f"{recall(model, tokenizer, kb):.3f}",
        f"{sharpness(model, paragraphs):.3f}",
        f"{seconds:.0f}",
        f"{config.steps * config.batch_size * config.sequence_length / seconds:,.0f}",
    ]


def recall(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, kb: KnowledgeBase) -> float:
    """Share of an entry's items that the model itself adds to the beginning of a statement."""
    facts = [(entry, attribute) for entry in kb.entries for attribute, items in entry.attributes.items() if items]
    asked = random.Random(5).sample(facts, 150)
    beginnings = [WORDINGS[e.type][a].answer.split("{items}")[0].format(name=e.name) for e, a in asked]
    tokenizer.padding_side = "left"
    batch = tokenizer(
        beginnings, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False
    )
    model.eval()
    ids = model.generate(**batch, max_new_tokens=50, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    texts = tokenizer.batch_decode(ids[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    shares = []
    for (entry, attribute), text in zip(asked, texts, strict=True):
        items = entry.attributes[attribute]
        shares.append(sum(item in text.split("。")[0] for item in items) / len(items))
    return sum(shares) / len(shares)


@torch.no_grad()
def sharpness(model: LlamaForCausalLM, paragraphs: list[list[int]]) -> float:
    """Greatest attention weight of a position in the last layer, mean over positions and heads of 64 tokens."""
    model.set_attn_implementation("eager")  # the only one that returns its weights
    ids = torch.tensor([[token for paragraph in paragraphs[:20] for token in paragraph][:64]])
    last = model(input_ids=ids, output_attentions=True).attentions[-1]  # [1, heads, seq, seq]
    return float(last[:, :, 8:].amax(-1).mean())  # the first positions have little choice


if __name__ == "__main__":
    main(int(dict(word.split("=") for word in sys.argv[1:]).get("tokens", TOKENS)))
