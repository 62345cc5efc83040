"""A team's own folder as a source: questions about its passages, with the passages that are found in the prompt.

The form is that of ``knowledge_tuning``: the system turn gives what the service would find and give for the question,
written as it writes it, and the answer quotes the passage with its id. FAQ questions are asked as they are written,
passages by their headings, or with the questions that a teacher wrote (``training/write_questions.py``). In a share the
prompt lacks the passage, and the answer says so.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Annotated, Literal

from loguru import logger
from pydantic import AfterValidator, Field, PositiveInt

from common.command import Config
from common.errors import UserError
from data_recipes.formats.documents import is_document
from data_recipes.formats.jsonl import Line
from data_recipes.leakage.normalise import RUN, normalise, runs
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description, GroundingUsed
from data_recipes.sources.generated.knowledge_base import OWN_LICENCE, KnowledgeSourceConfig, files, used
from data_recipes.sources.generated.knowledge_tuning import SEEN_IN_TRAINING
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import PROJECT_LICENCE, Source, SourceDetails
from domains.citations import marks
from domains.documents.facts import fact_about, passages_of, written_facts
from domains.documents.folder import FolderSchema, columns_read, pieces_in, rows_in
from domains.documents.passage import PassageEntry
from domains.documents.written import read_written
from domains.domain import DOMAINS, find_domain
from domains.facts import Fact
from domains.grounding import TEMPLATE, GivenEntry, template_sha256, write_block
from domains.instructions import as_in_training, reworded, rounds, spread, without_repeats
from domains.knowledge_base import KnowledgeBase
from domains.reading import entries_to_read
from domains.retrieval.retriever import Retrieved, Retriever

ATTRIBUTES = 1  # of a passage: its text
DEV_SHARE = 0.1  # of the questions about trained passages, at most
NOTHING_FOUND = 0.3  # of the prompts that lack the passage have no other one either


class GroundedSizes(Config):
    """Most examples in each split; a small folder gives fewer, and the build says how many.

    Attributes:
        train: Every passage is asked about once, then again in other wordings.
    """

    train: PositiveInt
    dev: PositiveInt
    heldout_phrasing: PositiveInt
    unseen_entity: PositiveInt


def _reads_folders(name: str) -> str:
    def reads(name: str) -> bool:
        knowledge = find_domain(name).knowledge
        return knowledge is not None and isinstance(knowledge.schema, FolderSchema)

    if not reads(name):
        raise ValueError(
            f"the domain {name} reads no folder of documents; these do: {', '.join(filter(reads, DOMAINS))}"
        )
    return name


class GroundedSource(KnowledgeSourceConfig):
    """Questions about the passages of a folder.

    Attributes:
        kind: Selects this source.
        domain: Whose rules and notices the service has: ``documents``, or ``hospital`` with the rules of medicine.
        questions_path: The questions that a teacher wrote (``training/write_questions.py``); null asks about headings.
        sizes: Most examples in each split.
        entries: Passages in a prompt.
        withheld_share: Share of the questions whose prompt lacks the passage.
        shuffled_share: Share of the prompts whose passages are in any order; the others have the best first.
    """

    kind: Literal["grounded"]
    domain: Annotated[str, AfterValidator(_reads_folders)] = "documents"
    questions_path: str | None = None
    sizes: GroundedSizes
    entries: PositiveInt
    withheld_share: float = Field(ge=0, lt=1)
    shuffled_share: float = Field(ge=0, le=1)


def read(config: GroundedSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Writes the questions, training first, and gives each its passages.

    Raises:
        UserError: A file is damaged, or there are too few passages for a question in every split.
    """
    kb = config.load()
    facts, dropped = _facts(kb, config)
    unseen = _held_out(facts, config)
    splits, repeated = _splits(facts, unseen, config)
    training, testing = _PassageShelf(kb.without(unseen), config), _PassageShelf(kb, config)
    for name, examples in splits.items():
        shelf = training if name in SEEN_IN_TRAINING else testing
        for example in examples:
            yield shelf.row(example).model_copy(update={"split": name, "source": "documents"})
    yield from dropped
    yield from (Dropped(example.id, "duplicate_question") for example in repeated)
    yield from _unread(config)


