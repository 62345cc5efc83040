"""Makes docs/report.schema.json, the JSON Schema of ``report.json``, from the types that write it.

python docs/report_schema.py > docs/report.schema.json
"""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from eval.report.schema import Report


class _AsWritten(GenerateJsonSchema):
    """Infinite numbers, which JSON has not, are written as strings."""

    def float_schema(self, schema: core_schema.FloatSchema) -> dict[str, Any]:
        """See ``GenerateJsonSchema.float_schema``."""
        return {"anyOf": [super().float_schema(schema), {"enum": ["Infinity", "-Infinity", "NaN"]}]}


def document() -> str:
    """The whole file."""
    schema = Report.model_json_schema(mode="serialization", schema_generator=_AsWritten)
    return json.dumps({"$schema": GenerateJsonSchema.schema_dialect, **schema}, indent=2) + "\n"


if __name__ == "__main__":
    print(document(), end="")
