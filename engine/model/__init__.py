"""What flows between the stages. Standard library and msgspec only."""

from engine.model.alert import Alert
from engine.model.chunk import Chunk
from engine.model.event import DeadLetter, Event, Fields
from engine.model.frame import Flow, Frame
from engine.model.log_format import Joining, LogFormat, Opened, ParseError, Session
from engine.model.logsource import LogSource
from engine.model.match import Correlated, Evidence, Held, Match
from engine.model.rule import RuleHead
from engine.model.tick import Tick

__all__ = [
    "Alert",
    "Chunk",
    "Correlated",
    "DeadLetter",
    "Event",
    "Evidence",
    "Fields",
    "Flow",
    "Frame",
    "Held",
    "Joining",
    "LogFormat",
    "LogSource",
    "Match",
    "Opened",
    "ParseError",
    "RuleHead",
    "Session",
    "Tick",
]
