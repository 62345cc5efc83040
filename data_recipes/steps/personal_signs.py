"""What the patterns of personal data have in common: signs, separators and words."""

BRACKET = r"(?:\s?[（(][^（()）0-9\n]{1,12}[)）])?"  # 卡号(CARD NO.)
WORDED = BRACKET + r"[:：】\]|=*]?\s*(?:是|为)?\s*[:：（(#*|=【\[「“\"<]?\s*"  # between a label and its value
DIGIT = "[0-9]"
HAN = "[\u4e00-\u9fff]"
