"""A correlation and its groups as values that msgpack can carry, and back."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.correlate.group import NEVER, PAST, Counts, Group
from engine.correlate.state import Heads, item_from, life_from, life_state

if TYPE_CHECKING:
    from engine.correlate.correlation import Correlation


def group_state(correlation: "Correlation", group: Group, heads: Heads) -> list[Any]:
    return [
        None if group.due == NEVER else group.due,
        [group.lossy, *(None if time == PAST else time for time in (group.lost, group.unsure, group.touched))],
        life_state(group.alert),
        [life_state(life) for life in group.kept or ()],
        correlation.items_state(group, group.items[group.head :], heads),
        max(0, group.fresh - group.head),
        correlation.state_of(group, heads),
    ]


def group_from(correlation: "Correlation", state: Sequence[Any], tables: Sequence[Heads]) -> tuple[Group, int | None]:
    """The group, and when it has to be looked at. ``tables``: the rule heads that groups refer to; a group says which,
    if there are several."""
    key, due, lost, alert, kept, items, fresh, own, *table = state
    heads = tables[table[0] if table else 0]
    group = Group(tuple(key), correlation.fresh_state())
    if isinstance(lost, bool):  # version 1
        group.lossy, group.touched = lost, PAST if due is None else due
    else:
        group.lossy = lost[0]
        group.lost, group.unsure, group.touched = (PAST if time is None else time for time in lost[1:])
    group.alert = life_from(alert, correlation.rule)
    lives = [life for each in kept if (life := life_from(each, correlation.rule)) is not None]
    group.kept = lives or None
    group.items = [item_from(item, heads) for item in items]
    group.fresh = fresh
    correlation.restore_state(group, own, heads)
    return group, due


def whole_state(correlation: "Correlation", heads: Heads) -> dict[str, Any]:
    groups = [[key, *group_state(correlation, group, heads)] for key, group in correlation.groups.items()]
    state = {**correlation.rest(), "groups": groups}
    if correlation.links is not None:
        state["links"][0] = correlation.links.facts(full=True)
    return state


def rest_of(correlation: "Correlation") -> dict[str, Any]:
    """The state without that of the groups, and without the facts of links."""
    suppression, links = correlation.suppression, correlation.links
    return {
        "counts": asdict(correlation.counts),
        "suppression": None if suppression is None else suppression.state(),
        "losses": correlation.losses.state(),
        "links": None if links is None else links.state(),
    }


def restored(correlation: "Correlation", state: Any, tables: Sequence[Heads]) -> tuple[int, int]:
    """Puts it back; how many groups and open alerts were left out, because they are no longer the correlation's own."""
    correlation.counts = Counts(**state["counts"])
    if correlation.suppression is not None and state.get("suppression") is not None:
        correlation.suppression.restore(state["suppression"])
    correlation.losses.restore(state.get("losses"))
    if correlation.links is not None and state.get("links") is not None:
        correlation.links.restore(state["links"])
    for each in (correlation.links, correlation.suppression):
        correlation.arm_rest(NEVER if each is None else each.due())
    found = [group_from(correlation, each, tables) for each in state["groups"]]
    owns, rule = correlation.owns, correlation.rule
    ours = [each for each in found if owns is None or owns(rule, each[0].key)]
    for group, due in sorted(ours, key=lambda each: each[0].touched):
        correlation.groups[group.key] = group
        correlation.open_alerts += group.alert is not None
        if due is not None:
            correlation.arm(group, due)
    open_alerts = sum(group.alert is not None for group, _ in found)
    return len(found) - len(ours), open_alerts - correlation.open_alerts


def taken_over(correlation: "Correlation", other: "Correlation") -> None:
    """The state of ``other``, which is of the same definition and must not be used any more, perhaps under another
    title or level."""
    correlation.groups, correlation.counts = other.groups, other.counts
    correlation.losses.take_over(other.losses)
    if correlation.links is not None and other.links is not None:
        correlation.links.take_over(other.links)
    correlation.open_alerts, correlation.end = other.open_alerts, other.end
    correlation.rest_due = other.rest_due
    correlation.changes = other.changes
    if correlation.changes is not None:
        correlation.changes.follow(correlation)
    if correlation.suppression is not None and other.suppression is not None:
        correlation.suppression.take_over(other.suppression)
    if correlation.rule.head != other.rule.head:
        for group in correlation.groups.values():
            for life in (group.alert, *(group.kept or ())):
                if life is not None:
                    life.rule = correlation.rule
