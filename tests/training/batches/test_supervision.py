"""Examples become sequences: every supervised turn ends in a stop token; too long examples are dropped whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.schema.example import Example, Message
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from training.batches.supervision import supervise
from training.stages.sft.config import SftConfig

MakeConfig = Callable[..., SftConfig]


def conversation(name: str, *contents: str) -> Example:
    turns = tuple(Message(role="user" if i % 2 == 0 else "assistant", content=c) for i, c in enumerate(contents))
    return Example(id=name, messages=turns, source="test", group=name, kind="test")


def test_format_that_supervises_one_answer_a_sequence_gives_one_for_each(
    make_config: MakeConfig, tiny_base: Path
) -> None:
    literature = PromptFormat.named("bencao_literature", load_tokenizer(tiny_base))
    examples = [conversation("one", "问", "答"), conversation("two", "问一", "答一", "问二", "答二")]
    both = supervise(examples, literature, make_config("train.max_length=256").train, "train")
    last = supervise(examples, literature, make_config("train.max_length=256", "train.supervise=last").train, "train")
    assert [len(s.rendered) for s in (both, last)] == [3, 2]
    assert [literature.decode(s.answers[0]) for s in both.rendered] == ["答", "答一", "答二"]
    assert [literature.decode(s.answers[0]) for s in last.rendered] == ["答", "答二"]


def test_conversation_with_one_sequence_too_long_is_dropped_whole_and_counted_once(
    make_config: MakeConfig, tiny_base: Path
) -> None:
    literature = PromptFormat.named("bencao_literature", load_tokenizer(tiny_base))
    examples = [conversation("short", "问", "答"), conversation("long", "问一", "答一", "问二" * 200, "答二")]
    config = make_config("train.max_length=256", "train.over_length=drop", "train.max_dropped_share=1").train
    result = supervise(examples, literature, config, "train")
    assert result.dropped == ["long"] and len(result.rendered) == 1


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ m.content }}", "the model's chat template does not continue the prompt with the answer"),
        (
            "{% generation %}{{ m.content + (eos_token if loop.last else '') }}{% endgeneration %}",
            "example two: a supervised turn does not end in a stop token of prompt format 'own'",
        ),
    ],
)
def test_turn_that_teaches_no_stop_is_an_error(
    template: str, problem: str, make_config: MakeConfig, tiny_base: Path
) -> None:
    text = (
        "{#- stop: </s> -#}\n{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}"
        f"{template}{{% endif %}}{{% endfor %}}"
    )
    own = PromptFormat("own", text, ("</s>",), load_tokenizer(tiny_base))
    example = conversation("two", "问一", "答一", "问二", "答二")
    with pytest.raises(UserError, match=problem):
        supervise([example], own, make_config("train.supervise=all").train, "train")
