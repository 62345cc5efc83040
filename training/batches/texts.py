"""Documents become supervised token sequences that fill rows; nothing is lost."""

from collections.abc import Sequence

from loguru import logger

from common.errors import UserError
from data_recipes.schema.example import Example
from models.prompt_format import PromptFormat, Rendered
from training.batches.supervision import SupervisedSet


def read_texts(examples: Sequence[Example], prompt_format: PromptFormat, longest: int, split: str) -> SupervisedSet:
    """Renders the documents of a split; one longer than a row becomes several sequences.

    Every token is supervised exactly once, the stop token at a document's end too; only what opens a document is not.

    Args:
        examples: Documents.
        prompt_format: Renders them.
        longest: Tokens that a sequence may have.
        split: Its name.

    Returns:
        The sequences; the documents that are cut count as shortened: what follows a cut does not see what precedes it.

    Raises:
        UserError: An example is a conversation, or there is none.
    """
    _check(examples, split)
    sequences: list[Rendered] = []
    cut: list[str] = []
    for example in examples:
        parts = _cut(prompt_format.render(example.messages), longest)
        sequences += parts
        if len(parts) > 1:
            cut.append(example.id)
    found = SupervisedSet(sequences, [], cut, len(examples))
    logger.info(
        "{}: {} documents in {} sequences ({} documents are longer than {} tokens and cut), {} tokens, {} supervised",
        *(split, len(examples), len(sequences), len(cut), longest, found.tokens, found.supervised_tokens),
    )
    return found


def _cut(document: Rendered, longest: int) -> list[Rendered]:
    """Parts of at most ``longest`` tokens; each begins with the last token of the one before, unsupervised there."""
    parts = []
    for start in range(0, max(1, len(document.ids) - 1), longest - 1):
        ids, mask = (values[start : start + longest] for values in document)
        parts.append(Rendered(ids, [0, *mask[1:]]))
    return parts


def _check(examples: Sequence[Example], split: str) -> None:
    if not examples:
        raise UserError("no document is left", where=f"split {split}", fix=f"data.splits.{split}=…, or more documents")
    asked = [example.id for example in examples if not example.is_text]
    if asked:
        raise UserError(
            f"{len(asked)} of {len(examples)} examples are conversations and no documents, e.g. {asked[0]}",
            where=f"split {split}",
            fix="give documents (data=text source.path=FOLDER, or data=prose), or a recipe of another stage",
        )
