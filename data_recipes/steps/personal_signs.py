"""What the patterns of personal data have in common: signs, separators and words."""

BRACKET = r"(?:\s?[（(][^（()）0-9\n]{1,12}[)）])?"  # 卡号(CARD NO.)
_SIGNS = r"[:：】\]］|=*`→>~～_—–…·-]{0,4}"
_VERB = r"(?:(?:就|应该?|写|填|登记|改|更正|变更?|换|显示|录入?)?的?(?:是|为|成)了?|改|填|写着?|显示)?"
_OPENING = r"[:：（(#*|=【\[［{｛「『“”‘\"'<《〈〔□_`]{0,4}"
WORDED = BRACKET + rf"{_SIGNS}\s*{_VERB}(?:N[Oo]\.?)?\s*{_OPENING}\s*"
"""Between a label and its value: 住院号：, **住院号**：, 住院号→, 住院号写成, the next line of a form."""
FIELD = BRACKET + rf"\s*[*_`\]］】]{{0,3}}(?:\s*[:：→=|]{{1,2}}|(?<=[*\]］】])|\n)\s*{_OPENING}\s*"
"""Between the name of a field and what stands in it: only where a sign says that it is a field."""

DIGIT = "[0-9]"
HAN = "[\u4e00-\u9fff]"
