"""What holds on the small models of the suite, on real weights: ids, answers, reading, follow-ups, the chain.

Minutes on a CPU; never part of CI.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from app.config import ServeConfig
from app.served import UNTRAINED, within_context
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Message
from domains.citations import cited
from domains.domain import find_domain
from domains.knowledge_base import Entry, KnowledgeBase
from eval.judges.fact_recall.judge import fact_recall
from models.artifact import NO_ENTRIES
from models.engines.engine import Sampling
from models.engines.llamacpp import LlamaCppEngine, load_llamacpp_engine
from models.engines.local import load_engine
from models.loading import load_config, load_tokenizer
from models.loops import find_loop
from tests import commands
from tests.app.serving import Running, serving
from tests.models.asking import QUESTIONS, ask
from tests.models.llamacpp_socket import tokenize

pytestmark = [pytest.mark.real, pytest.mark.timeout(7200)]

ASKED = {"disease": ("症状", "检查", "并发症"), "drug": ("不良反应", "禁忌")}
CONFIGURATIONS = {"qwen2": "qwen", "qwen3": "qwen", "llama": "llama"}
SERVE = ServeConfig(max_batch=4, queue_limit=16, max_new_tokens=96, content_producer="测试机构")


@pytest.fixture(scope="module")
def engine(model: Path) -> LlamaCppEngine:
    return load_llamacpp_engine(model, weights="q8_0", slots=4)


@pytest.fixture(scope="module")
def asked(kb: KnowledgeBase) -> list[tuple[str, Entry, str]]:
    """Questions with the entry and the attribute that they are about."""
    rng = Random("real")
    drawn = [
        (entry, attribute)
        for type_, names in ASKED.items()
        for entry in rng.sample(kb.of_type(type_), 6)
        for attribute in [rng.choice(names)]
    ]
    return [(f"{entry.name}的{attribute}有哪些？", entry, attribute) for entry, attribute in drawn]


@pytest.fixture(scope="module")
def reading(engine: LlamaCppEngine, kb: KnowledgeBase) -> Iterator[Running]:
    """A service whose untuned model reads entries with a plain instruction."""
    form = within_context(UNTRAINED, engine.context_length)
    with serving(engine, "medical", kb, SERVE, form) as running:
        yield running


def answer(running: Running, question: str, **more: object) -> str:
    with running.client() as client:
        client.timeout = 600
        reply = client.post("/v1/qa", json={"question": question, **more})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["answer"])


def test_texts_get_the_ids_of_llama_cpp(model: Path, engine: LlamaCppEngine, medical: BuiltDataset) -> None:
    texts = [example.messages[-2].content for rows in medical.splits.values() for example in rows][:3000]
    assert len(texts) > 300
    ids = load_tokenizer(model)(texts, add_special_tokens=False)["input_ids"]
    assert tokenize(engine, texts) == [list(row) for row in ids]


def test_greedy_answers_are_those_of_llama_cpp_in_float32(model: Path) -> None:
    conversations, sampling = [ask(question) for question in QUESTIONS], [Sampling(max_new_tokens=24)] * len(QUESTIONS)
    ours = load_engine(model).generate(conversations, sampling)
    assert ours == load_llamacpp_engine(model, weights="f32", slots=2).generate(conversations, sampling)


def varied() -> list[str]:
    """Texts of many kinds, all of composed characters: words, code, emoji, spaces, rare characters."""
    rng = Random("varied")
    code = [line for file in sorted(Path("models").rglob("*.py")) for line in file.read_text("utf-8").splitlines()]
    prose = [*find_domain("medical").prose()[:1000], *Path("docs/families.md").read_text("utf-8").split("\n")]
    odd = "😀🩺👨‍👩‍👧🇨🇳𠮷ß½²Ⅲ①㊙ﬁ　 \t\n\r\u00a0\u200b的是了血压糖ab12.,!?'“”—…éüñЖשلあカ가ไ९٣K"
    mixed = ["".join(rng.choice(odd) for _ in range(rng.randint(1, 40))) for _ in range(1000)]
    han = ["".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(rng.randint(1, 30))) for _ in range(300)]
    spaces = [f"a{' ' * n}b{chr(10) * (n % 7)}" for n in range(100)]
    return [text for text in [*rng.sample(code, 1000), *prose, *mixed, *han, *spaces] if text]


def test_a_gguf_is_read_as_llama_cpp_reads_it(given: Path, model: Path) -> None:
    if given.is_dir():
        pytest.skip("a directory was given, and no GGUF file")
    ours = load_engine(model)
    theirs = LlamaCppEngine(given, ours.prompt_format, "given", load_config(model), slots=1)
    texts = varied()
    assert len(texts) >= 3000
    ids = load_tokenizer(model)(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokenize(theirs, texts) == [list(row) for row in ids]
    conversation = [*ask(QUESTIONS[0]), Message(role="assistant", content="头痛、头晕。")]
    [exact], [score] = ours.score([conversation]), theirs.score([conversation])
    assert score.logprob == pytest.approx(exact.logprob, rel=0.1)  # llama.cpp rounds activations where weights are


def test_an_untuned_model_answers_from_the_entries_that_it_reads(
    engine: LlamaCppEngine, kb: KnowledgeBase, asked: list[tuple[str, Entry, str]]
) -> None:
    facts = [list(entry.attributes[attribute]) for _, entry, attribute in asked]
    said = []
    for form in (within_context(UNTRAINED, engine.context_length), NO_ENTRIES):
        with serving(engine, "medical", kb, SERVE, form, "off") as running:
            said.append([answer(running, question) for question, _, _ in asked])
    shares = [sum(map(fact_recall, texts, facts)) / len(facts) for texts in said]
    print(f"fact recall with entries {shares[0]:.0%}, without {shares[1]:.0%}")
    assert shares[0] > shares[1] + 0.15


def test_answers_cite_nothing_that_was_not_given_and_do_not_loop(
    reading: Running, kb: KnowledgeBase, asked: list[tuple[str, Entry, str]]
) -> None:
    answers = [answer(reading, question) for question, _, _ in asked[:6]]
    assert all(id in kb.by_id for text in answers for id in cited(text))
    assert sum(find_loop(text) is not None for text in answers) <= 1


def test_a_second_question_is_answered_from_the_entry_of_the_first(
    reading: Running, asked: list[tuple[str, Entry, str]]
) -> None:
    question, entry, attribute = asked[0]
    history = [
        {"role": "user", "content": f"{entry.name}是什么病？"},
        {"role": "assistant", "content": entry.definition},
    ]
    said = answer(reading, f"那它的{attribute}呢？", history=history)
    assert fact_recall(said, list(entry.attributes[attribute])) > 0, (question, said)


def test_the_chain_tunes_proves_and_reports(given: Path, model: Path, tmp_path: Path) -> None:
    kind = json.loads((model / "config.json").read_text("utf-8"))["model_type"]
    sizes = {"train": 48, "dev": 8, "heldout_phrasing": 12, "unseen_entity": 12, "safety": 8}
    words = [f"data.splits.{split}={size}" for split, size in sizes.items()]
    words += [
        "recipe=medical_grounded",
        f"model={CONFIGURATIONS[kind]}",
        f"model.path={given}",
        "method.rank=16",
        "method.alpha=32",
    ]
    words += ["train.epochs=1", "train.batch_size=2", "train.learning_rate=3e-4", "merge.tokens=200"]
    command = commands.Command(str(commands.PROJECT / "training/run.py"), *words, cwd=tmp_path)
    printed, logged = command.wait(7000)
    assert command.returncode == 0, logged[-3000:]
    [place] = re.findall(r"report : (\S+)/index.html", printed)
    report = json.loads((tmp_path / place / "report.json").read_text("utf-8"))
    base, tuned = (report["systems"][system]["unseen_entity"] for system in ("base", "tuned"))
    assert tuned["loss_per_token"]["value"] < base["loss_per_token"]["value"]
    assert tuned["rouge_l_zh"]["value"] > base["rouge_l_zh"]["value"]
