"""RabbitMQ, a classic durable queue: beside PerfTest, and bare loops over librabbitmq.

Queues are made and removed through the management API, so that no command is needed for it.
"""

import base64
import os
import urllib.request

import dead_letters
from timing import (BARE, HEAD, MQTK, Job, compare, fill, head_of_file, instruction_table,
                    instructions, rows, run_once)

TITLE = "RabbitMQ, classic queue"
MESSAGES = 200_000
FEW = 20_000
LETTERS = 50_000
QUEUE = "bench"
PREFETCH, ACK_EVERY = 1000, 500
PERFTEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "perftest", "run")


def run(folder, rounds):
    address = os.environ["MQTK_TEST_RABBITMQ"]
    management = os.environ["MQTK_TEST_RABBITMQ_MANAGEMENT"]
    host, port = address.rsplit(":", 1)
    uri = f"amqp://guest:guest@{address}"
    queue = f"{uri}/{QUEUE}?management={management}"
    lines = fill(os.path.join(folder, "plain"), MESSAGES, False)
    few = head_of_file(lines, FEW)

    def api(method, arguments="", body=None, name=QUEUE):
        request = urllib.request.Request(f"{management}/api/queues/%2F/{name}{arguments}", body,
                                         method=method)
        request.add_header("Authorization",
                           "Basic " + base64.b64encode(b"guest:guest").decode("ascii"))
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=60).close()

    def make_queue(_name):
        api("PUT", body=b'{"durable":true}')

    def drop_queue(_name):
        api("DELETE")

    # Refused when something was left in it: then not everything was acknowledged.
    def drop_empty_queue(_name):
        api("DELETE", "?if-empty=true")

    def fill_queue(_name):
        make_queue(_name)
        run_once([f"{BARE}/bare_rabbitmq", "produce", host, port, QUEUE, "10000"], lines)

    run_once([PERFTEST])
    perftest = [PERFTEST, "-h", uri, "--predeclared", "-u", QUEUE, "-ad", "false"]

    def publisher(window):
        return Job([*perftest, "-x", "1", "-y", "0", "-e", "amq.default", "-k", QUEUE, "-f",
                    "persistent", "-s", "100", "-c", str(window), "-C", str(MESSAGES)],
                   own_rate=r"sending rate avg: ([0-9]+)", target="time ≤ 0.83")

    table = HEAD + list(rows("produce, window 1,000", compare({
        "mqtk produce -X window=1000": Job([MQTK, "produce", "-X", "window=1000", queue], lines,
                                           target="CPU ≤ 2 µs"),
        "PerfTest -c 1000": publisher(1000),
        "bare loop": Job([f"{BARE}/bare_rabbitmq", "produce", host, port, QUEUE, "1000"], lines),
        "mqtk produce (its own window)": Job([MQTK, "produce", queue], lines, target="CPU ≤ 2 µs"),
    }, rounds, MESSAGES, make_queue, drop_queue), MESSAGES))
    mine = [MQTK, "consume", "--ack", "--prefetch", str(PREFETCH), "-q"]
    table += rows("consume --ack, prefetch 1,000", compare({
        "mqtk consume --ack": Job([*mine, "-c", str(MESSAGES), queue], target="CPU ≤ 2 µs"),
        f"PerfTest -q {PREFETCH} -A {ACK_EVERY}": Job(
            [*perftest, "-x", "0", "-y", "1", "-q", str(PREFETCH), "-A", str(ACK_EVERY), "-D",
             str(MESSAGES)], own_rate=r"receiving rate avg: ([0-9]+)", target="time ≤ 0.50"),
        f"bare loop, ack multiple every {ACK_EVERY}": Job(
            [f"{BARE}/bare_rabbitmq", "consume", host, port, QUEUE, str(PREFETCH), str(ACK_EVERY),
             str(MESSAGES)]),
    }, rounds, MESSAGES, fill_queue, drop_empty_queue), MESSAGES)

    dead, back = (f"{uri}/{QUEUE}-{name}?management={management}" for name in ("dead", "back"))
    letters = dead_letters.fill(os.path.join(folder, "letters"), LETTERS, f"{QUEUE}-back")

    def fill_letters(_name):
        for name in (f"{QUEUE}-dead", f"{QUEUE}-back"):
            api("PUT", body=b'{"durable":true}', name=name)
        run_once([MQTK, "produce", "-J", dead], letters)

    # Refused when a letter is left.
    def drop_letters(_name):
        api("DELETE", "?if-empty=true", name=f"{QUEUE}-dead")
        api("DELETE", name=f"{QUEUE}-back")

    table += dead_letters.requeue(dead, back, lambda name: [] if "dlq" in name else ["--ack"],
                                  LETTERS, rounds, fill_letters, drop_letters)

    make_queue("")
    counts = [("produce", instructions([MQTK, "produce", queue], few, FEW)),
              ("consume --ack", instructions([*mine, "-c", str(FEW), queue], None, FEW))]
    drop_queue("")
    version = os.environ.get("MQTK_TEST_RABBITMQ_VERSION", "")
    return table + instruction_table(counts) + [
        "", f"{MESSAGES:,} persistent messages of 100 bytes; {LETTERS:,} letters with ten headers; "
        f"RabbitMQ {version}, PerfTest 2.16.0.", "",
        "¹ as PerfTest says itself, without its start; compared by that."]
