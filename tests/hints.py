"""What an error advises, as a user would type it."""

import re

from common.errors import UserError

SETTING = re.compile(r"[a-z_]+(?:\.\w+)*=\S+")


def hinted(error: UserError) -> list[list[str]]:
    """The settings that an error advises, one list per alternative (``…, or …``)."""
    alternatives = [[word.rstrip(",;") for word in SETTING.findall(one)] for one in error.fix.split(", or ")]
    return [words for words in alternatives if words]
