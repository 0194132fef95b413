"""What the parser counts is told under the metrics' names."""

from engine.model import DeadLetter, Fields, Frame, LogFormat, LogSource
from engine.parsing.parser import Parser
from engine.readings import publish_parser
from engine.telemetry import Telemetry


def _third(frame: Frame) -> Fields:
    return {"message": frame.text.split()[2]}


_FORMAT = LogFormat(id="third", vendor="V", product="P", logsource=LogSource(), spec="", parse=_third)


def test_a_record_on_which_a_formats_code_fails_costs_that_record_only_and_is_counted() -> None:
    parser, telemetry = Parser({"third": _FORMAT}), Telemetry()
    publish_parser(telemetry, parser)

    found = parser.feed([Frame(line, "s", format="third") for line in (b"a b c", b"a b", b"a b d")])

    told = {(s.name, *s.labels.values()): s.value for metric in telemetry.collect() for s in metric.samples}
    assert [isinstance(one, DeadLetter) for one in found] == [False, True, False]
    assert told["tieline_format_faults_total", "third"] == 1
    assert told["tieline_events_total", "third"] == 2
