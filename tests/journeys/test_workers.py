"""Two workers of one group against a real broker: one is killed, and each revision of each alert is there once."""

import json
import random
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from tieline_service import TIELINE, Service, environment, service, wait_until

from engine.model.times import rfc3339

Folder = Callable[[str], Path]

PARTITIONS = 3
START_S = 1_767_225_600
RULES = """\
title: Refused
id: 11111111-0000-4000-8000-000000000001
name: refused
status: experimental
logsource: {category: probe}
detection: {s: {act: refused}, condition: s}
level: low
---
title: Admitted
id: 11111111-0000-4000-8000-000000000002
name: admitted
status: experimental
logsource: {category: probe}
detection: {s: {act: admitted}, condition: s}
level: low
---
title: Alarm
id: 11111111-0000-4000-8000-000000000003
name: alarm
status: experimental
logsource: {category: probe}
detection: {s: {act: alarm}, condition: s}
level: high
---
title: Refused again and again
id: 22222222-0000-4000-8000-000000000001
name: again
status: experimental
correlation: {type: event_count, rules: [refused], group-by: [who], timespan: 2m, condition: {gte: 4}, generate: true}
level: medium
---
title: Refused from many places
id: 22222222-0000-4000-8000-000000000002
status: experimental
correlation: {type: value_count, rules: [refused], group-by: [who], timespan: 4m, condition: {field: place, gte: 6}}
level: medium
---
title: Admitted after it was refused again and again
id: 22222222-0000-4000-8000-000000000003
status: experimental
correlation: {type: temporal_ordered, rules: [again, admitted], group-by: [who], timespan: 10m, generate: true}
level: high
---
title: At most twice
id: 22222222-0000-4000-8000-000000000004
status: experimental
correlation: {type: event_count, rules: [admitted], group-by: [place], timespan: 3m, condition: {gte: 1, lte: 2}}
level: low
"""


def events(rng: random.Random, count: int) -> list[list[bytes]]:
    """By partition, each in the order of its time; at the end one that moves its clock past all others."""
    made: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for number in range(count):
        act = rng.choices(["refused", "admitted", "alarm", "nothing"], [60, 5, 2, 33])[0]
        event = {
            "@timestamp": rfc3339((START_S * 1000 + number * 700 + rng.randrange(700)) * 1_000_000),
            "event.id": f"e{number}",
            "ls_category": "probe",
            "act": act,
            "who": f"user-{min(rng.randrange(150), rng.randrange(150))}",
            "place": f"place-{rng.randrange(25)}",
        }
        made[rng.randrange(PARTITIONS)].append(json.dumps(event).encode())
    for number, lines in enumerate(made):
        after = rfc3339((START_S + count + 7_200) * 1_000_000_000)
        lines.append(json.dumps({"@timestamp": after, "event.id": f"end-{number}", "ls_category": "probe"}).encode())
    return made


def expected(folder: Path, rules: Path, made: list[list[bytes]]) -> Counter[tuple[str, int]]:
    """What one process that nobody disturbs makes of it."""
    files = []
    for number, lines in enumerate(made):
        file = folder / f"part-{number}.json"
        file.write_bytes(b"\n".join(lines) + b"\n")
        files.append(str(file))
    command = [*TIELINE, "replay", "--format", "json", "--lateness", "10s", "--rules", str(rules), *files]
    done = subprocess.run(command, env=environment(), capture_output=True, check=True, timeout=120)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return Counter(
        (alert["event.id"], number)
        for alert in found
        for number in range(alert.get("tieline.correlation.revision", 0) + 1)
    )


