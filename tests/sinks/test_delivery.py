"""Between the stages and a sink: nothing lost, nothing doubled, and the source slowed down instead."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from engine.model import Alert
from engine.sinks.delivery import Delivery
from engine.sinks.sink import Refused, SinkError, SinkUnavailable
from engine.telemetry import Telemetry


class Memory:
    """A sink whose outages a test decides."""

    def __init__(self, *, down: int = 0, refuses: str = "") -> None:
        self.name = "memory"
        self.documents: list[str] = []
        self.failures_left = down
        self.refuses = refuses
        self.broken: Exception | None = None
        self.open = threading.Event()
        self.open.set()

    def start(self) -> None:
        if isinstance(self.broken, SinkError):
            raise self.broken

    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]:
        self.open.wait()
        if self.broken is not None:
            raise self.broken
        if self.failures_left:
            self.failures_left -= 1
            raise SinkUnavailable("no route")
        self.documents += [alert.id for alert in alerts if alert.id != self.refuses]
        return [Refused(alert, "too odd") for alert in alerts if alert.id == self.refuses]

    def position(self) -> Any:
        return len(self.documents)

    def restore(self, position: Any) -> None: ...

    def close(self) -> None: ...


def alert(name: str) -> Alert:
    return Alert(name, 0, 0, "rule", "low", {"event.id": name})


@pytest.fixture
def begun() -> Iterator[Callable[..., Delivery]]:
    deliveries: list[Delivery] = []

    def begin(sink: Memory, **options: Any) -> Delivery:
        deliveries.append(Delivery(sink, longest_pause_s=0.01, **options))
        deliveries[-1].start()
        return deliveries[-1]

    yield begin
    for delivery in deliveries:
        delivery.sink.open.set()  # type: ignore[attr-defined]
        delivery.close()


def test_alerts_arrive_in_the_order_in_which_they_were_put(begun) -> None:
    sink = Memory()
    delivery = begun(sink, batch=3)

    for number in range(100):
        delivery.put([alert(str(number))])

    assert delivery.drain(10)
    assert sink.documents == [str(number) for number in range(100)]
    assert delivery.stats["written"] == 100


def test_a_sink_that_is_down_is_tried_again_until_it_takes_the_batch(begun) -> None:
    sink = Memory(down=3)
    delivery = begun(sink)

    delivery.put([alert("a"), alert("b")])

    assert delivery.drain(30)
    assert sink.documents == ["a", "b"]
    assert delivery.stats["failures"] == delivery.stats["retries"] == 3
    assert delivery.up


def test_put_blocks_on_a_full_queue_and_says_that_it_waits(begun) -> None:
    waited: list[float] = []
    sink = Memory()
    sink.open.clear()
    delivery = begun(sink, queue=2, batch=1, waiting=lambda: waited.append(time.monotonic()))
    filling = threading.Thread(target=delivery.put, args=([alert(str(n)) for n in range(10)],))

    filling.start()
    filling.join(1.5)
    blocked = filling.is_alive()
    sink.open.set()
    filling.join(10)

    assert blocked
    assert waited
    assert delivery.drain(10)
    assert len(sink.documents) == 10


def test_what_is_not_durable_is_not_drained(begun) -> None:
    sink = Memory()
    sink.open.clear()
    delivery = begun(sink)

    delivery.put([alert("a")])

    assert not delivery.drain(0.2)
    assert delivery.depth() == 1


def test_a_batch_that_is_durable_does_not_vouch_for_the_next_one(begun) -> None:
    sink = Memory()
    delivery = begun(sink, batch=1)
    delivery.put([alert("a")])
    assert delivery.drain(10)
    sink.open.clear()
    delivery.put([alert("b"), alert("c"), alert("d")])
    sink.failures_left = 1_000_000

    sink.open.set()
    early = delivery.drain(0.3)
    sink.failures_left = 0

    assert not early
    assert delivery.drain(10)
    assert sink.documents == ["a", "b", "c", "d"]


def test_an_alert_put_while_another_is_written_is_waited_for_too(begun) -> None:
    sink = Memory()
    sink.open.clear()
    delivery = begun(sink, batch=1)
    delivery.put([alert("a")])
    time.sleep(0.05)
    delivery.put([alert("b")])

    releasing = threading.Timer(0.05, sink.open.set)
    releasing.start()
    write, sink.write = sink.write, lambda alerts: (time.sleep(0.2), write(alerts))[1]  # type: ignore[method-assign]

    assert delivery.drain(10)
    assert sink.documents == ["a", "b"]


def test_a_refused_document_goes_its_own_way_and_the_others_are_written(begun) -> None:
    refused: list[tuple[str, str]] = []
    sink = Memory(refuses="b")
    delivery = begun(sink, refused=lambda name, found: refused.extend((name, one.alert.id) for one in found))

    delivery.put([alert("a"), alert("b"), alert("c")])

    assert delivery.drain(10)
    assert sink.documents == ["a", "c"]
    assert refused == [("memory", "b")]
    assert (delivery.stats["written"], delivery.stats["refused"]) == (2, 1)


def test_a_sink_that_can_never_work_stops_the_start() -> None:
    sink = Memory()
    sink.broken = SinkError("another program's file")

    with pytest.raises(SinkError, match="another program"):
        Delivery(sink).start()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sink_that_breaks_in_an_unforeseen_way_is_noticed_and_nobody_waits_for_ever(begun) -> None:
    sink = Memory()
    delivery = begun(sink)
    sink.broken = ZeroDivisionError("a bug")

    delivery.put([alert("a")])

    with pytest.raises(SinkError, match="ZeroDivisionError"):
        delivery.drain(10)
    with pytest.raises(SinkError, match="memory ended"):
        delivery.put([alert("b")])


def test_closing_does_not_wait_for_a_sink_that_is_down() -> None:
    delivery = Delivery(Memory(down=1_000_000), longest_pause_s=30)
    delivery.start()
    delivery.put([alert("a")])
    time.sleep(0.05)

    began = time.monotonic()
    delivery.close()

    assert time.monotonic() - began < 5


def test_its_counts_are_published(begun) -> None:
    telemetry = Telemetry()
    delivery = begun(Memory(down=1))
    delivery.publish(telemetry)

    delivery.put([alert("a")])
    delivery.drain(10)

    found = {sample.name: sample.value for metric in telemetry.collect() for sample in metric.samples}
    assert found["tieline_sink_written_total"] == 1
    assert found["tieline_sink_failures_total"] == 1
    assert found["tieline_sink_up"] == 1
    assert found["tieline_sink_write_seconds_count"] == 1
    assert found["tieline_queue_capacity"] == 10_000
