"""Judges how well a folder's passages are found: ``python -m domains.documents.retrieve FILE.jsonl [folder=DIR]``."""

from common.command import read_config, run_command

HELP = """
python -m domains.documents.retrieve FILE.jsonl [folder=DIR]

FILE has a question on each line, with the ids of the passages that answer it (none where the folder holds nothing about
it), a kind, and the questions before it where it goes on from them:
  {"question": "几点能去看望病人", "entries": ["KPBA3"], "kind": "wording"}
Without folder=, the made-up handbook that ships is searched; domains/documents/questions/ has such files about it.

Prints JSON: at_1 (the first passage is right), at_5 (a right one is among the first five), nothing (rightly none was
found), each {"value", "low", "high", "n"} with a 95 % interval; kinds: the same for each kind; misses: what failed.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Judges one file."""
    import json  # loads the libraries, which --help does without

    from domains.documents.knowledge_base import KNOWLEDGE
    from domains.retrieval.labelled import FolderRetrieveConfig, judge, read_questions, report
    from domains.retrieval.retriever import Retriever

    [config] = read_config("retrieve_documents", arguments, FolderRetrieveConfig)
    knowledge = KNOWLEDGE.load(config.folder)
    judged = judge(read_questions(config.questions, knowledge), Retriever(knowledge))
    print(json.dumps(report(judged), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    run_command(main, HELP)
