"""Hashes over whole columns agree with a plain comparison of each text."""

from random import Random

import numpy as np
import pyarrow as pa

from data_recipes.dataset.digest import digest
from data_recipes.leakage import hashes
from data_recipes.leakage.normalise import normalise_with_signs, question
from data_recipes.schema.arrow import to_examples, to_table
from data_recipes.schema.example import GIVEN, Example, Message, Passage
from domains.grounding import PROMPTS, write_block
from tests.data_recipes.samples import shared_runs

RNG = Random(0)
ODD = "ＡＢｃ １２３！？😀\n\t㎎①é𠮷İß。，高血压"


def example(number: int) -> Example:
    def text(most: int) -> str:
        return "".join(RNG.choice(ODD + "".join(map(chr, range(0x4E00, 0x4E40)))) for _ in range(RNG.randint(1, most)))

    turns = [Message(role="system", content=text(9))] if number % 3 == 0 else []
    for _ in range(RNG.randint(1, 3)):
        turns += [Message(role="user", content=text(40)), Message(role="assistant", content=text(40))]
    passage = Passage(context=text(30), question="q", spans=((0, 1), (2, 3))) if number % 4 == 0 else None
    more = {"references": (text(5),) * (number % 3), "rejected": text(9) if number % 5 == 0 else ""}
    return Example(id=f"e-{number}", messages=tuple(turns), source="s", group="g", kind="k", passage=passage, **more)


EXAMPLES = [example(number) for number in range(300)]
TABLE = to_table(EXAMPLES)


def test_examples_come_back_from_a_table_as_they_were() -> None:
    assert to_examples(TABLE) == EXAMPLES


def test_questions_are_normalised_as_one_by_one() -> None:
    asked = hashes.questions(TABLE)
    texts = ["".join(map(chr, part)) for part in np.split(asked.characters, asked.ends[:-1])]
    assert texts == [question(e) for e in EXAMPLES]


def test_signs_are_kept_as_one_by_one() -> None:
    texts = ["".join(RNG.choices("３3a A中+-*×/.,:、()=！²#{} \n~", k=RNG.randint(1, 12))) for _ in range(3000)]
    found = hashes.signed_codes(pa.array([*texts, "？", "👍", ""]))
    columns = ["".join(map(chr, part)) for part in np.split(found.characters, found.ends[:-1])]
    assert columns == [*map(normalise_with_signs, texts), "?", "👍", ""]


def test_equal_questions_and_only_they_have_equal_hashes() -> None:
    twice = to_table(EXAMPLES + [e.model_copy(update={"id": f"{e.id} again"}) for e in reversed(EXAMPLES)])
    found = hashes.question_hashes(twice).tolist()
    texts = [
        (
            "".join(normalise_with_signs(m.content) for m in e.messages if m.role == "user"),
            *(normalise_with_signs(m.content) for m in e.prompt if m.role == "assistant" and len(m.content) >= 13),
        )
        for e in to_examples(twice)
    ]
    assert len(set(found)) == len(set(texts)) == len(set(zip(found, texts, strict=True)))


def test_every_run_of_thirteen_characters_has_a_hash_of_its_own() -> None:
    found = hashes.run_hashes(hashes.questions(TABLE))
    per_row = {row: set(found.hashes[found.rows == row].tolist()) for row in range(len(EXAMPLES))}
    wanted = [shared_runs(question(e)) for e in EXAMPLES]
    assert [len(per_row[row]) for row in per_row] == [len(texts) for texts in wanted]
    assert len(set(found.hashes.tolist())) == len(set().union(*wanted))


def test_a_chinese_sentence_among_formulas_is_compared_as_chinese() -> None:
    formula = r"\frac{a^{2}+b^{2}}{2ab}\geqslant\sqrt{x_{1}x_{2}}"
    texts = [f"下面四个算式中，结果一定大于一的是哪一个？\nA. {n}x+{formula}\nB. {formula}" for n in (3, 14)]
    said = Message(role="assistant", content="甲")
    asked = [EXAMPLES[0].model_copy(update={"messages": (Message(role="user", content=t), said)}) for t in texts]
    shared = set.intersection(*(shared_runs(question(e)) for e in asked))
    assert "下面四个算式中结果一定大于" in shared
    found = hashes.run_hashes(hashes.questions(to_table(asked)))
    one, other = (set(found.hashes[found.rows == row].tolist()) for row in (0, 1))
    assert [len(one), len(other)] == [len(shared_runs(question(e))) for e in asked] and len(one & other) == len(shared)


def test_a_row_is_the_same_only_with_the_same_answer_passage_and_rejected_answer() -> None:
    first = EXAMPLES[0]
    assert first.passage is not None
    others = [
        first.model_copy(update={"rejected": "另一个"}),
        first.model_copy(update={"passage": first.passage.model_copy(update={"context": "另一段"})}),
        first.model_copy(update={"messages": (*first.prompt, Message(role="assistant", content="另一个答案"))}),
    ]
    table = to_table([first, first.model_copy(update={"id": "x"}), *others])
    found = hashes.row_hashes(table, hashes.question_hashes(table)).tolist()
    assert found[0] == found[1] and len(set(found)) == 4


def test_a_system_text_has_runs_up_to_where_it_only_gives_something_to_read() -> None:
    def asked(*system: str) -> Example:
        turns = [Message(role="system", content=text) for text in system]
        turns += [Message(role="user", content="怎么办？"), Message(role="assistant", content="休息。")]
        return EXAMPLES[0].model_copy(update={"messages": tuple(turns)})

    record, block = (
        "患者六十二岁，反复胸闷三年，加重一周。",
        f"{GIVEN[0]}；资料里没有的，就说没有。\n【D001】「高血压」",
    )
    found = hashes.systems(to_table([asked(record), asked(), asked(block), asked(record + block), asked(record)]))
    assert found.hashes[0] == found.hashes[3] == found.hashes[4] != 0 == found.hashes[1] == found.hashes[2]
    runs = found.runs_of(np.array([0, 1, 2, 4], np.int32))
    assert runs.rows.tolist() == [0] * (16 - 12) + [4] * (16 - 12)
    assert runs.hashes[:4].tolist() == runs.hashes[4:].tolist()


def test_blocks_of_entries_are_part_of_no_question() -> None:
    templates = sorted(path.stem for path in PROMPTS.glob("*.jinja"))
    assert templates and all(write_block([], template).text.startswith(GIVEN) for template in templates)


def test_the_digest_depends_on_the_rows_and_not_on_how_they_are_cut() -> None:
    whole = digest([TABLE])
    assert digest(TABLE.to_batches(max_chunksize=7)) == digest([TABLE.slice(0, 100), TABLE.slice(100)]) == whole
    assert digest([pa.concat_tables([TABLE.slice(0, 5), TABLE.slice(5)])]) == whole
    for change in ({"kind": "K"}, {"passage": None}, {"references": ("a",)}, {"group": ""}):
        other = [EXAMPLES[0].model_copy(update=change), *EXAMPLES[1:]]
        assert digest([to_table(other)]) != whole
    assert digest([TABLE.slice(1), TABLE.slice(0, 1)]) != whole
