"""Several adapters on one base: weights are there once, each question is answered by its expert, in order."""

from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from data_recipes.schema.example import Message
from models.engines.engine import Choice, Sampling
from models.engines.experts import ExpertsEngine, sharing
from models.engines.local import LocalEngine
from models.loading import load_model, load_tokenizer
from models.prompt_format import PromptFormat
from models.router import Router

ASKED = {"illness": ["头痛怎么办？", "高血压有哪些症状？"], "sums": ["3加5等于几？", "12除以4等于几？"]}
SAMPLING = Sampling(max_new_tokens=6)


def adapted(base: PreTrainedModel, seed: int) -> PeftModel:
    """A base with an adapter of random values."""
    model = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if "lora_" in name:
                values.copy_(0.5 * torch.randn(values.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def make(tiny_base: Path) -> Callable[[PreTrainedModel, int], LocalEngine]:
    prompt_format = PromptFormat.named("xinglin", load_tokenizer(tiny_base))
    return lambda model, seed: LocalEngine(adapted(model, seed), prompt_format, f"expert-{seed}")


@pytest.fixture(scope="module")
def experts(tiny_base: Path, make: Callable[[PreTrainedModel, int], LocalEngine]) -> ExpertsEngine:
    base = load_model(tiny_base, dtype=torch.float32)
    engines = {name: make(sharing(base), seed) for seed, name in enumerate(ASKED)}
    return ExpertsEngine(engines, Router.trained(ASKED), "both")


def prompt(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


def test_the_base_is_in_memory_once(experts: ExpertsEngine) -> None:
    places = [
        {values.data_ptr() for name, values in engine.model.named_parameters() if "lora_" not in name}
        for engine in experts.experts.values()
    ]
    assert places[0] == places[1]


def test_each_question_is_answered_by_its_expert_in_the_order_of_all(
    experts: ExpertsEngine, tiny_base: Path, make: Callable[[PreTrainedModel, int], LocalEngine]
) -> None:
    asked = ["3加5等于几？", "头痛怎么办？", "12加4等于几？", "高血压怎么办？"]
    names = ["sums", "illness", "sums", "illness"]
    assert [experts.expert_for(prompt(text)) for text in asked] == names
    told: dict[int, str] = dict.fromkeys(range(4), "")

    def on_text(number: int, text: str) -> bool:
        told[number] += text
        return True

    found = experts.generate([prompt(text) for text in asked], [SAMPLING] * 4, on_text)
    alone = {name: make(load_model(tiny_base, dtype=torch.float32), seed) for seed, name in enumerate(ASKED)}
    expected = [
        alone[name].generate([prompt(text)], [SAMPLING])[0].text for name, text in zip(names, asked, strict=True)
    ]
    assert [one.text for one in found] == expected == list(told.values())
    other = [alone["illness"].generate([prompt(text)], [SAMPLING])[0].text for text in asked]
    assert other != expected  # the experts do not say the same


def test_scores_and_choices_are_those_of_the_expert(experts: ExpertsEngine) -> None:
    conversations = [
        [*prompt(text), Message(role="assistant", content="8。")] for text in ("头痛怎么办？", "3加5等于几？")
    ]
    found = experts.score(conversations)
    assert [one.logprob for one in found] == pytest.approx(
        [experts.experts[name].score([c])[0].logprob for name, c in zip(ASKED, conversations, strict=True)], abs=1e-4
    )
    ids = experts.encode("3加5等于几？", beginning=True)
    choice = Choice(ids, [experts.encode("8", beginning=False), experts.encode("9", beginning=False)])
    [chosen] = experts.score_choices([choice])
    assert chosen == pytest.approx(experts.experts["sums"].score_choices([choice])[0], abs=1e-4)


def test_what_follows_up_stays_with_the_expert(experts: ExpertsEngine) -> None:
    turns = [*prompt("高血压有哪些症状？"), Message(role="assistant", content="头晕。"), *prompt("3天了？")]
    assert experts.expert_for(turns) == "illness"
