"""Which kind of correlation a rule is."""

from engine.correlate.correlation import Correlation, Setting
from engine.correlate.counted import Counted
from engine.correlate.expression import literals
from engine.correlate.first_seen import FirstSeen
from engine.correlate.interval import Interval
from engine.correlate.joined import Joined
from engine.correlate.ordered import Ordered
from engine.correlate.silence import Silence
from engine.correlate.skewed import Skewed
from engine.correlate.sliding import Sliding
from engine.correlate.windowed import Windowed
from engine.ruleset.correlation import CorrelationRule, Threshold


def correlation_of(rule: CorrelationRule, index: int, setting: Setting, inner: frozenset[str]) -> Correlation:
    """A rule at work; ``inner`` are the ids of all correlations."""
    condition = rule.condition
    framed = rule.until or rule.window != "sliding"
    if isinstance(condition, Threshold):
        sliding = condition.grows
    else:
        sliding = not any(step.absent for step in literals(condition))
    kind: type[Correlation] = Interval
    if rule.expected:
        kind = Silence
    elif rule.learn_ns is not None:
        kind = FirstSeen
    elif sliding and rule.type == "temporal_ordered":
        kind = Joined if rule.join else Ordered
        if rule.skew_ns or framed or inner.intersection(rule.steps):
            kind = Skewed
    elif sliding and (framed or rule.refire == "growth"):
        kind = Windowed
    elif sliding:
        kind = Counted if rule.type == "event_count" and rule.window == "sliding" and not rule.until else Sliding
    return kind(rule, index, setting)
