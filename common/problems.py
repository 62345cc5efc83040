"""What is wrong with a configuration, in the words of the user who typed it."""

import difflib
import types
import typing
from typing import Any

from pydantic import BaseModel


def explain(detail: Any, schema: type[BaseModel], values: dict[str, Any]) -> str:
    """One of pydantic's errors as ``key: what is wrong``, an unknown key with the nearest valid one."""
    place = [str(part) for part in detail["loc"]]
    # a discriminated union puts its tag into the location; it is not part of the key that the user typed
    keys = [part for i, part in enumerate(place) if i == 0 or not _is_tag(values, place[:i], part)]
    key = ".".join(keys)
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key{nearest(keys[-1], _names_at(schema, keys[:-1], values))}"
    if detail["type"] == "missing":
        return f"{key}: a value is required (give {key}=…)"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if isinstance(detail["input"], dict):  # quoting a whole section back would not help
        return f"{key}: {message}" if key else message
    return f"{key}: {message} (got {detail['input']!r})"


def nearest(name: str, valid: list[str]) -> str:
    """The likely intended value, or the valid ones, as the end of a message."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid here: {', '.join(valid)}" if valid else ""


def _is_tag(values: dict[str, Any], before: list[str], part: str) -> bool:
    node: Any = values
    for key in before:
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return isinstance(node, dict) and part not in node and part in node.values()


def _names_at(schema: type[BaseModel], keys: list[str], values: dict[str, Any]) -> list[str]:
    """The valid names of the section that ``keys`` leads to, following the union member that ``values`` select."""
    places: list[Any] = [schema]
    for key in keys:
        found = [annotation for place in places for annotation in _under(place, key)]
        places = [inner for annotation in found for inner in _models_in(annotation) or [annotation]]
        values = values.get(key, {}) if isinstance(values, dict) else {}
        places = [place for place in places if _is_model(place) and _selected(place, values)] or places
    return sorted({name for place in places if _is_model(place) for name in place.model_fields})


def _under(place: Any, key: str) -> list[Any]:
    """What is below a key of a section, or below any key of names."""
    if _is_model(place):
        return [place.model_fields[key].annotation] if key in place.model_fields else []
    return [typing.get_args(place)[1]] if typing.get_origin(place) is dict else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if _is_model(annotation):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return [model for part in typing.get_args(annotation) for model in _models_in(part)]
    return []


def _selected(section: type[BaseModel], values: dict[str, Any]) -> bool:
    literals = {
        n: typing.get_args(f.annotation)
        for n, f in section.model_fields.items()
        if typing.get_origin(f.annotation) is typing.Literal
    }
    return all(values.get(name, options[0]) in options for name, options in literals.items())
