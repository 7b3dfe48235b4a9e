"""What needs no server: the local store, and what a start costs."""

import os
import shutil

from timing import (BARE, HEAD, MQTK, Job, compare, fill, head_of_file, instruction_table,
                    instructions, rows)

TITLE = "Local store and start-up"
MESSAGES = 1_000_000
FEW = 20_000


def run(folder, rounds):
    lines = fill(os.path.join(folder, "keyed"), MESSAGES, True)
    kcat = shutil.which("kcat")
    stores = {"n": 0}

    def next_store():
        stores["n"] += 1
        return [MQTK, "produce", "-K:", f"sqlite:{folder}/s{stores['n']}.db/orders"]

    def drop_store(_name):
        for suffix in ("", "-wal", "-shm"):
            path = f"{folder}/s{stores['n']}.db{suffix}"
            if os.path.exists(path):
                os.unlink(path)

    table = HEAD + list(rows("produce", compare({"mqtk produce": Job(next_store, lines)}, rounds,
                                                MESSAGES, drop_store), MESSAGES))
    store = f"sqlite:{folder}/s{stores['n']}.db/orders"
    table += rows("consume raw", compare(
        {"mqtk consume -e": Job([MQTK, "consume", "-e", "-q", store])}, rounds, MESSAGES), MESSAGES)
    table += rows("consume JSON", compare(
        {"mqtk consume -J -e": Job([MQTK, "consume", "-J", "-e", "-q", store])}, rounds, MESSAGES),
        MESSAGES)

    jobs = {"mqtk --version": Job([MQTK, "--version"])}
    if kcat:
        jobs["kcat -V"] = Job([kcat, "-V"])
    jobs["an empty program"] = Job([f"{BARE}/empty"])
    table += rows("start-up", compare(jobs, max(rounds, 40), 0), 0)

    few = head_of_file(lines, FEW)
    small = f"sqlite:{folder}/few.db/orders"
    table += instruction_table([
        ("produce", instructions([MQTK, "produce", "-K:", small], few, FEW)),
        ("consume raw", instructions([MQTK, "consume", "-e", "-q", small], None, FEW)),
        ("consume JSON", instructions([MQTK, "consume", "-J", "-e", "-q", small], None, FEW))])
    return table + ["", f"{MESSAGES:,} messages of 100 bytes with a key."]
