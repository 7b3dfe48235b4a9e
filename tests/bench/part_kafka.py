"""Kafka: beside kcat, and bare loops over librdkafka."""

import os
import shutil
import subprocess

import dead_letters
import kafka_lag
from timing import BARE, HEAD, MQTK, Job, compare, fill, rows, run_once

TITLE = "Kafka"
MESSAGES = 1_000_000
LETTERS = 500_000


def topics(broker):
    """A fresh topic for each run; the one before is deleted, so that the disk stays small."""
    state = {"n": 0, "name": None}

    def drop():
        if state["name"]:
            subprocess.run([MQTK, "delete", "--yes", "-q", f"kafka://{broker}/{state['name']}"],
                           check=True)
        state["name"] = None

    def prepare(_name):
        drop()
        state["n"] += 1
        state["name"] = f"benchp{os.getpid()}-{state['n']}"
        subprocess.run([MQTK, "create", "-q", "--partitions", "1",
                        f"kafka://{broker}/{state['name']}"], check=True)

    return state, prepare, drop


def work(broker, source, folder, rounds):
    """Dead letters, and the worker on the messages of SOURCE."""
    prefix = f"benchdead{os.getpid()}"
    dead, back = (f"kafka://{broker}/{prefix}-{name}" for name in ("dead", "back"))
    groups = []

    def group():
        groups.append(f"{prefix}-{len(groups)}")
        return groups[-1]

    def empty(_name):
        subprocess.run([MQTK, "delete", "-q", "--yes", back], check=False, stderr=subprocess.DEVNULL)
        subprocess.run([MQTK, "create", "-q", "--partitions", "1", back], check=True)

    subprocess.run([MQTK, "create", "-q", "--partitions", "1", dead], check=True)
    run_once([MQTK, "produce", "-J", dead],
             dead_letters.fill(os.path.join(folder, "letters"), LETTERS, f"{prefix}-back"))
    yield from dead_letters.requeue(dead, back, lambda _name: ["--group", group()], LETTERS, rounds,
                                    empty)
    yield from dead_letters.lines(source, group, MESSAGES, rounds)
    for stream in (dead, back):
        subprocess.run([MQTK, "delete", "--yes", "-q", stream], check=True)


def run(folder, rounds):
    broker = os.environ["MQTK_TEST_KAFKA"]
    kcat = shutil.which("kcat")
    lines = fill(os.path.join(folder, "keyed"), MESSAGES, True)
    table = []

    state, prepare, drop = topics(broker)
    jobs = {"mqtk produce (idempotent)": Job(
        lambda: [MQTK, "produce", "-K:", f"kafka://{broker}/{state['name']}"], lines)}
    if kcat:
        jobs["kcat -P (acks=all)"] = Job(
            lambda: [kcat, "-P", "-q", "-K:", "-b", broker, "-t", state["name"], "-X", "acks=all"],
            lines)
    jobs["bare loop (idempotent)"] = Job(
        lambda: [f"{BARE}/bare_produce", broker, state["name"]], lines)
    table += rows("produce", compare(jobs, rounds, MESSAGES, prepare), MESSAGES)
    drop()

    topic = f"bench{os.getpid()}"
    source = f"kafka://{broker}/{topic}"
    subprocess.run([MQTK, "create", "-q", "--partitions", "1", source], check=True)
    run_once([MQTK, "produce", "-K:", source], lines)
    jobs = {"mqtk consume -e": Job([MQTK, "consume", "-e", "-q", source])}
    if kcat:
        jobs["kcat -C -e"] = Job([kcat, "-C", "-e", "-q", "-b", broker, "-t", topic])
    jobs["bare loop (tuned)"] = Job([f"{BARE}/bare_consume", broker, topic])
    table += rows("consume raw", compare(jobs, rounds, MESSAGES), MESSAGES)
    jobs = {"mqtk consume -J -e": Job([MQTK, "consume", "-J", "-e", "-q", source]),
            "mqtk consume -e (raw)": Job([MQTK, "consume", "-e", "-q", source])}
    if kcat:
        jobs["kcat -C -J -e"] = Job([kcat, "-C", "-J", "-e", "-q", "-b", broker, "-t", topic])
    table += rows("consume JSON", compare(jobs, rounds, MESSAGES), MESSAGES)
    state, prepare, drop = topics(broker)
    copy = [MQTK, "replay", "-q", source]
    jobs = {"mqtk replay": Job(lambda: [*copy, f"kafka://{broker}/{state['name']}"]),
            "mqtk replay --no-provenance": Job(
                lambda: [*copy, "--no-provenance", f"kafka://{broker}/{state['name']}"])}
    if kcat:
        jobs["kcat -C | kcat -P (loses keys, headers, times)"] = Job(
            lambda: ["sh", "-c", f"kcat -C -e -q -b {broker} -t {topic} | "
                     f"kcat -P -q -b {broker} -t {state['name']} -X acks=all"],
            target="≥1.5× as fast")
    table += rows("replay", compare(jobs, rounds, MESSAGES, prepare), MESSAGES)
    drop()
    table += work(broker, source, folder, rounds)
    subprocess.run([MQTK, "delete", "--yes", "-q", source], check=True)

    table += kafka_lag.table(broker, lines, rounds)

    return HEAD + table + ["", f"{MESSAGES:,} messages of 100 bytes with a key, one partition, where nothing "
                           f"else is said; {LETTERS:,} letters with ten headers; Kafka 3.9.1."]
