"""Server-sent events."""

import json
from typing import Any

from fastapi.sse import format_sse_event

STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the second keeps nginx from buffering
DONE = format_sse_event(data_str="[DONE]")
"""The end of a stream of the OpenAI API."""

OR_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the answer, whole or as events while it grows",
        "content": {
            "text/event-stream": {
                "itemSchema": {
                    "type": "object",
                    "required": ["data"],
                    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
                }
            }
        },
    }
}
"""What a route answers that streams on request, for openapi.json: beside its JSON."""


def event(value: dict[str, Any], name: str | None = None) -> bytes:
    """One event with JSON data."""
    return format_sse_event(data_str=json.dumps(value, ensure_ascii=False), event=name)
