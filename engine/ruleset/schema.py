"""The JSON Schema of rule files, so that editors complete and underline: ``rules/schema.json`` is made from it.

It agrees with the schemas of Sigma 2.1 (https://github.com/SigmaHQ/sigma-specification) and goes beyond them where the
specification's text, pySigma or we do: ``value_median``, fractions, conditions in words, filters of ``any`` rule,
names of modifiers, ``tieline``.
"""

import json
from typing import Any

from engine.ruleset.additions import MAX_JOINS, MAX_STEPS, MAX_UNTIL, REFIRES, WINDOWS
from engine.ruleset.correlation_section import OPS, TEMPORAL, TYPES
from engine.ruleset.head import LEVELS, STATUSES
from engine.ruleset.links import ENTITIES, MAX_ENDINGS, MAX_LINKS
from engine.ruleset.modifiers import NAMES

Schema = dict[str, Any]

_DATE = r"^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])$"
_SPAN = r"^[0-9]+(ns|us|ms|s|m|h|d|w)$"

_STATUS_MEANS = {
    "stable": "Has run in several places for a long time without a false alarm.",
    "test": "Shows no plain false alarms on a few test systems.",
    "experimental": "Has not left the laboratory yet.",
    "deprecated": "Replaced; 'related' says by what.",
    "unsupported": "Cannot run as it is.",
}
_LEVEL_MEANS = {
    "informational": "Marks events; nobody is called.",
    "low": "Worth a look when many come together.",
    "medium": "Worth a regular look by a person.",
    "high": "Somebody should look soon.",
    "critical": "Close to certain: look at once.",
}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _list(description: str, items: Schema, **more: Any) -> Schema:
    return {"type": "array", "description": description, "items": items, **more}


def _choice(description: str, meanings: dict[str, str]) -> Schema:
    return {
        "type": "string",
        "description": description,
        "oneOf": [{"const": word, "description": meaning} for word, meaning in meanings.items()],
    }


_UUID = _text("What names this rule for good: a UUID.", format="uuid")

_RELATED_MEANS = {
    "derived": "Made from that rule, which may still be in use.",
    "obsolete": "Takes the place of that rule.",
    "merged": "Joins those rules into one.",
    "renamed": "That was this rule's id before.",
    "similar": "Looks for much the same.",
}

_HEAD: Schema = {
    "title": _text("What the rule sees, in a few words.", maxLength=256),
    "id": _UUID,
    "name": _text("A short unique name, by which correlations and filters refer to the rule.", maxLength=256),
    "related": _list(
        "Other rules that this one has to do with.",
        {
            "type": "object",
            "required": ["id", "type"],
            "properties": {"id": _UUID, "type": _choice("How they belong together.", _RELATED_MEANS)},
        },
    ),
    "taxonomy": _text("Whose field names the rule uses; Sigma's where it is left out.", maxLength=256),
    "status": _choice("How ripe the rule is.", {word: _STATUS_MEANS[word] for word in STATUSES}),
    "description": _text("What happened, what it means, and what the rule cannot see.", maxLength=65535),
    "license": _text("The licence of the rule, as an SPDX id."),
    "author": _text("Who wrote it."),
    "references": _list("Where to read more.", {"type": "string"}, uniqueItems=True),
    "date": _text("When it was written: YYYY-MM-DD.", pattern=_DATE),
    "modified": _text("When it was changed last: YYYY-MM-DD.", pattern=_DATE),
    "fields": _list("What an analyst wants to see of the event.", {"type": "string"}, uniqueItems=True),
    "falsepositives": _list(
        "When it is harmless, and how to tell.", {"type": "string", "minLength": 2}, uniqueItems=True
    ),
    "level": _choice("How bad it is.", {word: _LEVEL_MEANS[word] for word in LEVELS}),
    "tags": _list(
        "Tactics and techniques (attack.t0855), CVE numbers and more, as namespace.name.",
        {"type": "string", "pattern": r"^[a-z0-9_-]+\.[a-z0-9._-]+$"},
        uniqueItems=True,
    ),
    "scope": _list("Where the rule is meant to run.", {"type": "string", "minLength": 2}),
}

_LOGSOURCE: Schema = {
    "type": "object",
    "description": "Which events the rule may see at all. What is left out may be anything.",
    "properties": {
        "category": _text("A kind of log, whoever writes it: process_creation, firewall, ot_protocol."),
        "product": _text("A product, or a protocol of the plant: windows, linux, modbus."),
        "service": _text("A part of what the product logs: sshd, security."),
        "definition": _text("What must be switched on, so that these events are logged."),
    },
}

