"""ROUGE-L over the words that jieba finds, for comparison with figures that were made so; characters come first.

It is the F1 of ``rouge_score`` with jieba as its tokenizer, and of ``rouge_chinese``: a test has cases of both.
"""

from eval.bilingual import Text
from eval.judges.judge import Judge, each
from eval.judges.rouge_l_zh.judge import longest_common_f1
from eval.judges.words import SIGNATURE, words

JUDGES = (
    Judge(
        name="rouge_l_jieba",
        title=Text("ROUGE-L（结巴分词）", "ROUGE-L (jieba words)"),
        meaning=Text("与参考答案的最长公共词序列 F1", "longest common sequence of words with the reference, F1"),
        signature=f"rouge_l_jieba|{SIGNATURE}|f1|v1",
        applies=lambda example: example.passage is None and not example.choices,
        judge=each(lambda example, answer: longest_common_f1(words(answer), words(example.answer))),
    ),
)
