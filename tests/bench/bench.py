#!/usr/bin/env python3
"""Times this program and its peers against one real broker, side by side.

Every case runs its commands in turn (A B C A B C …), at least five rounds after a warm-up, and quotes
medians and the ratio of this program to each peer, round by round. Nothing here judges: the targets
stand beside the figures.

Environment: MQTK (the program), MQTK_TEST_KAFKA (host:port), BARE (folder of the bare loops).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MQTK = os.environ.get("MQTK", "./mqtk")
KAFKA = os.environ["MQTK_TEST_KAFKA"]
BARE = os.environ["BARE"]
KCAT = shutil.which("kcat")
MESSAGES = 1_000_000


class Figures:
    """Wall and CPU seconds and peak memory of each counted run of one command."""

    def __init__(self, name):
        self.name = name
        self.wall, self.cpu, self.rss = [], [], []

    def median(self, figure):
        return statistics.median(getattr(self, figure))


def run_once(command, stdin):
    """Runs a shell command as one process group; returns wall, cpu seconds and peak MiB."""
    with open(stdin, "rb") if stdin else open(os.devnull, "rb") as source:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        words = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{words.decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(commands, rounds, stdin=None, prepare=None):
    """commands: {name: argument list or function that makes one}. Returns {name: Figures}."""
    figures = {name: Figures(name) for name in commands}
    for round_number in range(-1, rounds):
        for name, command in commands.items():
            if prepare:
                prepare(name, round_number)
            wall, cpu, rss = run_once(command() if callable(command) else command, stdin)
            if round_number >= 0:
                figures[name].wall.append(wall)
                figures[name].cpu.append(cpu)
                figures[name].rss.append(rss)
    return figures


def ratio(mine, other, figure):
    pairs = zip(getattr(mine, figure), getattr(other, figure))
    return statistics.median(a / b if b else float("nan") for a, b in pairs)


def rows(title, figures, count=MESSAGES):
    names = list(figures)
    mine = figures[names[0]]
    for name in names:
        f = figures[name]
        rate = f"{count / f.median('wall'):,.0f}/s" if count else ""
        against = "" if f is mine else (f"{ratio(mine, f, 'wall'):.2f} / "
                                        f"{ratio(mine, f, 'cpu'):.2f}")
        yield (f"| {title} | {name} | {f.median('wall'):.3f} s | {f.median('cpu'):.3f} s | "
               f"{max(f.rss):.0f} MiB | {rate} | {against} |")


def instructions(command, stdin, count):
    """Instructions per message under callgrind, or None where valgrind is missing."""
    if not shutil.which("valgrind"):
        return None
    with tempfile.NamedTemporaryFile() as out, open(stdin or os.devnull, "rb") as source:
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", "-q",
                        *command], stdin=source, stdout=subprocess.DEVNULL, check=True)
        for line in open(out.name, encoding="utf-8"):
            if line.startswith(("summary:", "totals:")):
                return int(line.split()[1]) / count
    return None


def fill(folder, count):
    """KEY:PAYLOAD lines with payloads of 100 bytes, distinct and of several words."""
    path = os.path.join(folder, "lines")
    with open(path, "w", encoding="ascii") as out:
        for i in range(count):
            text = f'{{"order":{i},"customer":"c{i % 9973}","amount":{i * 37 % 100000},"note":"'
            out.write(f"k{i % 10007}:{text}{'lorem ipsum dolor sit amet consectetur'[:98 - len(text)]:x<{98 - len(text)}}\"}}\n")
    return path


def topics(prefix):
    """A fresh topic for each run; the one before is deleted, so that the disk stays small."""
    state = {"n": 0, "name": None}

    def prepare(_name, _round):
        if state["name"]:
            subprocess.run([MQTK, "delete", "--yes", "-q", f"kafka://{KAFKA}/{state['name']}"],
                           check=True)
        state["n"] += 1
        state["name"] = f"{prefix}{os.getpid()}-{state['n']}"
        subprocess.run([MQTK, "create", "-q", "--partitions", "1",
                        f"kafka://{KAFKA}/{state['name']}"], check=True)

    return state, prepare


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", help="write the table to this file as well")
    options = parser.parse_args()
    table = []
    with tempfile.TemporaryDirectory() as folder:
        lines = fill(folder, MESSAGES)
        source = f"kafka://{KAFKA}/bench{os.getpid()}"
        topic = source.rsplit("/", 1)[1]
        peers = bool(KCAT)

        state, prepare = topics("benchp")
        commands = {"mqtk produce (idempotent)":
                    lambda: [MQTK, "produce", "-K:", f"kafka://{KAFKA}/{state['name']}"]}
        if peers:
            commands["kcat -P (acks=all)"] = lambda: [KCAT, "-P", "-q", "-K:", "-b", KAFKA, "-t",
                                                      state["name"], "-X", "acks=all"]
        commands["bare loop (idempotent)"] = lambda: [f"{BARE}/bare_produce", KAFKA, state["name"]]
        table += rows("Kafka produce", compare(commands, options.rounds, lines, prepare))
        prepare("", 0)
        subprocess.run([MQTK, "delete", "--yes", "-q", f"kafka://{KAFKA}/{state['name']}"],
                       check=True)

        subprocess.run([MQTK, "create", "-q", "--partitions", "1", source], check=True)
        run_once([MQTK, "produce", "-K:", source], lines)
        commands = {"mqtk consume -e": [MQTK, "consume", "-e", "-q", source]}
        if peers:
            commands["kcat -C -e"] = [KCAT, "-C", "-e", "-q", "-b", KAFKA, "-t", topic]
        commands["bare loop (tuned)"] = [f"{BARE}/bare_consume", KAFKA, topic]
        table += rows("Kafka consume raw", compare(commands, options.rounds))
        commands = {"mqtk consume -J -e": [MQTK, "consume", "-J", "-e", "-q", source],
                    "mqtk consume -e (raw)": [MQTK, "consume", "-e", "-q", source]}
        if peers:
            commands["kcat -C -J -e"] = [KCAT, "-C", "-J", "-e", "-q", "-b", KAFKA, "-t", topic]
        table += rows("Kafka consume JSON", compare(commands, options.rounds))
        subprocess.run([MQTK, "delete", "--yes", "-q", source], check=True)

        stores = {"n": 0}

        def next_store():
            stores["n"] += 1
            return [MQTK, "produce", "-K:", f"sqlite:{folder}/s{stores['n']}.db/orders"]

        def drop_store(_name, _round):
            for suffix in ("", "-wal", "-shm"):
                path = f"{folder}/s{stores['n']}.db{suffix}"
                if os.path.exists(path):
                    os.unlink(path)

        table += rows("Local produce", compare({"mqtk produce": next_store}, options.rounds, lines,
                                               drop_store))
        store = f"sqlite:{folder}/s{stores['n']}.db/orders"
        table += rows("Local consume raw", compare(
            {"mqtk consume -e": [MQTK, "consume", "-e", "-q", store]}, options.rounds))
        table += rows("Local consume JSON", compare(
            {"mqtk consume -J -e": [MQTK, "consume", "-J", "-e", "-q", store]}, options.rounds))

        start = {"mqtk --version": [MQTK, "--version"]}
        if peers:
            start["kcat -h"] = [KCAT, "-V"]
        start["an empty program"] = [f"{BARE}/empty"]
        table += rows("Start-up", compare(start, max(options.rounds, 40)), 0)

        few = os.path.join(folder, "few")
        with open(lines, "rb") as whole, open(few, "wb") as part:
            for _ in range(20000):
                part.write(whole.readline())
        small = f"sqlite:{folder}/few.db/orders"
        counts = [("local produce", instructions([MQTK, "produce", "-K:", small], few, 20000)),
                  ("local consume raw",
                   instructions([MQTK, "consume", "-e", "-q", small], None, 20000)),
                  ("local consume JSON",
                   instructions([MQTK, "consume", "-J", "-e", "-q", small], None, 20000))]

    head = ["| job | command | wall | CPU | peak memory | rate | this ÷ that: wall / CPU |",
            "|---|---|---|---|---|---|---|"]
    text = "\n".join(head + table)
    text += "\n\n| instructions per message (callgrind) | |\n|---|---|\n"
    text += "\n".join(f"| {name} | {n:,.0f} |" if n else f"| {name} | valgrind is not installed |"
                      for name, n in counts)
    text += (f"\n\n{MESSAGES:,} messages of 100 bytes with a key, one partition; medians of "
             f"{options.rounds} rounds in turn; two processes share the machine's cores with the "
             "broker.\n")
    print(text)
    if options.record:
        with open(options.record, "w", encoding="utf-8") as out:
            out.write("# Benchmarks\n\nMade by `make bench-record`, against a real broker on the "
                      "same machine. Read the ratios: absolute times belong to one machine.\n\n"
                      + text)


if __name__ == "__main__":
    main()
