"""From names to rules: correlations resolved, ordered and checked for circles; who silences whom."""

from collections.abc import Container, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

import msgspec

from engine.ruleset import boolean
from engine.ruleset.additions import Reference
from engine.ruleset.correlation import Absent, Both, CorrelationRule, Either, Expression, Link, Seen, Threshold
from engine.ruleset.correlation_section import Draft
from engine.ruleset.problem import Problem

MAX_CHAIN = 16
"""Correlations over correlations, counted from the first that joins detections."""


class Names:
    """What rules are called: by id and by name, over all files. The first to claim one has it."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._places: dict[tuple[str, str], tuple[str, int]] = {}
        self.unusable: dict[str, str] = {}  # what a reference may find instead of a rule: why there is none

    def claim(self, kind: Literal["id", "name"], text: str, path: str, line: int) -> tuple[str, int] | None:
        """None, or the place where it was claimed first."""
        first = self._places.setdefault((kind, _fold(text) if kind == "id" else text), (path, line))
        return None if first == (path, line) else first

    def give(self, rule_id: str, name: str | None) -> None:
        """From now on references find the rule."""
        self._by_id[_fold(rule_id)] = rule_id
        if name:
            self._by_name[name] = rule_id

    def find(self, text: str) -> str | None:
        """An id first, then a name, as in pySigma."""
        return self._by_id.get(_fold(text)) or self._by_name.get(text)

    def close_to(self, text: str) -> str:
        close = get_close_matches(text, self._by_name, 1)
        return f"did you mean '{close[0]}'?" if close else "give the rule that name, or load its folder too"


def _fold(text: str) -> str:
    folded = text.strip().lower().removeprefix("urn:uuid:").strip("{}").replace("-", "")
    return folded if len(folded) == 32 else text


class Resolved(msgspec.Struct):
    correlations: list[CorrelationRule]
    disabled: list[str]
    problems: list[Problem]


def resolve(drafts: Sequence[Draft], names: Names, detections: Iterable[str]) -> Resolved:
    """Referenced ones first. What refers to a missing, broken, circular or disabled rule is left out and named."""
    problems: list[Problem] = []
    by_id = {draft.head.id: draft for draft in drafts}
    targets: dict[str, dict[str, str]] = {}
    for draft in drafts:
        found = _targets(draft, names, problems)
        if found is not None:
            targets[draft.head.id] = found
    _refuse_circles(by_id, targets, problems)
    usable = set(detections)
    depth: dict[str, int] = {}
    rules: list[CorrelationRule] = []
    disabled: list[str] = []
    waiting = [draft for draft in drafts if draft.head.id in targets]
    while waiting:
        ready = [d for d in waiting if all(t in usable for t in targets[d.head.id].values())]
        if not ready:
            break
        for draft in ready:
            found = targets[draft.head.id]
            depth[draft.head.id] = 1 + max(depth.get(target, 0) for target in found.values())
            if depth[draft.head.id] > MAX_CHAIN:
                what = f"correlations over correlations, more than {MAX_CHAIN} levels"
                problems.append(_problem(draft, draft.lines.get("rules", draft.line), what, "join fewer levels"))
                continue
            problems += _alias_problems(draft, found)
            rules.append(_rule(draft, found))
            usable.add(draft.head.id)
        done = {draft.head.id for draft in ready}
        waiting = [draft for draft in waiting if draft.head.id not in done]
    for draft in waiting:
        disabled.append(draft.head.label)
        for reference in draft.references:
            if targets[draft.head.id][reference.text] not in usable:
                what = f"'{draft.head.label}' is disabled: the rule '{reference.text}' that it refers to is not active"
                problems.append(
                    Problem(draft.head.path, reference.line, "warning", what, "mend or enable that rule first")
                )
    return Resolved(rules, disabled, problems)


def silenced(correlations: Iterable[CorrelationRule], informational: Container[str] = ()) -> set[str]:
    """The ids of the rules that some correlation without ``generate: true`` refers to; and of the informational ones
    that are no more than links of one."""
    found: set[str] = set()
    for correlation in correlations:
        taken = (*correlation.rules, *correlation.until)
        for rule in correlation.references:
            if not correlation.generate or (rule not in taken and rule in informational):
                found.add(rule)
    return found


def _targets(draft: Draft, names: Names, problems: list[Problem]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    whole = True
    for reference in draft.references:
        target = names.find(reference.text)
        if target is None:
            why = names.unusable.get(reference.text)
            what = (
                f"there is no rule '{reference.text}'"
                if why is None
                else f"the rule '{reference.text}' cannot be used: {why}"
            )
            problems.append(
                _problem(
                    draft, reference.line, what, names.close_to(reference.text) if why is None else "mend it first"
                )
            )
            whole = False
        elif target in found.values():
            problems.append(
                _problem(draft, reference.line, f"'{reference.text}' is a rule already listed", "list it once")
            )
            whole = False
        else:
            found[reference.text] = target
    return found if whole else None


def _refuse_circles(by_id: Mapping[str, Draft], targets: dict[str, dict[str, str]], problems: list[Problem]) -> None:
    """Every correlation that reaches itself is an error at the reference where the way begins."""
    for rule_id in list(targets):
        draft = by_id[rule_id]
        for reference in draft.references:
            way = _way(targets[rule_id][reference.text], rule_id, targets)
            if way is not None:
                labels = " → ".join(by_id[step].head.label for step in [rule_id, *way])
                problems.append(
                    _problem(draft, reference.line, f"the correlation refers to itself: {labels}", "break the circle")
                )
                break
    for problem_id in [rule_id for rule_id in targets if _way_from(rule_id, targets)]:
        del targets[problem_id]


def _way_from(rule_id: str, targets: Mapping[str, Mapping[str, str]]) -> bool:
    return any(_way(target, rule_id, targets) is not None for target in targets[rule_id].values())


def _way(start: str, goal: str, targets: Mapping[str, Mapping[str, str]]) -> list[str] | None:
    """The shortest way along references, or None."""
    came: dict[str, str | None] = {start: None}
    queue = [start]
    for step in queue:
        if step == goal:
            way = [step]
            while (before := came[way[-1]]) is not None:
                way.append(before)
            return way[::-1]
        for target in targets.get(step, {}).values():
            if target not in came:
                came[target] = step
                queue.append(target)
    return None


def _alias_problems(draft: Draft, found: Mapping[str, str]) -> list[Problem]:
    out = []
    for alias, mapping in draft.aliases.items():
        for rule in mapping:
            if rule not in found:
                line = draft.alias_lines[alias, rule]
                close = get_close_matches(rule, found, 1)
                mend = f"did you mean '{close[0]}'?" if close else "name the rule as 'rules' does"
                out.append(
                    Problem(
                        draft.head.path,
                        line,
                        "error",
                        f"the alias '{alias}' names '{rule}', no rule of this correlation",
                        mend,
                    )
                )
    return out


def _rule(draft: Draft, found: Mapping[str, str]) -> CorrelationRule:
    condition, ours = draft.condition, draft.additions
    return CorrelationRule(
        head=draft.head,
        type=draft.type,
        rules=tuple(found[reference.text] for reference in draft.rules),
        group_by=draft.group_by,
        timespan_ns=draft.timespan_ns,
        condition=condition if isinstance(condition, Threshold) else _expression(condition, found),
        aliases={
            alias: {found[rule]: field for rule, field in mapping.items() if rule in found}
            for alias, mapping in draft.aliases.items()
        },
        fields=draft.fields,
        percentile=draft.percentile,
        generate=draft.generate,
        skew_ns=ours.skew_ns,
        window=ours.window,
        until=tuple(found[reference.text] for reference in ours.until),
        steps={found[rule]: count for rule, count in ours.steps.items()},
        join=ours.join,
        learn_ns=ours.learn_ns,
        expected=ours.expected,
        refire=ours.refire,
        growth=ours.growth,
        suppress_ns=ours.suppress_ns,
        suppress_by=ours.suppress_by,
        links=tuple(
            Link(found[link.rule.text], link.ends, link.for_ns, tuple(found[rule.text] for rule in link.until))
            for link in ours.links
        ),
    )


def _expression(formula: boolean.Formula, found: Mapping[str, str]) -> Expression:
    if isinstance(formula, boolean.Name):
        return Seen(found[formula.name])
    if isinstance(formula, boolean.Negated):
        return Absent(_expression(formula.part, found))
    assert not isinstance(formula, boolean.Some)  # the grammar of rules has no patterns
    parts = tuple(_expression(part, found) for part in formula.parts)
    return Both(parts) if isinstance(formula, boolean.All) else Either(parts)


def _problem(draft: Draft, line: int, what: str, mend: str) -> Problem:
    return Problem(draft.head.path, line, "error", what, mend)


__all__ = ["MAX_CHAIN", "Names", "Reference", "Resolved", "resolve", "silenced"]
