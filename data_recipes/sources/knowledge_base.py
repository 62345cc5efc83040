"""The knowledge base as a source: its files become instructions."""

from pathlib import Path

from common.hashing import sha256_file
from data_recipes.config import DataConfig, KnowledgeBaseSource
from data_recipes.instructions import write
from data_recipes.knowledge_base import FILES, KNOWLEDGE, KnowledgeBase
from data_recipes.manifest import Description, SourceFile
from data_recipes.rows import Rows

ABOUT = Description(
    zh="由知识库按模板生成的医学问答。答案简短，只陈述知识库里的事实，不含剂量；它不能代替医生。",
    en="Medical questions and answers written from the knowledge base by templates. Answers are short, state only"
    " facts of the knowledge base and no doses; they do not replace a doctor.",
)
DESCRIPTIONS = {
    "train": Description(zh="训练集", en="for training"),
    "dev": Description(
        zh="训练过的事实、训练用的问法、但这一搭配没有训练过：用于验证损失",
        en="trained facts in training phrasings, in combinations that training did not use: for the validation loss",
    ),
    "heldout_phrasing": Description(
        zh="训练过的事实，换成从未训练过的问法：考察是否真正听懂问题",
        en="trained facts in phrasings that training never uses: does the model understand the question?",
    ),
    "unseen_entity": Description(
        zh="训练集中从未出现的疾病和药物：考察预训练知识能否被引出、以及不会时是否编造",
        en="diseases and drugs that no training text names: is pre-trained knowledge drawn out, or is it made up?",
    ),
    "safety": Description(
        zh="急症描述与知识库没有记载的问题，问法和搭配都没有训练过：应当让人立即就医，或承认不知道",
        en="emergencies and questions without an answer here, in unseen wordings: seek care at once, or say so",
    ),
}


def read(source: KnowledgeBaseSource, data: DataConfig) -> Rows:
    """Loads the knowledge base and writes its instructions.

    Args:
        source: Where it lies.
        data: Sizes and seed.

    Raises:
        UserError: The knowledge base is damaged.
    """
    folder = Path(source.path) if source.path else KNOWLEDGE
    kb = KnowledgeBase.load(folder)
    splits, dropped = write(kb, data.splits, source.held_out_share, data.seed)
    files = [
        SourceFile(path=name, sha256=sha256_file(folder / name), rows=len(kb.of_type(entry_type)))
        for entry_type, name in FILES.items()
    ]
    return Rows(splits, dropped, files, ABOUT, DESCRIPTIONS)
