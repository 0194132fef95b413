import sys
from pathlib import Path

# The oracle and the streams are not packages: nothing below tests/ is.
_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS / "oracle"), str(_TESTS / "correlate")]
