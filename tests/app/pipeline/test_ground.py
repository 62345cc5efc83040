"""What the model reads before it answers: the prompt of training, within its budget, or nothing is asked."""

import asyncio
from collections.abc import Sequence

import pytest
from transformers import PreTrainedTokenizerBase

from app.access.caller import MeteredAnswer
from app.backends.backend import ChatTurn
from app.backends.local import Generation, LocalBackend
from app.pipeline.consultation import Consultation, Decided, FixedAnswer, consult
from app.pipeline.ground import CUT
from app.pipeline.in_turn import InTurnStage
from app.pipeline.questions import QuestionsStage
from app.service import pipeline
from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import BuiltDataset, build, load
from data_recipes.schema.example import Example
from domains.citations import cited
from domains.domain import find_domain
from domains.grounding import TEMPLATE, GivenEntry, template_sha256, write_block
from domains.knowledge_base import KnowledgeBase
from domains.medical.domain import NOTICES
from models.artifact import NO_ENTRIES, GroundingRecord
from models.conversation import Continuation, Conversation
from models.embedded import train_tokenizer
from models.prompt_format import PromptFormat
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, serving

ENTRIES = GroundingRecord(
    kind="entries", template=TEMPLATE, sha256=template_sha256(TEMPLATE), entries=1, attributes=1, budget=500
)


def decided(
    question: str, knowledge: KnowledgeBase, form: GroundingRecord = ENTRIES, history: Sequence[ChatTurn] = ()
) -> Decided:
    async def run() -> Decided:
        domain = find_domain("medical")
        backend = LocalBackend(FakeEngine(), CONFIG)
        stages = pipeline(backend, domain, domain.triager(knowledge), knowledge, CONFIG, form)
        return await consult(stages, Consultation("r-1", question, history))

    return asyncio.run(run())


def served(rows: Sequence[Example], knowledge: KnowledgeBase, form: GroundingRecord) -> list[Consultation]:
    """What the last stage, the model's, is given for the prompt of each row; one pipeline for all of them."""
    domain, backend = find_domain("medical"), LocalBackend(FakeEngine(), CONFIG)
    *before, in_turn = pipeline(backend, domain, domain.triager(knowledge), knowledge, CONFIG, form)
    assert isinstance(in_turn, InTurnStage)
    [questions] = in_turn.stages
    assert isinstance(questions, QuestionsStage)
    stages = [*before, *questions.reading, *questions.answering[:-1]]

    async def through(row: Example) -> Consultation:
        *history, question = [ChatTurn(turn.role, turn.content) for turn in row.prompt[1:]]
        consultation = Consultation("r-1", question.content, history)
        for stage in stages:
            result = await stage(consultation)
            consultation = result.consultation if isinstance(result, Decided) else result
        return consultation

    async def run() -> list[Consultation]:
        return [await through(row) for row in rows]

    return asyncio.run(run())


def asked(question: str, knowledge: KnowledgeBase, **more: object) -> Conversation:
    """What the model is asked."""
    reply = decided(question, knowledge, **more).reply  # type: ignore[arg-type]
    assert isinstance(reply, MeteredAnswer) and isinstance(reply.reply, Generation)
    assert not isinstance(reply.reply.prompt, Continuation)
    return reply.reply.prompt


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> BuiltDataset:
    """Knowledge tuning whose distractors are all the retriever's, and whose entries lack nothing."""
    out = tmp_path_factory.mktemp("grounded") / "dataset"
    sizes = ("train=150", "dev=10", "heldout_phrasing=120", "unseen_entity=40", "safety=40")
    form = ("source.similar_share=0", "source.withheld_share=0")
    words = ["data=medical_grounded", f"out={out}", *(f"data.splits.{size}" for size in sizes), *form]
    build(read_config("build", words, BuildConfig)[0])
    return load(out)


@pytest.fixture(scope="module")
def tokenizer(dataset: BuiltDataset) -> PreTrainedTokenizerBase:
    return train_tokenizer([turn.content for row in dataset.splits["train"] for turn in row.messages], 900)


@pytest.mark.parametrize("name", ["xinglin", pytest.param("alpaca_zh", marks=pytest.mark.slow)])
def test_a_served_question_has_the_token_ids_of_its_row(
    name: str, dataset: BuiltDataset, tokenizer: PreTrainedTokenizerBase, knowledge: KnowledgeBase
) -> None:
    prompt_format = PromptFormat.named(name, tokenizer)
    form = ENTRIES.model_copy(update={"entries": 3, "attributes": 2, "budget": 10_000})
    rows = [
        row
        for split in ("heldout_phrasing", "unseen_entity", "safety")  # training has no held-out entries to give
        for row in dataset.splits[split]
        if row.kind not in ("reverse", "emergency")  # there, what would answer as well as the right entry is not given
    ]
    equal = 0
    for row, consultation in zip(rows, served(rows, knowledge, form), strict=True):
        prompt = prompt_format.render_prompt(consultation.conversation)
        rendered = prompt_format.render(row.messages)
        if prompt == prompt_format.render_prompt(row.prompt):
            assert prompt == rendered.ids[: len(prompt)] and rendered.mask[len(prompt)] == 1
            equal += 1
        else:  # completed: what the answer rests on is not found, or not recognised as asked for
            block = consultation.conversation[0].content
            found = cited(row.answer) <= cited(block) and all(fact in block.replace("伴", "") for fact in row.facts)
            assert not found, row.id
    assert len(rows) > 150 and equal / len(rows) > 0.9