_VALUE: Schema = {"type": ["string", "number", "boolean", "null"]}
_FIELDS: Schema = {
    "type": "object",
    "description": "Fields and what they must be; all of them must hold.",
    "propertyNames": {"pattern": "^[^|]*(\\|(" + "|".join(sorted(NAMES)) + "))*$"},
    "additionalProperties": {"anyOf": [_VALUE, {"type": "array", "items": {"type": ["string", "number", "boolean"]}}]},
}
_SEARCH: Schema = {
    "description": "A search: fields; or a list of alternatives, words looked for anywhere or fields.",
    "anyOf": [
        {"$ref": "#/$defs/fields"},
        {"type": "array", "items": {"anyOf": [{"type": ["string", "integer"]}, {"$ref": "#/$defs/fields"}]}},
    ],
}
_CONDITION = _text("How the searches are joined: 'selection and not 1 of filter_*'.")

_DETECTION: Schema = {
    "type": "object",
    "description": "Named searches, and the condition that joins them.",
    "required": ["condition"],
    "properties": {
        "condition": {"anyOf": [_CONDITION, _list("Alternatives.", {"type": "string"}, minItems=1)]},
        "timeframe": _text("Without meaning now: write a correlation."),
    },
    "additionalProperties": {"$ref": "#/$defs/search"},
}

_FILTER: Schema = {
    "type": "object",
    "description": "Narrows the rules that it names: both their condition and this one must hold.",
    "required": ["rules", "condition"],
    "minProperties": 3,
    "properties": {
        "rules": {
            "description": "Ids or names of the rules, or 'any' for all of this log source.",
            "anyOf": [
                {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
                {"const": "any"},
            ],
        },
        "condition": _text("Mostly 'not selection'."),
    },
    "additionalProperties": {"$ref": "#/$defs/search"},
}

_FIELD_NAMES: Schema = {
    "description": "The field, or several, whose values count together.",
    "anyOf": [
        {"type": "string", "maxLength": 256},
        {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 256}},
    ],
}
_THRESHOLD: Schema = {
    "type": "object",
    "description": "Bounds that hold together: {gt: 100, lte: 200}.",
    "properties": {
        **{op: {"type": "number"} for op in OPS},
        "field": _FIELD_NAMES,
        "percentile": {"type": "number", "minimum": 0, "maximum": 100},
    },
    "additionalProperties": False,
    "anyOf": [{"required": [op]} for op in OPS],
}


def _correlation() -> Schema:
    valued = [kind for kind in TYPES if kind.startswith("value_")]
    counted = [kind for kind in TYPES if kind not in TEMPORAL]
    return {
        "type": "object",
        "description": "What several events, of one rule or of many, mean together.",
        "required": ["type", "timespan", "group-by"],
        "properties": {
            "type": {
                "type": "string",
                "enum": list(TYPES),
                "description": "What is counted or put in order.",
            },
            "rules": _list(
                "Names or ids of rules, correlations too.", {"type": "string", "minLength": 2}, uniqueItems=True
            ),
            "aliases": {
                "type": "object",
                "description": "A common name for fields that the rules call differently: alias: {rule: field}.",
                "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "group-by": _list(
                "Fields or aliases that the events must have in common.", {"type": "string"}, uniqueItems=True
            ),
            "timespan": _text(
                "How far apart the events may be: 30s, 5m, 8h, 2d, 1w. M is a month.",
                maxLength=10,
                pattern="^[0-9]+[smhdwMy]$",
            ),
            "condition": {
                "anyOf": [
                    _THRESHOLD,
                    _text("Names of rules with and, or, not: 'login_fail and not approved_change'."),
                ]
            },
            "generate": {
                "type": "boolean",
                "description": "Whether the rules that it joins still raise alerts of their own.",
            },
            "tieline": {"$ref": "#/$defs/tieline"},
        },
        "allOf": [
            {
                "if": {"properties": {"type": {"enum": counted}}, "required": ["type"]},
                "then": {"required": ["rules", "condition"], "properties": {"condition": {"type": "object"}}},
                "else": {
                    "anyOf": [
                        {"required": ["rules"]},
                        {"properties": {"condition": {"type": "string"}}, "required": ["condition"]},
                    ]
                },
            },
            {
                "if": {"properties": {"type": {"enum": valued}}, "required": ["type"]},
                "then": {"properties": {"condition": {"required": ["field"]}}},
            },
        ],
    }


