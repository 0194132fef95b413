"""The index template and its components, put at the start; what this server does not know is left out."""

import copy
from importlib import resources
from typing import Any

import orjson

from engine.sinks.elasticsearch_client import Client, Refusal

# Dropped where the server answers 400 and names them: dots lead to the place in the body.
_OPTIONAL = {
    "ignore_dynamic_beyond_limit": "template.settings.index.mapping.total_fields.ignore_dynamic_beyond_limit",  # 8.14
    "prefer_ilm": "template.settings.index.lifecycle",  # not in every flavor
    "data_retention": "template.lifecycle",
    "lifecycle": "template.lifecycle",  # 8.11
}


def put_templates(client: Client, *, retention: str | None = None) -> list[str]:
    """Puts them, and gives the names of what this server does not know."""
    left_out: list[str] = []
    index = read("index")
    if retention is not None:
        # The built-in logs@settings brings a policy of its own, which would win.
        index["template"] = {
            "lifecycle": {"data_retention": retention},
            "settings": {"index": {"lifecycle": {"prefer_ilm": False}}},
        }
    for path, body in (
        ("/_component_template/tieline@mappings", read("mappings")),
        ("/_component_template/tieline@settings", read("settings")),
        ("/_index_template/tieline", index),
    ):
        _put(client, path, body, left_out)
    return left_out


def read(name: str) -> dict[str, Any]:
    """``mappings``, ``settings`` or ``index``, as they are shipped."""
    text = resources.files("engine.sinks").joinpath("templates", f"{name}.json").read_bytes()
    found: dict[str, Any] = orjson.loads(text)
    return found


def _put(client: Client, path: str, body: dict[str, Any], left_out: list[str]) -> None:
    while True:
        try:
            client.ask("PUT", path, body)
        except Refusal as refusal:
            unknown = next((name for name in _OPTIONAL if name in refusal.reason and _has(body, _OPTIONAL[name])), None)
            if refusal.status != 400 or unknown is None:
                raise
            body = _without(body, _OPTIONAL[unknown])
            left_out.append(unknown)
        else:
            return


def _has(body: dict[str, Any], place: str) -> bool:
    for step in place.split("."):
        if step not in body:
            return False
        body = body[step]
    return True


def _without(body: dict[str, Any], place: str) -> dict[str, Any]:
    """
    >>> _without({"a": {"b": 1, "c": 2}}, "a.b")
    {'a': {'c': 2}}
    """
    out = copy.deepcopy(body)
    *steps, last = place.split(".")
    inner = out
    for step in steps:
        inner = inner[step]
    del inner[last]
    return out
