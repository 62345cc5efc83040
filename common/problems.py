"""What is wrong with a configuration, in the words of the user who typed it."""

import difflib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

MOST_MEANT = 3  # keys of a name that are suggested
MISSPELT = 0.8  # similarity from which a key is a misspelt one


def explain(
    details: Sequence[Any], schema: type[BaseModel], values: dict[str, Any], same_as: Mapping[str, str] | None = None
) -> list[str]:
    """Pydantic's errors as ``key: what is wrong``, an unknown key with the nearest valid one.

    Args:
        details: What ``ValidationError.errors()`` gives.
        schema: What was expected.
        values: What was given.
        same_as: Keys whose value is another key's, and that key, which is named instead.

    Returns:
        One line per error; of a value that may be one of several things, one line for all of them.
    """
    of_key: dict[tuple[str, ...], list[Any]] = {}
    for detail in details:
        of_key.setdefault(_keys(detail, values), []).append(detail)
    return list(
        dict.fromkeys(_explained(list(keys), found, schema, values, same_as or {}) for keys, found in of_key.items())
    )


def _explained(
    keys: list[str],
    details: list[Any],
    schema: type[BaseModel],
    values: dict[str, Any],
    same_as: Mapping[str, str],
) -> str:
    key, detail = _as_typed(keys, same_as), details[0]
    match detail["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key{_meant(keys, schema, values)}"
        case "missing":
            return f"{key}: a value is required (give {key}=…)"
        case "union_tag_invalid":
            tag, expected = detail["ctx"]["tag"], detail["ctx"]["expected_tags"].replace("'", "").split(", ")
            return f"{key}: there is no {tag!r}{nearest(tag, expected)}"
        case "union_tag_not_found":
            name = detail["ctx"]["discriminator"].strip("'")
            return f"{key}: {name} is required besides its settings (give {key}.{name}=…)"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{key}: a section with keys of its own, {key}.…=…, and no value (got {detail['input']!r})"
    messages = dict.fromkeys(str(one["msg"]).removeprefix("Value error, ") for one in details)
    first, *others = (message.replace("valid tuple", "valid list") for message in messages)
    message = ", or ".join([first, *(other.removeprefix("Input should be ") for other in others)])
    if detail["type"] in ("list_type", "tuple_type") and isinstance(detail["input"], str):
        message += f"; a list of one is written '{key}=[{detail['input']}]'"
    if isinstance(detail["input"], dict):  # quoting a whole section back would not help
        return f"{key}: {message}" if key else message
    return f"{key}: {message} (got {detail['input']!r})"


def _as_typed(keys: list[str], same_as: Mapping[str, str]) -> str:
    """The key that has the value: that of another section where this one only refers to it."""
    sections = (".".join(keys[:end]) for end in range(len(keys), 0, -1))
    section = next((section for section in sections if section in same_as), None)
    key = ".".join(keys)
    return key if section is None else same_as[section] + key.removeprefix(section)


def _keys(detail: Any, values: dict[str, Any]) -> tuple[str, ...]:
    """The key that the user typed: a union puts its tags into the location, which are in no section."""
    keys: list[str] = []
    node: Any = values
    *sections, last = detail["loc"] or [""]
    for part in sections:
        if _has(node, part):
            keys.append(str(part))
            node = node[part]
    if _has(node, last) or (isinstance(node, dict) and detail["type"] in ("missing", "extra_forbidden")):
        keys.append(str(last))
    return tuple(keys)


def _has(node: Any, part: str | int) -> bool:
    return part in node if isinstance(node, dict) else isinstance(node, list | tuple) and part in range(len(node))


def nearest(name: str, valid: list[str]) -> str:
    """The likely intended value, or the valid ones, as the end of a message."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid here: {', '.join(valid)}" if valid else ""


def _meant(keys: list[str], schema: type[BaseModel], values: dict[str, Any]) -> str:
    """The likely intended key: a misspelt one of this section, one of this name in another, or the nearest one here."""
    here = _names_at(schema, keys[:-1], values)
    elsewhere = [*dict.fromkeys(key for key in _all_keys(schema, values) if key.rpartition(".")[2] == keys[-1])]
    if elsewhere and not difflib.get_close_matches(keys[-1], here, n=1, cutoff=MISSPELT):
        return f"; did you mean {' or '.join(elsewhere[:MOST_MEANT])}?"
    return nearest(keys[-1], here)


def _all_keys(section: type[BaseModel], values: Any, before: str = "") -> Iterator[str]:
    """The dotted keys of a section and of those below it, following the union members that ``values`` select."""
    for name, field in section.model_fields.items():
        yield before + name
        below = _value_at(values, name)
        for inner in _models_in(field.annotation):
            if _selected(inner, below):
                yield from _all_keys(inner, below, f"{before}{name}.")


def _names_at(schema: type[BaseModel], keys: list[str], values: Any) -> list[str]:
    """The valid names of the section that ``keys`` leads to, following the union member that ``values`` select."""
    places: list[Any] = [schema]
    for key in keys:
        found = [annotation for place in places for annotation in _under(place, key)]
        places = [inner for annotation in found for inner in _models_in(annotation) or [annotation]]
        values = _value_at(values, key)
        places = [place for place in places if _is_model(place) and _selected(place, values)] or places
    return sorted({name for place in places if _is_model(place) for name in place.model_fields})


def _under(place: Any, key: str) -> list[Any]:
    """What is below a key of a section, below any key of names, or at any place of a list."""
    if _is_model(place):
        return [place.model_fields[key].annotation] if key in place.model_fields else []
    origin, below = typing.get_origin(place), typing.get_args(place)
    return [below[1]] if origin is dict else [below[0]] if origin in (list, tuple) else []


def _value_at(values: Any, key: str) -> Any:
    """What is given at a key of a section, or at a place of a list."""
    if isinstance(values, list | tuple):
        return values[int(key)]
    return values.get(key) if isinstance(values, dict) else None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if _is_model(annotation):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return [model for part in typing.get_args(annotation) for model in _models_in(part)]
    return []


def _selected(section: type[BaseModel], values: Any) -> bool:
    given = values if isinstance(values, dict) else {}
    literals = {
        n: typing.get_args(f.annotation)
        for n, f in section.model_fields.items()
        if typing.get_origin(f.annotation) is typing.Literal
    }
    return all(given.get(name, options[0]) in options for name, options in literals.items())
