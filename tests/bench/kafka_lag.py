"""Lag of Kafka groups, beside the Java tool: three partitions, and 10,000 of 100 groups, with messages
unread in each, whose age is looked up as well."""

import os
import subprocess

from timing import MQTK, Job, compare, head_of_file, rows

JAVA = ("source tests/brokers/kafka.sh && kafka_tool kafka3 "
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server ")
GROUPS = 100
PARTITIONS = 100
FEW = 1000


def mqtk(*words):
    subprocess.run([MQTK, *words], check=True, stdout=subprocess.DEVNULL)


def fill_stream(stream, lines):
    with open(lines, "rb") as source:
        subprocess.run([MQTK, "produce", "-q", "-K:", stream], stdin=source, check=True)


def table(broker, lines, rounds):
    prefix = f"benchlag{os.getpid()}"
    small = f"kafka://{broker}/{prefix}-small"

    mqtk("create", "-q", "--partitions", "3", small)
    fill_stream(small, lines)
    mqtk("group", "create", "-q", "--to", "-1000", small, prefix)
    yield from rows("lag of 3 partitions", compare({
        "mqtk lag": Job([MQTK, "lag", small, prefix], target="≤ 0.1 s"),
        "mqtk lag --no-age": Job([MQTK, "lag", "--no-age", small, prefix]),
        "the Java tool (kafka-consumer-groups)": Job(
            ["bash", "-c", f"{JAVA}{broker} --describe --group {prefix}"]),
    }, rounds, 0), 0)
    mqtk("group", "delete", "-q", "--yes", small, prefix)
    mqtk("delete", "-q", "--yes", small)

    many = {f"{prefix}-{n}": f"kafka://{broker}/{prefix}-{n}" for n in range(GROUPS)}
    few = head_of_file(lines, FEW)
    for group, stream in many.items():
        mqtk("create", "-q", "--partitions", str(PARTITIONS), stream)
        fill_stream(stream, few)
        mqtk("group", "create", "-q", stream, group)
    yield from rows(f"lag of {GROUPS * PARTITIONS:,} partitions", compare({
        "mqtk lag --all": Job([MQTK, "lag", "--all", f"kafka://{broker}/"], target="≤ 2 s"),
        "mqtk lag --all --no-age": Job([MQTK, "lag", "--all", "--no-age", f"kafka://{broker}/"]),
        "the Java tool (--all-groups)": Job(
            ["bash", "-c", f"{JAVA}{broker} --describe --all-groups"]),
    }, rounds, 0), 0)
    for group, stream in many.items():
        mqtk("group", "delete", "-q", "--yes", stream, group)
        mqtk("delete", "-q", "--yes", stream)