class Cluster:
    def __init__(self, folder: Path, kafka: str) -> None:
        self.folder = folder
        self.kafka = kafka
        self.name = f"workers-{secrets.token_hex(4)}"
        self.rules = folder / "rules"
        self.rules.mkdir()
        (self.rules / "rules.yml").write_text(RULES)
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        admin.create_topics(
            {name: {"num_partitions": PARTITIONS} for name in (self.topic("events"), self.topic("alerts"))}
        )
        admin.close()

    def topic(self, what: str) -> str:
        return f"{self.name}-{what}"

    def worker(self, name: str) -> Service:
        kafka = {"type": "kafka", "brokers": [self.kafka]}
        return service(
            self.folder,
            name,
            {
                "role": "detect",
                "rules": [str(self.rules)],
                "time": {"lateness": "10s", "idle_after": "1h"},
                "state": {
                    "kind": "kafka",
                    "every": "1s",
                    "matches": self.topic("matches"),
                    "snapshots": self.topic("snapshots"),
                },
                "sources": [
                    {
                        **kafka,
                        "topics": [self.topic("events")],
                        "group": self.name,
                        "format": "json",
                        "session_timeout_ms": 3000,
                    }
                ],
                "sinks": [{**kafka, "alerts": self.topic("alerts")}],
            },
        )

    def produce(self, made: list[list[bytes]]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all", enable_idempotence=True)
        for number, lines in enumerate(made):
            for line in lines:
                producer.send(self.topic("events"), line, partition=number)
        producer.flush()
        producer.close()

    def alerts(self) -> Counter[tuple[str, int]]:
        """What is committed."""
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, group_id=None, isolation_level="read_committed")
        partitions = [TopicPartition(self.topic("alerts"), number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: Counter[tuple[str, int]] = Counter()
        while any(consumer.position(at) < ends[at] for at in partitions):
            for messages in consumer.poll(timeout_ms=500).values():
                for message in messages:
                    alert: dict[str, Any] = json.loads(message.value)
                    found[alert["event.id"], alert.get("tieline.correlation.revision", 0)] += 1
        consumer.close()
        return found


@pytest.fixture
def cluster(server_folder: Folder, kafka: str) -> Cluster:
    return Cluster(server_folder("workers"), kafka)


def shared_out(*workers: Service) -> bool:
    """Whether every partition is in just one hand, and every worker has one."""
    hands = [worker.readiness().get("tasks", ()) for worker in workers]
    return all(hands) and sorted(task for hand in hands for task in hand) == sorted({t for hand in hands for t in hand})


def test_each_revision_is_there_once_although_a_worker_was_killed(cluster: Cluster, tmp_path: Path) -> None:
    rng = random.Random(5)
    made = events(rng, 4_000)
    wanted = expected(tmp_path, cluster.rules, made)
    cuts = [[0, *sorted(rng.sample(range(1, len(lines)), 3)), len(lines)] for lines in made]
    one, two = cluster.worker("one"), cluster.worker("two")

    with one, two:
        for step in range(4):
            cluster.produce([lines[cut[step] : cut[step + 1]] for lines, cut in zip(made, cuts, strict=True)])
            time.sleep(1 + rng.random())
            if step % 2 == 0:
                one.kill()  # two gets its partitions, in the middle of its work
                time.sleep(rng.random())
            else:
                one.start()  # and gives half of them back
        wait_until(lambda: cluster.alerts().total() >= wanted.total(), "the alerts", two)
        found = cluster.alerts()
        ended = one.end(), two.end()

    assert len(wanted) > 200
    assert found == wanted
    assert ended == (0, 0)


def test_workers_share_the_groups_and_all_but_one_may_die(cluster: Cluster, tmp_path: Path) -> None:
    rng = random.Random(7)
    made = events(rng, 1_500)
    wanted = expected(tmp_path, cluster.rules, made)
    workers = [cluster.worker(name) for name in ("one", "two", "three")]

    with workers[0], workers[1], workers[2]:
        cluster.produce([lines[: len(lines) // 2] for lines in made])
        time.sleep(2)
        shared = [worker.readiness()["tasks"] for worker in workers]
        for worker in workers[:2]:
            worker.kill()
        cluster.produce([lines[len(lines) // 2 :] for lines in made])
        wait_until(lambda: cluster.alerts().total() >= wanted.total(), "the alerts", workers[2])
        found = cluster.alerts()

    assert sum(map(len, shared)) == 2 * PARTITIONS
    assert found == wanted


def test_a_worker_that_was_given_up_and_wakes_writes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    rng = random.Random(9)
    made = events(rng, 2_000)
    wanted = expected(tmp_path, cluster.rules, made)
    one, two = cluster.worker("one"), cluster.worker("two")

    with one, two:
        cluster.produce([lines[: len(lines) // 2] for lines in made])
        time.sleep(0.5)
        one.pause()  # longer than its session
        cluster.produce([lines[len(lines) // 2 :] for lines in made])
        wait_until(lambda: cluster.alerts().total() >= wanted.total(), "the alerts", one, two)
        one.resume()
        wait_until(lambda: shared_out(one, two), "its part of the work", one, two)
        found = cluster.alerts()

    assert found == wanted
