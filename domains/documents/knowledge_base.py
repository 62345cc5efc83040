"""What is made of a folder of documents."""

from pathlib import Path

from data_recipes.schema.manifest import Description
from domains.documents.folder import PASSAGE, FolderSchema
from domains.documents.phrasings import PHRASEBOOK
from domains.knowledge import Knowledge
from domains.knowledge_base import EntryType

KNOWLEDGE = Knowledge(
    source="documents",
    schema=FolderSchema(folder=Path(__file__).parent / "handbook", types=(EntryType(PASSAGE, "*", ()),)),
    phrasebook=PHRASEBOOK,
    about=Description(
        zh="由一个文件夹里的文档、问答和条目生成：题前给出检索到的段落，回答引用其中的原句；资料里没有的就说没有。",
        en="Made from the documents, FAQ pairs and entries of a folder: the passages that are found stand before the"
        " question, the answer quotes them, or says that they do not say.",
    ),
    unseen=Description(zh="段落", en="passages"),
    has_prose=False,
)
