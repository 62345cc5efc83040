"""Builds the embedded base model: a small Chinese LLaMA, tokenizer and weights, from a corpus of plain prose.

It exists so that the whole chain runs on a laptop without a model hub. It is trained on statements (the knowledge
base's, or solved problems and sums); questions and answers come only with tuning. The result is an ordinary Hugging
Face directory, cached under a hash of its inputs.

Measured choices (benchmarks/embedded_base.py): byte-level BPE, Muon (Jordan et al. 2024) on the matrices inside the
blocks and AdamW on everything else, the type that the machine computes in (``models.numerics``).
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from models import muon
from models import token_loss as token_loss_module
from models.built import build_once
from models.config import EmbeddedConfig
from models.muon import Muon
from models.numerics import compute_dtype
from models.threads import THREADS
from models.token_loss import token_loss

SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
LEVEL_1 = (bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))  # of GB 2312
COMMON = [*"？！", *"".join(character.decode("gb2312", "ignore") for character in LEVEL_1)]
COMMON_COUNT = 60  # as if the corpus had each this many more times: enough to become a token


CODE = [__file__, muon.__file__, token_loss_module.__file__]  # everything that determines the model


def build_or_reuse(corpus: Sequence[str], config: EmbeddedConfig) -> Path:
    """Returns the cached model made from exactly this corpus, configuration and code, building it first if needed.

    Args:
        corpus: Paragraphs of plain prose.
        config: Size and training.

    Returns:
        Directory of the model.
    """
    return build_once("embedded", corpus, config, CODE, lambda directory: build(corpus, config, directory))


def build(corpus: Sequence[str], config: EmbeddedConfig, directory: Path) -> None:
    """Trains tokenizer and weights and saves them as an ordinary Hugging Face directory."""
    tokenizer = train_tokenizer(corpus, config.vocab_size)
    torch.manual_seed(config.seed)
    model = LlamaForCausalLM(llama_config(config, tokenizer))
    paragraphs = token_stream(corpus, tokenizer, config.seed)
    pretrain(model, paragraphs, config)
    give_unseen_tokens_embeddings(model, paragraphs, config.seed)
    tokenizer.save_pretrained(directory)
    model.save_pretrained(directory)


RAREST = 100  # of the tokens that the prose has


def give_unseen_tokens_embeddings(model: LlamaForCausalLM, paragraphs: list[list[int]], seed: int) -> None:
    """Gives every token that the prose never contains the mean embedding of the rarest ones and its own direction.

    These are the role tokens and the bytes of characters that only questions use; training does not touch them. The
    mean of the rarest tokens is where training pushes what hardly ever comes next: it keeps the model from saying
    them. Without a direction of its own, no token could be told from another in a prompt, and an adapter, which does
    not change embeddings, could not learn to.
    """
    embeddings = model.get_input_embeddings().weight.data  # [vocab, hidden]
    counts = token_counts(paragraphs, len(embeddings))
    unseen, seen = (counts == 0).nonzero().squeeze(1), counts.nonzero().squeeze(1)
    rarest = seen[counts[seen].argsort(stable=True)[:RAREST]]
    own = torch.randn(len(unseen), embeddings.shape[1], generator=torch.Generator().manual_seed(seed))
    embeddings[unseen] = embeddings[rarest].mean(0) + embeddings[seen].std(0) * own


def token_counts(paragraphs: list[list[int]], vocabulary: int) -> torch.Tensor:
    """How often the paragraphs contain each token, ``[vocab]``."""
    return torch.bincount(torch.tensor([i for ids in paragraphs for i in ids]), minlength=vocabulary)


def train_tokenizer(corpus: Sequence[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """Byte-level BPE over the corpus: no text is unknown to it, and decoding returns the exact text.

    The 3,755 common characters (GB 2312, level 1) become tokens whether or not the corpus has them: users' questions
    have other words than the prose, and tuning learns a word more easily from one token than from three bytes.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            # a name must become the same tokens before 的 in the prose as before anything else in a question
            pre_tokenizers.Split(Regex("[的是]"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([*corpus, *COMMON * COMMON_COUNT], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False
    )


def llama_config(config: EmbeddedConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
    """The model's shape: heads of 32 channels, tied embeddings, an MLP of 8/3 the hidden size in steps of 64."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden_size,
        intermediate_size=config.hidden_size * 8 // 3 // 64 * 64,
        num_hidden_layers=config.layers,
        num_attention_heads=config.hidden_size // 32,
        num_key_value_heads=config.hidden_size // 32,
        max_position_embeddings=config.context_length,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def token_stream(corpus: Sequence[str], tokenizer: PreTrainedTokenizerBase, seed: int) -> list[list[int]]:
    """Paragraphs as ids, each ended by ``</s>``, in a seeded order."""
    paragraphs = list(corpus)
    random.Random(seed).shuffle(paragraphs)
    ids = tokenizer(paragraphs, add_special_tokens=False)["input_ids"]
    return [[*paragraph, tokenizer.eos_token_id] for paragraph in ids]


Optimizers = Callable[[LlamaForCausalLM, EmbeddedConfig], list[torch.optim.Optimizer]]


def muon_and_adamw(model: LlamaForCausalLM, config: EmbeddedConfig) -> list[torch.optim.Optimizer]:
    """Muon (https://kellerjordan.github.io/posts/muon) on the matrices inside the blocks, AdamW on everything else."""
    inside = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    rest = [p for name, p in model.named_parameters() if not (p.ndim == 2 and "layers" in name)]
    return [
        Muon(
            inside,
            lr=config.matrix_learning_rate,
            momentum=0.95,
            weight_decay=config.matrix_decay,
            dtype=compute_dtype().dtype,
        ),
        torch.optim.AdamW(rest, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def adamw_alone(model: LlamaForCausalLM, config: EmbeddedConfig) -> list[torch.optim.Optimizer]:
    """The usual choice, kept for the comparison in benchmarks/embedded_base.py."""
    parameters = list(model.parameters())
    return [torch.optim.AdamW(parameters, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]


def pretrain(
    model: LlamaForCausalLM,
    paragraphs: list[list[int]],
    config: EmbeddedConfig,
    optimizers: Optimizers = muon_and_adamw,
) -> list[float]:
    """Next-token training on the paragraphs, concatenated and reshuffled every epoch.

    The output layer covers only the tokens that occur in the paragraphs: the others are never right.

    Returns:
        The loss of every step, nats per token.
    """
    batches = _batches(paragraphs, config)
    chosen = optimizers(model, config)
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: _schedule(step, config.steps)) for o in chosen]
    losses: list[float] = []
    numerics = compute_dtype()
    seen = token_counts(paragraphs, model.config.vocab_size).nonzero().squeeze(1)
    place = torch.zeros(model.config.vocab_size, dtype=torch.long).scatter(0, seen, torch.arange(len(seen)))
    model.train()
    with tqdm(total=config.steps, desc="base model", unit="step", mininterval=1.0) as progress:
        for _ in range(config.steps):
            THREADS.follow()
            ids = next(batches)
            with numerics.autocast():
                hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state  # [batch, seq, hidden]
            targets = place[ids[:, 1:].flatten()]
            loss = token_loss(hidden[:, :-1].flatten(0, 1).float(), model.lm_head.weight[seen], targets, numerics.dtype)
            loss = loss / len(targets)
            loss.backward()
            for optimizer, schedule in zip(chosen, schedules, strict=True):
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            losses.append(float(loss.detach()))
            progress.set_postfix(loss=f"{sum(losses[-20:]) / len(losses[-20:]):.3f}", refresh=False)
            progress.update()
    return losses


def _batches(paragraphs: list[list[int]], config: EmbeddedConfig) -> Iterator[torch.Tensor]:
    """Endless batches ``[batch_size, sequence_length]``."""
    order = random.Random(config.seed)
    rows: list[list[int]] = []
    stream: list[int] = []
    while True:
        shuffled = list(paragraphs)
        order.shuffle(shuffled)
        for paragraph in shuffled:
            stream += paragraph
            while len(stream) >= config.sequence_length:
                rows.append(stream[: config.sequence_length])
                stream = stream[config.sequence_length :]
            if len(rows) >= config.batch_size:
                yield torch.tensor(rows[: config.batch_size])
                rows = rows[config.batch_size :]


def _schedule(step: int, steps: int) -> float:
    """Short warm-up, constant, then linear to zero over the last 40 %."""
    warm_up = max(1, steps // 50)
    return min((step + 1) / warm_up, 1.0, (steps - step) / math.ceil(0.4 * steps))
