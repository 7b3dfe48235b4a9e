"""What needs no server: the local store, and what a start costs."""

import os
import shutil
import subprocess

import dead_letters
from timing import (BARE, HEAD, MQTK, Job, compare, fill, head_of_file, instruction_table,
                    instructions, rows, run_once)

TITLE = "Local store and start-up"
MESSAGES = 1_000_000
FEW = 20_000
LETTERS = 200_000
PROCESSES = 2_000


def work(folder, lines, rounds):
    """Dead letters and the worker; and what is counted of them."""
    store = f"sqlite:{folder}/work.db"
    count = {"n": 0}

    def group():
        count["n"] += 1
        return f"g{count['n']}"

    def no_back(_name):
        subprocess.run([MQTK, "delete", "-q", "--yes", f"{store}/back"], check=False,
                       stderr=subprocess.DEVNULL)

    letters = dead_letters.fill(os.path.join(folder, "letters"), LETTERS, "back")
    run_once([MQTK, "produce", "-J", f"{store}/dead"], letters)
    table = list(dead_letters.requeue(f"{store}/dead", f"{store}/back",
                                      lambda _name: ["--group", group()], LETTERS, rounds, no_back))
    run_once([MQTK, "produce", "-K:", f"{store}/orders"], lines)
    table += dead_letters.lines(f"{store}/orders", group, MESSAGES, rounds)
    run_once([MQTK, "produce", "-K:", f"{store}/few"], head_of_file(lines, PROCESSES))
    table += dead_letters.processes(f"{store}/few", group, PROCESSES, rounds)

    run_once([MQTK, "produce", "-K:", f"{store}/counted"], head_of_file(lines, FEW))
    run_once([MQTK, "produce", "-J", f"{store}/letters"], head_of_file(letters, FEW))
    no_back("")
    worker = [MQTK, "consume", "-q", "-e", "--group"]
    return table, [
        ("dlq requeue", instructions(
            [MQTK, "dlq", "requeue", "-q", "--yes", f"{store}/letters"], None, FEW)),
        ("replay of the same letters", instructions(
            [MQTK, "replay", "-q", "--group", "r", f"{store}/letters", f"{store}/back"], None, FEW)),
        ("consume --exec-lines", instructions(
            [*worker, "lines", "--exec-lines", f"exec {BARE}/answer_lines", f"{store}/counted"],
            None, FEW)),
        ("consume --exec", instructions([*worker, "each", "--exec", "true", f"{store}/few"],
                                        None, PROCESSES))]


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

    work_rows, work_counts = work(folder, lines, rounds)
    table += work_rows
    few = head_of_file(lines, FEW)
    small = f"sqlite:{folder}/few.db/orders"
    table += instruction_table([
        ("produce", instructions([MQTK, "produce", "-K:", small], few, FEW)),
        ("consume raw", instructions([MQTK, "consume", "-e", "-q", small], None, FEW)),
        ("consume JSON", instructions([MQTK, "consume", "-J", "-e", "-q", small], None, FEW)),
        *work_counts])
    return table + ["", f"{MESSAGES:,} messages of 100 bytes with a key; {LETTERS:,} letters with ten "
                    f"headers; {PROCESSES:,} processes."]