_NAME: Schema = {"type": "string", "minLength": 2}
_COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_STEPS}
_WINDOW_MEANS = {
    "sliding": "Those of the timespan before each match: the default.",
    "tumbling": "Those of [k * timespan, (k + 1) * timespan) since 1970.",
    "session": "Those with no gap longer than the timespan between them.",
}
_REFIRE_MEANS = {
    "once": "Never: later matches are revisions of the alert. The default.",
    "growth": "When the value is higher than that of the alert before.",
    "match": "At every match at which the condition holds.",
}

_LINK: Schema = {
    "type": "object",
    "description": "Two of user, ip and host: the fields that hold them.",
    "properties": {
        "rule": {**_NAME, "description": "The rule whose matches tell it."},
        **{kind: _text("The name of a field or an alias.", minLength=1) for kind in ENTITIES},
        "for": _text("How long it holds, unless it ends before.", pattern=_SPAN),
        "until": {
            "description": "Rules whose matches, by the same fields, end it.",
            "anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1, "maxItems": MAX_ENDINGS}],
        },
    },
    "required": ["rule", "for"],
    "minProperties": 4,
    "additionalProperties": False,
}

_OURS: Schema = {
    "type": "object",
    "description": "What Tieline adds to Sigma.",
    "properties": {
        "skew": _text("How far the clocks of different sources may be apart in an ordered correlation.", pattern=_SPAN),
        "window": _choice("Which matches count together.", {word: _WINDOW_MEANS[word] for word in WINDOWS}),
        "until": {
            "description": "Rules that abort: nothing before such a match counts together with what comes after it.",
            "anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1, "maxItems": MAX_UNTIL}],
        },
        "steps": {
            "type": "object",
            "description": "How often a rule has to match: {login_fail: 5}.",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [
                    _COUNT,
                    {
                        "type": "object",
                        "properties": {"gte": _COUNT},
                        "required": ["gte"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
        "join": {
            "type": "object",
            "description": "A field of one step that is a field of the next: {destination.ip: source.ip}.",
            "minProperties": 1,
            "maxProperties": MAX_JOINS,
            "additionalProperties": {"type": "string", "minLength": 1},
        },
        "first_seen": {
            "type": "object",
            "description": "Only values that a group has not had within timespan, once the group has been learnt.",
            "properties": {"learn": _text("The learning period from the first match of a group.", pattern=_SPAN)},
            "required": ["learn"],
            "additionalProperties": False,
        },
        "expected": {
            "type": "boolean",
            "description": "A group that has been seen is expected again within every timespan: condition {lt: 1}.",
        },
        "refire": {
            "description": "When there is another alert while one is open.",
            "oneOf": [
                *({"const": word, "description": _REFIRE_MEANS[word]} for word in REFIRES),
                {
                    "type": "object",
                    "description": "When the value is so many times that of the alert before.",
                    "properties": {"growth": {"type": "number", "minimum": 1}},
                    "required": ["growth"],
                    "additionalProperties": False,
                },
            ],
        },
        "links": {
            "description": "Which matches tell that a user, an address and a host belong together.",
            "anyOf": [_LINK, {"type": "array", "items": _LINK, "minItems": 1, "maxItems": MAX_LINKS}],
        },
        "suppress": {
            "description": "For how long after an alert there is none for the same group, or the same of these keys.",
            "anyOf": [
                _text("A time span.", pattern=_SPAN),
                {
                    "type": "object",
                    "properties": {
                        "for": _text("A time span.", pattern=_SPAN),
                        "by": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
                    },
                    "required": ["for"],
                    "additionalProperties": False,
                },
            ],
        },
    },
    "additionalProperties": False,
}


def schema() -> Schema:
    """Draft 2020-12; a document is a detection, a correlation or a filter by the section that it has."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sigma rules, correlations and filters, with what Tieline adds",
        "type": "object",
        "required": ["title"],
        "properties": {**_HEAD, "tieline": {"$ref": "#/$defs/tieline"}},
        "if": {"required": ["correlation"]},
        "then": {"properties": {"correlation": _correlation()}},
        "else": {
            "if": {"required": ["filter"]},
            "then": {"required": ["logsource"], "properties": {"logsource": _LOGSOURCE, "filter": _FILTER}},
            "else": {
                "required": ["logsource", "detection"],
                "properties": {"logsource": _LOGSOURCE, "detection": _DETECTION},
            },
        },
        "$defs": {"fields": _FIELDS, "search": _SEARCH, "tieline": _OURS},
    }


def text() -> str:
    """What stands in ``rules/schema.json``."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")
