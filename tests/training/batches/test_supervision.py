"""Examples become sequences: every supervised turn ends in a stop token; too long examples are dropped whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.schema.example import Example, Message
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from tests.training.conftest import logged
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


def test_special_tokens_in_texts_are_told(make_config: MakeConfig, tiny_base: Path) -> None:
    xinglin = PromptFormat.named("xinglin", load_tokenizer(tiny_base))
    token = xinglin.stop[0]
    with logged() as lines:
        supervise(
            [conversation("a", "问", "答"), conversation("b", f"问{token}", "答")],
            xinglin,
            make_config().train,
            "train",
        )
    assert [line for line in lines if "special token" in line and token in line and "example b" in line]


def test_conversation_with_one_sequence_too_long_is_dropped_whole_and_counted_once(
    make_config: MakeConfig, tiny_base: Path
) -> None:
    literature = PromptFormat.named("bencao_literature", load_tokenizer(tiny_base))
    examples = [conversation("short", "问", "答"), conversation("long", "问一", "答一", "问二" * 200, "答二")]
    config = make_config("train.max_length=256", "train.over_length=drop", "train.max_dropped_share=1").train
    result = supervise(examples, literature, config, "train")
    assert result.dropped == ["long"] and len(result.rendered) == 1


def test_a_long_conversation_is_trained_answer_by_answer_with_the_context_that_fits(
    make_config: MakeConfig, tiny_base: Path
) -> None:
    xinglin = PromptFormat.named("xinglin", load_tokenizer(tiny_base))
    said = [f"第{n}{part}说了一句不长的话" for n in range(6) for part in ("问", "答")]
    longest = len(xinglin.render_all(conversation("three", *said[:6]).messages)[0].ids) + 2
    examples = [
        conversation("talk", *said),
        conversation("one is too long", "问", "答", "问" * 400, "答", "再问", "又答"),
        conversation("alone", "问", "答" * 400),
        conversation("entries", *said).model_copy(update={"grounding": ("D001",)}),
    ]
    words = (f"train.max_length={longest}", "train.over_length=truncate_context", "train.max_dropped_share=1")
    with logged() as lines:
        result = supervise(examples, xinglin, make_config(*words).train, "train")
    assert any("do not fit with their question alone, and are dropped: 1" in line for line in lines)
    answers = [[xinglin.decode(answer) for answer in sequence.answers] for sequence in result.rendered]
    assert answers == [said[1:6:2], said[7:8], said[9:10], said[11:12], ["答"], ["又答"]]
    assert all(len(sequence.ids) <= longest for sequence in result.rendered)
    assert said[2] in xinglin.decode(result.rendered[1].ids) and said[0] not in xinglin.decode(result.rendered[1].ids)
    assert result.dropped == ["alone", "entries"] and result.shortened == ["talk", "one is too long"]
    assert result.record.shortened == 2 and "shortened: 2" in str(result.record)
    last = supervise(examples[:1], xinglin, make_config(*words, "train.supervise=last").train, "train")
    assert [xinglin.decode(answer) for sequence in last.rendered for answer in sequence.answers] == said[11:]


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
