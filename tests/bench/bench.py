#!/usr/bin/env python3
"""Times this program and its peers against real servers, side by side: bench.py PART…

Every case runs its commands in turn (A B C A B C …), at least five rounds after a warm-up, and quotes
medians and the ratio of this program to each peer, round by round. Nothing here judges: the targets
stand beside the figures.

Environment: MQTK (the program), BARE (folder of the bare loops), and of tests/brokers/run what the
parts need.
"""

import argparse
import os
import platform
import tempfile

import part_kafka
import part_local
import part_rabbitmq
import part_redis
import part_schema

# In the order of the file.
PARTS = {"kafka": part_kafka, "rabbitmq": part_rabbitmq, "redis": part_redis, "local": part_local,
         "schema": part_schema}
INTRODUCTION = (
    "# Benchmarks\n\nMade by `make bench-record` (`BENCH=redis`: only that part), against real servers "
    "on the same machine. Read the ratios: absolute times belong to one machine, whose cores the "
    "servers share. Medians of rounds in which the commands run in turn.\n")


def machine(rounds):
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{rounds} rounds; {os.cpu_count()} cores, {system}, load {os.getloadavg()[0]:.1f} before."


def record(path, texts):
    """Replaces the sections of TEXTS ({title: text}); those of the parts that did not run stay."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as old:
            for section in old.read().split("\n## ")[1:]:
                title, text = section.split("\n", 1)
                texts.setdefault(title, text.strip("\n"))
    with open(path, "w", encoding="utf-8") as out:
        out.write(INTRODUCTION)
        for part in PARTS.values():
            if part.TITLE in texts:
                out.write(f"\n## {part.TITLE}\n\n{texts[part.TITLE]}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", help="write the tables to this file as well")
    parser.add_argument("part", nargs="+", choices=PARTS)
    options = parser.parse_args()
    texts = {}
    for name, part in PARTS.items():
        if name not in options.part:
            continue
        facts = machine(options.rounds)
        with tempfile.TemporaryDirectory() as folder:
            texts[part.TITLE] = "\n".join([*part.run(folder, options.rounds), "", facts])
        print(f"## {part.TITLE}\n\n{texts[part.TITLE]}\n", flush=True)
    if options.record:
        record(options.record, texts)


if __name__ == "__main__":
    main()
