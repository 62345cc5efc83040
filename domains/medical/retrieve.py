"""Judges how well entries are found for labelled questions: ``python -m domains.medical.retrieve FILE.jsonl``."""

from common.command import read_config, run_command

HELP = """
python -m domains.medical.retrieve FILE.jsonl

FILE has a question on each line, with the ids of the entries that it is about (none where the knowledge base holds
nothing about it), a kind, and the questions before it where it goes on from them:
  {"question": "牛皮癣怎么治", "entries": ["D166"], "kind": "lay"}
  {"question": "会传染吗", "entries": ["D166"], "kind": "follow_up", "earlier": ["牛皮癣怎么治"]}
domains/medical/questions/ has such files; a question of the kind two must find all its entries.

Prints JSON: at_1 (the first entry is right), at_5 (a right one is among the first five), nothing (rightly none was
found), each {"value", "low", "high", "n"} with a 95 % interval; kinds: the same for each kind; misses: what failed.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Judges one file."""
    import json  # loads the libraries, which --help does without

    from domains.medical.knowledge_base import KNOWLEDGE
    from domains.retrieval.labelled import RetrieveConfig, judge, read_questions, report
    from domains.retrieval.retriever import Retriever

    [config] = read_config("retrieve", arguments, RetrieveConfig)
    knowledge = KNOWLEDGE.load()
    judged = judge(read_questions(config.questions, knowledge), Retriever(knowledge))
    print(json.dumps(report(judged), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    run_command(main, HELP)
