"""Half characters in a body: JSON can write them, no tokenizer and no database can read them.

Pydantic notices them in texts with a pattern or a length alone; here every body is looked at.
"""

import json
import re

from fastapi import Request

from app.api.errors import ApiError

ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
"""What a surrogate begins with, of a pair or alone."""

HALF = (
    "请求体含有半个字符（代理项 \\ud800 至 \\udfff） · "
    "the body contains half of a character (a lone surrogate, \\ud800 to \\udfff)"
)


async def whole_characters(request: Request) -> None:
    """Refuses a body with half a character; FastAPI has read it already.

    Raises:
        ApiError: It has one.
    """
    if not ESCAPED.search(await request.body()):
        return
    try:
        json.dumps(await request.json(), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ApiError("invalid_request", HALF) from None
    except ValueError:
        return  # no JSON, which is told elsewhere