def _unread(config: GroundedSource) -> Iterator[ReadNotes]:
    """The columns of the folder's rows that no passage has."""
    notes = ReadNotes()
    for line in (line for path in files(config) if not is_document(path) for line in rows_in(path)):
        if isinstance(line, Line):
            notes.add(line, columns_read(line.row))
    yield from notes.found()


def _facts(kb: KnowledgeBase, config: GroundedSource) -> tuple[list[Fact], list[Dropped]]:
    """What is asked, and what is not: passages without a subject of their own, questions about what has changed."""
    path = config.questions_path
    written, dropped = read_written(Path(path).expanduser() if path else None, kb)
    askable = {entry.id for entry in passages_of(kb)}
    facts: list[Fact] = []
    for entry in kb.entries:
        assert isinstance(entry, PassageEntry)  # of a domain that reads folders
        about = list(written_facts(entry, written.get(entry.id, ())))
        if entry.id in askable and (entry.is_answer or not about):
            about.append(fact_about(entry))
        if not about:
            dropped.append(Dropped(entry.id, "subject_of_several_passages"))
        facts += about
    return facts, dropped


def _held_out(facts: Sequence[Fact], config: GroundedSource) -> set[str]:
    """Ids of the passages that no training row answers from."""
    asked_about = list(dict.fromkeys(id for fact in facts for id in fact.grounding))
    return set(Random(f"{config.seed} held out").sample(asked_about, round(config.held_out_share * len(asked_about))))


def _splits(
    facts: Sequence[Fact], unseen: set[str], config: GroundedSource
) -> tuple[dict[str, list[Example]], list[Example]]:
    """The questions of every split, and those that are asked twice.

    Raises:
        UserError: There is none for a split.
    """
    sizes, rng = config.sizes, Random(f"{config.seed} splits")
    known = [fact for fact in facts if not unseen.intersection(fact.grounding)]
    new = [fact for fact in facts if unseen.intersection(fact.grounding)]
    pools, repeated = without_repeats(
        {
            "asked": list(rounds(known, Random(f"{config.seed} training"))),
            "heldout_phrasing": reworded(known),
            "unseen_entity": [*as_in_training(new), *reworded(new)],
        }
    )
    asked = pools["asked"]
    dev_size = min(sizes.dev, math.ceil(DEV_SHARE * len(asked)))
    train, dev = asked[:-dev_size][: sizes.train], asked[-dev_size:]
    trained = {id for example in train for id in example.grounding}
    splits = {
        "train": rng.sample(train, len(train)),
        "dev": dev,
        "heldout_phrasing": spread(
            (one for one in pools["heldout_phrasing"] if trained.issuperset(one.grounding)), sizes.heldout_phrasing, rng
        ),
        "unseen_entity": spread(pools["unseen_entity"], sizes.unseen_entity, rng),
    }
    _check_sizes(splits, sizes, len({id for fact in facts for id in fact.grounding}))
    return splits, repeated


def _check_sizes(splits: Mapping[str, Sequence[Example]], sizes: GroundedSizes, passages: int) -> None:
    """Splits that a small folder cannot fill are a warning, empty ones an error.

    Raises:
        UserError: A split is empty.
    """
    folder = f"the folder has {passages} passages to ask about"
    if empty := [name for name, examples in splits.items() if not examples]:
        raise UserError(
            f"no question is left for {', '.join(empty)}: {folder}",
            where="source.path",
            fix=f"add documents, or hold out {'fewer' if 'train' in empty else 'more'} passages: source.held_out_share",
        )
    found = {name: len(examples) for name, examples in splits.items() if name != "train"}
    short = [f"{name} {n} of {getattr(sizes, name)}" for name, n in found.items() if n < getattr(sizes, name)]
    if short:
        logger.warning("smaller splits than data.splits requests: {} ({})", ", ".join(short), folder)


