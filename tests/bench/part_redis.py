"""Redis streams: beside redis-benchmark, and bare loops over hiredis."""

import os
import subprocess

import dead_letters
from timing import (BARE, HEAD, MQTK, Job, compare, fill, head_of_file, instruction_table,
                    instructions, rows, run_once)

TITLE = "Redis streams"
MESSAGES = 1_000_000
FEW = 20_000
LETTERS = 200_000
KEY, GROUP = "bench", "benchers"


def run(folder, rounds):
    address = os.environ["MQTK_TEST_REDIS"]
    host, port = address.rsplit(":", 1)
    stream = f"redis://{address}/{KEY}"
    lines = fill(os.path.join(folder, "plain"), MESSAGES, False)

    def redis(*words):
        subprocess.run(["redis-cli", "-h", host, "-p", port, *words], check=True,
                       stdout=subprocess.DEVNULL)

    def no_stream(_name):
        redis("DEL", KEY)

    def no_group(_name):
        redis("XGROUP", "DESTROY", KEY, GROUP)

    # Twelve of the bytes are what it puts in the place of __rand_int__.
    value = "x" * 88 + "__rand_int__"
    table = HEAD + list(rows("produce from a pipe", compare({
        "mqtk produce": Job([MQTK, "produce", "--create", stream], lines, pipe=True),
        "redis-benchmark -P 500 -c 1": Job(
            ["redis-benchmark", "-h", host, "-p", port, "-P", "500", "-c", "1", "-n", str(MESSAGES),
             "-r", "1000000000", "--csv", "XADD", KEY, "*", "payload", value],
            own_rate=r'"XADD[^"]*","([0-9.]+)"', target="time ≤ 1.11"),
    }, rounds, MESSAGES, no_stream), MESSAGES))

    redis("DEL", KEY)
    run_once([MQTK, "produce", "--create", stream], lines)
    mine = [MQTK, "consume", "-e", "-q"]
    table += rows("consume raw", compare({
        "mqtk consume -e": Job([*mine, stream]),
        "bare loop (XRANGE COUNT 2000)": Job([f"{BARE}/bare_redis", "range", host, port, KEY],
                                             target="time ≤ 1.11"),
    }, rounds, MESSAGES), MESSAGES)
    table += rows("consume JSON", compare({
        "mqtk consume -J -e": Job([*mine, "-J", stream]),
        "mqtk consume -e (raw)": Job([*mine, stream]),
    }, rounds, MESSAGES), MESSAGES)
    table += rows("consume with a group", compare({
        "mqtk consume -e --group": Job([*mine, "--group", GROUP, stream]),
        "bare loop (XREADGROUP COUNT 1000, XACK)": Job(
            [f"{BARE}/bare_redis", "group", host, port, KEY, GROUP], target="time ≤ 1.00"),
    }, rounds, MESSAGES, no_group), MESSAGES)
    redis("DEL", KEY)

    letters = dead_letters.fill(os.path.join(folder, "letters"), LETTERS, f"{KEY}-back")
    dead, back = (f"{stream}-{name}" for name in ("dead", "back"))

    def fill_letters(_name):
        redis("DEL", f"{KEY}-dead", f"{KEY}-back")
        run_once([MQTK, "produce", "--create", "-J", dead], letters)
        redis("XGROUP", "CREATE", f"{KEY}-back", "nobody", "0", "MKSTREAM")

    table += dead_letters.requeue(
        dead, back, lambda name: [] if "dlq" in name else ["--ack"], LETTERS, rounds, fill_letters)
    redis("DEL", f"{KEY}-dead", f"{KEY}-back")

    few = head_of_file(lines, FEW)
    table += instruction_table([
        ("produce", instructions([MQTK, "produce", "--create", stream], few, FEW)),
        ("consume raw", instructions([*mine, stream], None, FEW)),
        ("consume JSON", instructions([*mine, "-J", stream], None, FEW)),
        ("consume with a group", instructions([*mine, "--group", GROUP, stream], None, FEW))])
    redis("DEL", KEY)
    version = os.environ.get("MQTK_TEST_REDIS_VERSION", "")
    return table + ["", f"{MESSAGES:,} messages of 100 bytes; {LETTERS:,} letters with ten headers; "
                    f"Redis {version}.", "",
                    "¹ as redis-benchmark says itself, without its start; compared by that."]
