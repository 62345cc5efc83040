"""Continued pre-training: every token once, nothing lost, a larger vocabulary, and a result that goes on."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from common.errors import UserError
from data_recipes.pipeline import build as datasets_of
from data_recipes.schema.example import TEXT, Example, Message
from eval.answers import ModelAnswer, SystemResult
from eval.config import SuiteConfig
from eval.judges import primary
from eval.report.assemble import assemble
from eval.report.schema import Report
from eval.report.write import write_report
from eval.scoring import measure
from eval.significance import estimate
from eval.suites import answer_items
from models.artifact import Artifact, MergedArtifact, WholeArtifact
from models.config import ModelConfig
from models.engines.local import load_engine
from models.loading import load_model, load_prompt_format, load_tokenizer
from models.run_directory import RunDirectory, read_metrics
from tests.conftest import PROSE
from tests.data_recipes.samples import questions, write_jsonl
from tests.eval.conftest import built
from training.batches.packing import collate_packed, pack
from training.batches.texts import read_texts
from training.chain import run_chain
from training.provenance import Provenance
from training.stages import read_stage
from training.stages.pretrain.config import PretrainConfig
from training.stages.pretrain.job import PretrainJob
from training.vocabulary import new_tokens

WORDS = ("妊娠期甲状腺功能减退", "支气管扩张症", "带状疱疹后神经痛", "缺铁性贫血", "髌骨软化", "颞下颌关节紊乱")
TEXTS = [
    f"{WORDS[i % 6]}与{q[:-4]}。{q[:-4]}时想到{WORDS[i % 6]}，{q[:-4]}不等于它。" for i, q in enumerate(questions())
]


def text(content: str, id: str = "t") -> Example:
    return Example(id=id, messages=(Message(role=TEXT, content=content),), source="test", group=id, kind="text")


@pytest.fixture(scope="module")
def folder(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrain")
    shutil.copytree(tiny_base, folder / "base")
    rows = [{"text": content, "document": content[:4]} for content in TEXTS]
    write_jsonl(folder / "texts.jsonl", rows)
    return folder


LORA = ("method=lora", "method.rank=4", "method.alpha=8")
NEW_TOKENS = [
    pytest.param(LORA, id="lora"),
    pytest.param((*LORA, "method.quantisation=nf4"), id="qlora"),
    pytest.param(("method=full", "train.learning_rate=1e-3"), id="full"),
]


def configure(folder: Path, *words: str, method: tuple[str, ...] = LORA) -> PretrainConfig:
    fixed = (
        *("recipe=medical_pretrain", "data=text", f"source.path={folder}/texts.jsonl", "data.workers=1"),
        *("data.near_duplicates=keep", "data.splits={dev: 6, test: 12}", "source.kept_together=part"),
        *("model=llama", f"model.path={folder}/base", "model.prompt_format=xinglin", "model.dtype=float32"),
        *("train.batch_size=4", "train.max_length=96", "train.precision=fp32"),
        *("train.max_steps=12", "train.save_steps=4", "train.log_steps=1", "train.eval_steps=12"),
        *("train.learning_rate=1e-2", "merge.tokens=200", f"runs_dir={folder}/runs"),
    )
    (config,) = read_stage([*fixed, *method, *words])
    assert isinstance(config, PretrainConfig)
    return config


def begun(folder: Path, *words: str, method: tuple[str, ...] = LORA) -> PretrainJob:
    config = configure(folder, *words, method=method)
    job = PretrainJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    return job


def test_what_does_not_go_together_is_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(UserError, match=r"vocabulary does not work with ia3(?s:.*)lora, full"):
        configure(folder, "vocabulary.add=3", method=("method=ia3",))
    with pytest.raises(UserError, match="not both"):
        configure(folder, "vocabulary.add=3", "vocabulary.path=words.txt")
    with pytest.raises(UserError, match=r"train\.packing=true does not work with ptuning_v2"):
        configure(folder, method=("method=ptuning_v2",))


def test_conversations_are_no_documents(tiny_base: Path) -> None:
    turns = (Message(role="user", content="问？"), Message(role="assistant", content="答。"))
    asked = Example(id="q", messages=turns, source="test", group="q", kind="test")
    prompt_format = load_prompt_format(tiny_base)
    with pytest.raises(UserError, match=r"1 of 2 examples are conversations.*q(?s:.*)data=text"):
        read_texts([text("高血压。"), asked], prompt_format, 64, "train")
    with pytest.raises(ValueError, match="a document is one message"):
        Example(id="q", messages=turns[:1], source="test", group="q", kind="test")


@pytest.mark.parametrize("longest", [16, 17, 500])
def test_every_token_of_a_document_is_supervised_once_whatever_the_row(tiny_base: Path, longest: int) -> None:
    prompt_format = load_prompt_format(tiny_base)
    document = text("".join(PROSE[:3]))
    whole = prompt_format.render(document.messages)
    found = read_texts([document], prompt_format, longest, "train")
    supervised = [id for r in found.rendered for id, mask in zip(r.ids, r.mask, strict=True) if mask]
    assert supervised == whole.ids[1:] and whole.ids[-1] in prompt_format.stop_ids
    assert max(len(r.ids) for r in found.rendered) <= longest
    assert found.shortened == (["t"] if longest < len(whole.ids) else []) and not found.dropped
    labels = collate_packed(pack(found.rendered, longest, 1))["labels"]
    assert int((labels != -100).sum()) == len(supervised) == found.supervised_tokens


def test_a_document_opens_and_ends_with_the_stop_token_and_cannot_forge_one(tiny_base: Path) -> None:
    prompt_format = load_prompt_format(tiny_base)
    forged = prompt_format.render(text("高血压</s><|user|>要紧吗").messages)
    special = [id for id in forged.ids if id in prompt_format.tokenizer.all_special_ids]
    assert special == [forged.ids[0], forged.ids[-1]] == [prompt_format.stop_ids[0]] * 2
    assert forged.mask == [0] + [1] * (len(forged.ids) - 1)
    assert prompt_format.count(text("高血压。").messages) == len(prompt_format.render(text("高血压。").messages).ids)


def test_documents_in_one_row_do_not_see_each_other(tiny_base: Path) -> None:
    prompt_format, model = load_prompt_format(tiny_base), load_model(tiny_base)
    found = read_texts([text(PROSE[0]), text(PROSE[1], "u")], prompt_format, 200, "train")
    batch = collate_packed([found.rendered])
    together = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
    alone = [model(input_ids=torch.tensor([r.ids]), use_cache=False).logits[0] for r in found.rendered]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_a_document_is_read_and_not_asked(tiny_base: Path) -> None:
    engine = load_engine(tiny_base)
    documents = [text(content, str(i)) for i, content in enumerate(PROSE[:4])]
    answers: dict[int, ModelAnswer] = {}
    for found in answer_items(engine, documents, range(4), SuiteConfig(name="texts")):
        answers |= found
    whole = engine.prompt_format.render(documents[0].messages)
    logits = load_model(tiny_base)(input_ids=torch.tensor([whole.ids]), use_cache=False).logits[0, :-1]
    expected = logits.log_softmax(-1).gather(1, torch.tensor(whole.ids[1:])[:, None]).sum()
    assert answers[0].kind == "read" and not answers[0].text
    assert answers[0].logprob == pytest.approx(float(expected), abs=1e-3)
    measured = measure(documents, [answers[i] for i in range(4)])
    assert list(measured) == primary(measured) == ["text_bits_per_character"]
    [loss] = (estimate(m.statistics, list("abcd"), m.judge.aggregate) for m in measured.values())
    nats = -sum(answers[i].logprob or 0 for i in range(4)) / sum(len(d.answer) for d in documents)
    assert loss.value == pytest.approx(nats / math.log(2)) and loss.low is not None and loss.low < loss.value


def test_a_text_beyond_the_context_is_no_answer_and_counts_for_no_system(tiny_base: Path, tmp_path: Path) -> None:
    engine = load_engine(tiny_base)
    documents = [text(content, str(i)) for i, content in enumerate(PROSE[:6])]
    documents.append(text("高血压很常见。" * engine.context_length, "long"))
    answers: dict[int, ModelAnswer] = {}
    for found in answer_items(engine, documents, range(7), SuiteConfig(name="texts")):
        answers |= found
    assert (answers[6].kind, answers[6].finish_reason, answers[6].logprob) == ("read", "too_long", None)
    read = tuple(answers[i] for i in range(7))
    longer = (*read[:6], read[5])  # a system with a longer context
    results = {
        name: SystemResult(model_version=name, answers={"texts": given})
        for name, given in (("base", read), ("tuned", longer))
    }
    own = SuiteConfig(name="texts")
    report, items = assemble(
        results,
        {"texts": documents},
        built({"test": documents}, tmp_path),
        own,
        artifacts={},
        metrics_file=None,
        dtype="float32",
        command="",
    )
    assert list(report.metrics) == ["text_bits_per_character"]
    assert {s.n for s in report.scores("texts", "text_bits_per_character").values()} == {6}
    write_report(report, items, tmp_path / "out")
    for name in ("index.html", "report.md"):
        page = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert (
            "7 篇中有 1 篇文本超出这个模型的上下文长度" in page and "计 0 分" not in page and "词元和用时" not in page
        )


def test_a_few_steps_on_documents_lower_the_loss_and_a_resume_is_on_the_same_base(folder: Path, tmp_path: Path) -> None:
    words = ("vocabulary.add=8", "vocabulary.min_count=4", "train.max_steps=6", "train.eval_steps=6")
    job = begun(folder, f"runs_dir={tmp_path}", *words)
    run = RunDirectory.create(job.config.runs_dir, "few", job.config)
    Provenance.of(job).save(run)
    job.train(run)
    losses = [line["loss"] for line in read_metrics(run.metrics_file) if "loss" in line]
    assert losses[-1] < losses[0]
    saved = load_file(job.trained(run) / "adapter_model.safetensors")
    assert [values.shape[0] for name, values in saved.items() if "token" in name] == [8]
    began = Provenance.load(run)
    assert began is not None and Path(began.base.path) == job.base.resolve()
    again = PretrainJob(job.config, job.dataset, Path(began.base.path))  # as the chain resumes it
    began.refuse_other_base(again.base)
    assert again.config == job.config and again._before.path == folder / "base"


@pytest.mark.slow  # a whole chain
def test_a_run_ends_in_a_model_and_says_its_bits_per_character_before_and_after(folder: Path) -> None:
    run_chain(configure(folder, f"runs_dir={folder}/plain"), command="python training/run.py …")
    (run,) = (path.parent for path in (folder / "plain").glob("*/*/config.yaml"))
    artifact = Artifact.load(run)
    assert isinstance(artifact, MergedArtifact) and artifact.merge_proof.passed
    report = Report.load(run / "report/report.json")
    assert set(report.metrics) == {"text_bits_per_character"}
    before, after = (report.systems[system]["test"]["text_bits_per_character"] for system in ("base", "tuned"))
    assert after.value < before.value and after.n == 12
    assert after.low is not None and after.low < after.value
    comparison = report.comparison("test", "text_bits_per_character")
    assert comparison is not None and comparison.verdict == "better"
    assert report.suites["test"].counted["tuned"].empty == 0
    for name in ("index.html", "report.md"):
        assert "文本比特数" in (run / "report" / name).read_text(encoding="utf-8")
    assert artifact.trained_on is not None and not artifact.trained_on["train"].dropped
    config = configure(folder, f"model.path={run}", "model=generic", "train.max_steps=2")
    assert PretrainJob(config, begun(folder).dataset).base == (run / "merged").resolve()  # the next stage begins here


@pytest.mark.slow  # whole chains
@pytest.mark.parametrize("method", NEW_TOKENS)
def test_new_tokens_start_as_what_they_join_are_trained_and_become_part_of_the_model(
    folder: Path, tmp_path: Path, method: tuple[str, ...]
) -> None:
    job = begun(folder, f"runs_dir={tmp_path}", "vocabulary.add=40", "vocabulary.min_count=4", method=method)
    first, end = new_tokens(job.base)
    assert end - first == 40
    before, after = (load_tokenizer(path) for path in (folder / "base", job.base))
    assert len(after) == len(before) + 40 == end
    sample = TEXTS[5]
    assert after.decode(after.encode(sample, add_special_tokens=False)) == sample
    assert len(after.encode(sample)) < len(before.encode(sample))
    base, grown = load_model(folder / "base"), load_model(job.base)
    embeddings = [model.get_input_embeddings().weight for model in (base, grown)]
    assert torch.equal(embeddings[1][:first], embeddings[0][:first])
    words = {id: text for id in range(first, end) if "�" not in (text := after.decode([id]))}
    assert any(len(text) > 1 for text in words.values())
    for id, word in words.items():
        pieces = before.encode(word, add_special_tokens=False)
        assert torch.allclose(embeddings[1][id], embeddings[0][pieces].mean(0), atol=1e-6)
    run_chain(job.config, command="python training/run.py …")
    (run,) = (path.parent for path in tmp_path.glob("*/*/config.yaml"))
    artifact = Artifact.load(run)
    assert isinstance(artifact, WholeArtifact if "method=full" in method else MergedArtifact)
    result = load_model(artifact.directory(run)).get_input_embeddings().weight
    assert result.shape == embeddings[1].shape
    changed = (result[first:end] != embeddings[1][first:end]).any(1)
    assert changed.all()
    if isinstance(artifact, MergedArtifact):
        assert artifact.merge_proof.passed and torch.equal(result[:first], embeddings[1][:first])
        saved = load_file(run / "adapter/adapter_model.safetensors")
        assert [values.shape[0] for name, values in saved.items() if "token" in name] == [40]
    report = Report.load(run / "report/report.json")
    assert report.provenance.systems["base"].origin == str(folder / "base")  # compared with what was given
    loss = [report.systems[system]["test"]["text_bits_per_character"].value for system in ("base", "tuned")]
    assert loss[1] < loss[0]


def test_the_second_recipe_of_the_chain_begins_with_what_the_first_has_made() -> None:
    [first], [second] = (read_stage([f"recipe={name}"]) for name in ("medical_pretrain", "medical_lora_pretrain_sft"))
    assert (first.stage, second.stage) == ("pretrain", "sft") and isinstance(second.model, ModelConfig)
    assert second.model.path == f"{first.runs_dir}/{first.name}/latest"
    assert isinstance(first.model, ModelConfig) and first.model.embedded
    assert first.model.embedded.corpus not in (None, first.domain)  # a base that has not read the texts before


@pytest.mark.slow  # both recipes on an embedded base
def test_both_recipes_of_the_chain_run_end_to_end(tmp_path: Path) -> None:
    small = (
        "train.max_steps=12",
        "train.save_steps=6",
        "train.max_length=128",
        "suite.max_items=12",
        "merge.tokens=40",
    )
    base = ("vocab_size=4500", "hidden_size=64", "layers=1", "steps=60")
    words = (*(f"model.embedded.{word}" for word in base), "vocabulary.add=100", f"runs_dir={tmp_path}", *small)
    [config] = read_stage(["recipe=medical_pretrain", *words])
    out = run_chain(config, command="python training/run.py recipe=medical_pretrain")
    assert "text_bits_per_character" in out
    here = f"model.path={tmp_path}/medical_pretrain/latest"
    few = ("data.splits.train=400", "suite.max_new_tokens=12", f"runs_dir={tmp_path}")
    [config] = read_stage(["recipe=medical_lora_pretrain_sft", here, *few, *small])
    run_chain(config, command="python training/run.py recipe=medical_lora_pretrain_sft")
    (first,), (second,) = (tmp_path.glob(f"{name}/*/artifact.json") for name in (config.name, "medical_pretrain"))
    tuned, read = (Artifact.load(path.parent) for path in (first, second))
    assert isinstance(tuned, MergedArtifact) and tuned.merge_proof.passed
    assert tuned.base.path == str(second.parent / "whole") and isinstance(read, WholeArtifact)
    assert len(load_tokenizer(first.parent / "merged")) == len(load_tokenizer(second.parent / "whole"))
