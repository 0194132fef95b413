"""All rules that were read, as the stages want them."""

import msgspec

from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.detection import DetectionRule
from engine.ruleset.problem import Problem, errors


class Ruleset(msgspec.Struct):
    """``correlations`` stand behind what they refer to. ``disabled`` names rules that are well but cannot run."""

    detections: tuple[DetectionRule, ...] = ()
    correlations: tuple[CorrelationRule, ...] = ()
    problems: tuple[Problem, ...] = ()
    disabled: tuple[str, ...] = ()

    @property
    def definitions(self) -> dict[str, str]:
        """What the detections mean that correlations refer to, by id."""
        below = {base for rule in self.correlations for base in rule.references}
        return {rule.head.id: rule.definition for rule in self.detections if rule.head.id in below}

    @property
    def errors(self) -> list[Problem]:
        return errors(self.problems)
