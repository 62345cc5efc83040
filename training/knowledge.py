"""What a run records of the knowledge base that its answers are checked against."""

from domains.domain import find_domain
from models.artifact import KnowledgeRecord
from training.config import StageConfig


def knowledge_of(config: StageConfig) -> KnowledgeRecord | None:
    """The knowledge base of a run; None where its domain has none.

    Raises:
        UserError: It is damaged.
    """
    knowledge = find_domain(config.domain).knowledge
    if knowledge is None:
        return None
    folder = config.knowledge_folder or knowledge.schema.folder
    return KnowledgeRecord(path=str(folder.resolve()), sha256=knowledge.load(folder).sha256)
