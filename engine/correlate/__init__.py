"""Match → Match: Sigma correlations in event time."""

from engine.correlate.correlator import Correlator
from engine.correlate.limits import Limits

__all__ = ["Correlator", "Limits"]
