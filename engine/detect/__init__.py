"""Event → Match: Sigma detections, routed by log source, found by anchors, evaluated once a projection."""

from engine.detect.detector import Detector, Stats
from engine.detect.explain import Explanation, Step, explain, text

__all__ = ["Detector", "Explanation", "Stats", "Step", "explain", "text"]