def test_the_manifest_says_how_entries_were_written(dataset: BuiltDataset) -> None:
    used = dataset.manifest.grounding
    assert used is not None and (used.kind, used.template, used.sha256) == (
        "entries",
        TEMPLATE,
        template_sha256(TEMPLATE),
    )


def test_entries_come_before_the_conversation_and_a_follow_up_keeps_its_entity(knowledge: KnowledgeBase) -> None:
    history = [ChatTurn("user", "高血压有哪些症状？"), ChatTurn("assistant", "头痛。")]
    block, *turns = asked("那平时怎么预防呢？", knowledge, history=history)
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "高血压有哪些症状？"),
        ("assistant", "头痛。"),
        ("user", "那平时怎么预防呢？"),
    ]
    entry = knowledge.by_name("disease", "高血压")
    assert (block.role, block.content) == ("system", write_block([GivenEntry.of(entry, ["预防"])]).text)


def test_a_changed_topic_leaves_the_old_entity(knowledge: KnowledgeBase) -> None:
    history = [ChatTurn("user", "高血压有哪些症状？"), ChatTurn("assistant", "头痛。")]
    text = asked("布洛芬有什么禁忌？", knowledge, history=history)[0].content
    assert "布洛芬" in text and "高血压" not in text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("今天天气怎么样？", NOTICES.not_found),
        ("孕妇能吃螃蟹吗", NOTICES.not_found),
        ("在吗，你好呀", NOTICES.small_talk["greeting"]),
        ("早", NOTICES.small_talk["greeting"]),
        ("早上好，请问在吗", NOTICES.small_talk["greeting"]),
        ("Hello", NOTICES.small_talk["greeting"]),
        ("谢谢", NOTICES.small_talk["thanks"]),
        ("谢谢大夫，讲得很清楚，我会注意的", NOTICES.small_talk["thanks"]),
        ("谢谢医生，再见", NOTICES.small_talk["goodbye"]),
        ("好的，知道了", NOTICES.small_talk["understood"]),
        ("被狗咬了", "请立即用肥皂水和流动清水交替冲洗伤口约十五分钟，并在当天前往狂犬病预防处置门诊。"),
    ],
)
def test_where_nothing_is_found_no_model_is_asked(question: str, answer: str, knowledge: KnowledgeBase) -> None:
    served = decided(question, knowledge)
    assert served.reply == FixedAnswer(answer) and served.consultation.notice == ""
    closed_book = decided(question, knowledge, NO_ENTRIES)
    assert closed_book.reply == FixedAnswer(answer)  # what it says could not be checked


def test_what_is_longer_than_the_budget_is_cut_between_items_and_that_is_said(knowledge: KnowledgeBase) -> None:
    form = ENTRIES.model_copy(update={"entries": 3, "attributes": 6, "budget": 120})
    served = decided("高血压有哪些症状？", knowledge, form)
    text = served.consultation.conversation[0].content
    symptoms = knowledge.by_name("disease", "高血压").attributes["症状"]
    assert len(text) <= 120 and "；以下从略" in text and CUT in served.consultation.notice
    given = text.split("症状：")[1].split("；")[0].split("、")
    assert given == list(symptoms[: len(given)])


def test_without_entries_the_model_sees_the_conversation_alone(knowledge: KnowledgeBase) -> None:
    served = decided("高血压有哪些症状？", knowledge, GroundingRecord())
    assert served.consultation.conversation == [ChatTurn("user", "高血压有哪些症状？")]


def test_an_entry_that_only_the_answer_cites_is_a_source_too(knowledge: KnowledgeBase) -> None:
    form = ENTRIES.model_copy(update={"entries": 3, "attributes": 2, "budget": 10_000})
    question = "高血压有哪些症状？"
    beside = decided(question, knowledge, form).consultation.block
    assert beside is not None
    other = beside.given[1].entry
    label, items = other.opening
    engine = FakeEngine(f"{other.name}是{items[0]}。【{other.id}】")
    with serving(engine, "medical", knowledge, grounding=form) as running, running.client() as client:
        answer = client.post("/v1/qa", json={"question": question}).json()
    assert [citation["id"] for citation in answer["citations"]] == ["D001", other.id], label
    assert answer["answer"] == engine.answer and answer["verification"]["citations_removed"] == 0
