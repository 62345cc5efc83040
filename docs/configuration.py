"""Makes docs/configuration.md, every key of every command, from the schemas that check them.

python docs/configuration.py > docs/configuration.md
"""

import inspect
import re
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo

from app.access.command import KeysConfig
from app.audit.command import AuditConfig
from app.config import AppConfig
from app.database.command import PublishConfig
from common.command import Config
from common.groups import groups_of
from data_recipes.config import BuildConfig
from data_recipes.dataset.listing import ShowConfig
from data_recipes.formats.passages import PassagesConfig
from data_recipes.formats.validation import ValidateConfig
from data_recipes.pipeline.protected_sets import SuitesConfig
from domains.medical.judged_triage import TriageConfig
from domains.retrieval.labelled import FolderRetrieveConfig, RetrieveConfig
from eval.config import EvalConfig, ExportConfig
from eval.gates.config import GateCommandConfig
from eval.preferences import PreferencesConfig
from models.config import ConvertConfig
from models.show_prompt import ShowPromptConfig
from training.combination import CombineConfig
from training.experts import ExpertRouterConfig
from training.grow_instructions import CommandConfig
from training.passage_questions import WriteQuestionsConfig
from training.stages import STAGES


class Command(NamedTuple):
    """A command, or one of the configurations that it reads.

    Attributes:
        typed: The script or module, after ``python``.
        root: Its file in ``configs/``.
        schema: What checks the result.
    """

    typed: str
    root: str
    schema: type[Config]


COMMANDS = [
    Command("data_recipes/build.py", "build", BuildConfig),
    Command("data_recipes/validate.py", "validate", ValidateConfig),
    Command("data_recipes/show.py", "show", ShowConfig),
    Command("data_recipes/passages.py", "passages", PassagesConfig),
    Command("data_recipes/suites.py", "suites", SuitesConfig),
    Command("-m domains.medical.retrieve", "retrieve", RetrieveConfig),
    Command("-m domains.medical.triage", "triage", TriageConfig),
    Command("-m domains.documents.retrieve", "retrieve_documents", FolderRetrieveConfig),
    *(Command("training/run.py", stage.root, stage.config) for stage in STAGES.values()),
    Command("training/self_instruct.py", "self_instruct", CommandConfig),
    Command("training/expert_router.py", "expert_router", ExpertRouterConfig),
    Command("training/combine.py", "combine", CombineConfig),
    Command("training/write_questions.py", "write_questions", WriteQuestionsConfig),
    Command("eval/run.py", "eval", EvalConfig),
    Command("eval/gate.py", "gate", GateCommandConfig),
    Command("eval/export.py", "export", ExportConfig),
    Command("eval/sample_preferences.py", "sample_preferences", PreferencesConfig),
    Command("-m models.convert", "convert", ConvertConfig),
    Command("-m models.show_prompt", "show_prompt", ShowPromptConfig),
    Command("-m app", "app", AppConfig),
    Command("-m app.keys", "keys", KeysConfig),
    Command("-m app.audit", "audit", AuditConfig),
    Command("-m app.knowledge", "knowledge", PublishConfig),
]

HEAD = """# Configuration: every key

Made by `python docs/configuration.py > docs/configuration.md` from the schemas that check every command line; do not
edit. 由程序从各命令的配置模式生成，请勿手改。

A command takes `key=value` words over the defaults in its file in `configs/`; a key of a section is written with a dot,
e.g. `train.epochs=2`. "Default" is the value of a key that neither that file, nor the chosen files of its groups, nor
the command line gives. A section is described once, where it first occurs."""


def document() -> str:
    """The whole page."""
    described: set[type[Config]] = set()
    parts = [HEAD]
    for command in COMMANDS:
        parts.append(f"## `python {command.typed}`: `configs/{command.root}.yaml`")
        if groups := groups_of(command.root):
            chosen = "; ".join(f"`{name}=` {', '.join(options)}" for name, options in groups.items())
            parts.append(f"Groups, files in `configs/`: {chosen}.")
        parts += _sections("", command.schema, described)
    return "\n\n".join(parts) + "\n"


def _sections(prefix: str, section: type[Config], described: set[type[Config]]) -> Iterator[str]:
    """A section and those inside it that were not described before."""
    described.add(section)
    if prefix:
        yield f"### {section.__name__}"
        yield f"Keys of `{prefix}`."
    if section.positional:
        yield f"Without `key=`, in this order: {', '.join(f'`{key}`' for key in section.positional)}."
    values = section.model_json_schema()["properties"]
    meanings = _meanings(section)
    rows = [
        f"| `{key}` | {_values(field.annotation, values[key])} | {_default(field)} | {meanings.get(key, '')} |"
        for key, field in section.model_fields.items()
    ]
    yield "\n".join(["| key | values | default | meaning |", "| --- | --- | --- | --- |", *rows])
    for key, field in section.model_fields.items():
        for inner in _sections_in(field.annotation):
            if inner not in described:
                yield from _sections(f"{prefix}{key}.", inner, described)


def _sections_in(annotation: Any) -> list[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [section for part in typing.get_args(annotation) for section in _sections_in(part)]


def _values(annotation: Any, found: dict[str, Any]) -> str:
    """What a key takes: sections by link, else JSON Schema's types in words."""
    sections = _sections_in(annotation)
    if not sections:
        return _type(found)
    links = " or ".join(f"[{section.__name__}](#{section.__name__.lower()})" for section in sections)
    listed = {"array": "list of: ", "object": "names to: "}.get(found.get("type", ""), "")
    return listed + links + (", or null" if {"type": "null"} in found.get("anyOf", []) else "")


def _type(found: dict[str, Any]) -> str:
    if "anyOf" in found or "oneOf" in found:
        return ", or ".join(_type(option) for option in found.get("anyOf") or found["oneOf"])
    if "const" in found or "enum" in found:
        return " \\| ".join(f"`{option}`" for option in found.get("enum", [found.get("const")]))
    match found.get("type"):
        case "array":
            return f"list of: {_type(found.get('items') or found['prefixItems'][0])}"
        case "object":
            named = found.get("additionalProperties") or next(iter(found["patternProperties"].values()))
            return f"names to: {_type(named)}"
        case "string":
            kind = "path" if found.get("format") == "path" else "text"
            return f"{kind} like `{found['pattern']}`" if "pattern" in found else kind
        case "integer" | "number" as kind:
            bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
            limits = [f"{sign} {found[name]}" for name, sign in bounds.items() if name in found]
            multiple = [f"a multiple of {found['multipleOf']}"] if "multipleOf" in found else []
            return ", ".join([" ".join([kind, *limits[:1]]), *limits[1:], *multiple])
        case "boolean":
            return "true, false"
        case other:
            return str(other or "anything")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    match default:
        case None:
            return "null"
        case bool():
            return f"`{str(default).lower()}`"
        case Config():
            return "its defaults"
        case tuple():
            kinds = [item.model_dump().get("kind", "") if isinstance(item, Config) else str(item) for item in default]
            return f"`[{', '.join(kinds)}]`"
    return f"`{default}`"


def _meanings(section: type[Config]) -> dict[str, str]:
    """What the docstrings of a class, and of those it inherits keys from, say under ``Attributes:``."""
    found: dict[str, str] = {}
    for base in reversed(section.__mro__):
        listed = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2]
        for entry in re.split(r"\n(?= {4}\w)", f"\n{listed}"):
            name, _, meaning = entry.strip().partition(": ")
            found[name] = re.sub(r"\s+", " ", meaning).replace("``", "`").replace("|", "\\|")
    return found


if __name__ == "__main__":
    print(document(), end="")