@dataclass(frozen=True)
class _PassageShelf:
    """What may be given.

    Attributes:
        kb: The knowledge base without the passages that must not be given.
    """

    kb: KnowledgeBase
    config: GroundedSource

    @cached_property
    def retriever(self) -> Retriever:
        """Finds passages."""
        return Retriever(self.kb)

    @cached_property
    def having(self) -> dict[str, set[str]]:
        """The passages that have each run of characters."""
        having: dict[str, set[str]] = defaultdict(set)
        for entry in self.kb.entries:
            for run in runs(normalise(entry.definition), RUN):
                having[run].add(entry.id)
        return having

    def row(self, example: Example) -> Example:
        """The question with what the service would give for it, or with that less the passage that answers it."""
        rng = Random(f"{self.config.seed} {example.id}")
        [right] = example.grounding
        withheld = rng.random() < self.config.withheld_share
        given = [] if withheld and rng.random() < NOTHING_FOUND else self._given(example, right, withheld)
        if rng.random() < self.config.shuffled_share:
            rng.shuffle(given)
        system = Message(role="system", content=write_block(given).text)
        if not withheld:
            answer = Message(role="assistant", content=example.answer + marks([right]))
            return example.model_copy(update={"messages": (system, *example.prompt, answer)})
        answer = Message(role="assistant", content=self.config.knowledge.phrasebook.not_given)
        changes = {"facts": (), "grounding": (), "behaviour": "refuse", "kind": "not_given"}
        return example.model_copy(update={"messages": (system, *example.prompt, answer), **changes})

    def _given(self, example: Example, right: str, withheld: bool) -> list[GivenEntry]:
        """The passages of the service without those that say the same; the right one is added where it is not found."""
        question = example.messages[-2].content
        entry = self.kb.by_id[right]
        same = {id for run in runs(normalise(entry.definition), RUN) for id in self.having[run]}
        excluded = same | {right} if withheld else same - {right}
        found = self.retriever.retrieve(question).found
        kept = Retrieved(tuple(one for one in found if one.entry.id not in excluded))
        given = entries_to_read(kept, question, {}, self.config.entries, ATTRIBUTES)
        if withheld or right in {one.entry.id for one in given}:
            return given
        return [*given[: self.config.entries - 1], GivenEntry.of(entry, [entry.opening[0]])]


def _files(config: GroundedSource) -> list[Path]:
    """The files of the folder, and the questions about them."""
    return files(config) + ([Path(config.questions_path).expanduser()] if config.questions_path else [])


SPLITS = {
    "train": Description(zh="训练集", en="for training"),
    "dev": Description(
        zh="训练过的段落、没有训练过的问法搭配：用于验证损失",
        en="trained passages in combinations with wordings that training did not use: for the loss",
    ),
    "heldout_phrasing": Description(
        zh="训练过的段落，换成从未训练过的问法：考察是否真正听懂问题",
        en="trained passages in phrasings that training never uses: does the model understand the question?",
    ),
    "unseen_entity": Description(
        zh="没有一道训练题以之作答的段落：考察回答是读出来的还是背出来的",
        en="passages that no training row answers from: does the model read what it is given?",
    ),
}


def _details(config: GroundedSource) -> SourceDetails:
    return SourceDetails(OWN_LICENCE if config.path else PROJECT_LICENCE, SPLITS)


SOURCE = Source(
    config=GroundedSource,
    read=read,
    files=_files,
    about=Description(
        zh="由使用者自己的文件夹（文档、问答、条目）生成：题前给出检索到的段落，回答引用其中的原句并注明编号；"
        "段落里没有的，就说没有。",
        en="Made from the user's own folder of documents, FAQ pairs and entries: the passages that are found stand"
        " before the question, the answer quotes their sentences with the id, or says that they do not say.",
    ),
    rows_of=pieces_in,
    licence=PROJECT_LICENCE,
    splits=SPLITS,
    details=_details,
    knowledge=used,
    grounding=lambda config: GroundingUsed(
        kind="entries",
        template=TEMPLATE,
        sha256=template_sha256(TEMPLATE),
        entries=config.entries,
        attributes=ATTRIBUTES,
    ),
)
