"""Requests that are made from openapi.json, valid ones and wrong ones, against the service.

    python benchmarks/openapi.py [examples=800] [seed=20261129]     writes benchmarks/openapi.md

The engine is tests/app/fake_engine.py: what is tried is what stands before a model. Needs schemathesis on the PATH; it
is not among the project's libraries, because it pins many of its own.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from loguru import logger

from app.config import AudienceConfig, RecordsConfig
from common.errors import UserError
from common.files import write_text
from common.machine import processor
from domains.medical.knowledge_base import KNOWLEDGE
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
"""No 5xx; no status, content type or body that the document does not describe, so every error has the one shape."""

HEAD = """# Requests made from openapi.json

`python benchmarks/openapi.py {words}`: schemathesis {version} makes requests from the service's own document, valid
and wrong ones, with a fake engine behind every route, and checks each response:
{checks}. {processor}.

| requests | routes | seconds | findings |
|---|---|---|---|
| {cases:,} | {routes} | {seconds:.0f} | {findings} |
"""


def named(document: dict[str, Any], models: list[str]) -> dict[str, Any]:
    """The document with the names of the models that are served: any other is a 404 and tries nothing.

    Args:
        document: The service's.
        models: Their names.
    """
    for schema in document["components"]["schemas"].values():
        if "model" in schema.get("properties", {}) and "request" in schema["title"].lower():
            schema["properties"]["model"] = {"type": "string", "enum": models}
    return document


def tried(url: str, document: dict[str, Any], examples: int, seed: int, folder: Path) -> dict[str, Any]:
    """The report of a run.

    Args:
        url: Of the service.
        document: What its requests are made from.
        examples: Requests per route, beside those at the limits of each parameter.
        seed: Makes the same requests again.
        folder: Where the report is written.

    Raises:
        UserError: schemathesis is not installed.
    """
    if (command := shutil.which("schemathesis")) is None:
        raise UserError("schemathesis is not on the PATH", fix="pip install schemathesis, in an environment of its own")
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    words = [command, "run", "openapi.json", "--url", url, "--checks", ",".join(CHECKS), "--continue-on-failure"]
    words += ["--max-examples", str(examples), "--seed", str(seed), "--report", "json", "--report-dir", "report"]
    words += ["--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "60"]
    subprocess.run(words, cwd=folder, check=False)
    [file] = (folder / "report").glob("*.json")
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report


def main(examples: int = 800, seed: int = 20261129) -> None:
    """Serves, tries, writes the figures."""
    logger.remove()
    config = CONFIG.model_copy(update={"max_batch": 8, "queue_limit": 64})
    with tempfile.TemporaryDirectory() as folder:
        audience = AudienceConfig(records=RecordsConfig(folder=Path(folder) / "records"))
        with serving(FakeEngine(), "medical", KNOWLEDGE.load(), config, audience=audience) as running:
            with running.client() as client:
                document = named(client.get("/openapi.json").json(), ["fake-1", "fake-1-raw"])
            report = tried(running.url, document, examples, seed, Path(folder))
    found = [f"{one['title']}: {', '.join(one['operations'])}" for one in report["failures"]]
    page = HEAD.format(
        words=" ".join(sys.argv[1:]),
        version=report["schemathesis_version"],
        checks=", ".join(CHECKS).replace("_", " "),
        processor=processor(),
        cases=report["test_cases"]["generated"],
        routes=report["operations"]["tested"],
        seconds=report["running_time"],
        findings="; ".join([*found, *(error["title"] for error in report["errors"])]) or "none",
    )
    write_text(Path(__file__).with_suffix(".md"), page)
    print(page)


if __name__ == "__main__":
    main(**{name: int(value) for name, value in (word.split("=") for word in sys.argv[1:])})
