"""`dlq requeue` beside `replay` on the same broker, and programs at work on messages (`consume --exec…`)."""

import os

from timing import BARE, MQTK, Job, compare, rows

SCRIPT = """exec python3 -uc 'import sys
for line in sys.stdin:
    print("ok")'"""
AT_LEAST_08 = "≥0.8× as fast: time ≤ 1.25"


def fill(path, count, origin):
    """Letters as the worker writes them, as -J lines; they say that they came from ORIGIN."""
    with open(path, "w", encoding="ascii") as out:
        for i in range(count):
            headers = (f'["type","order.created"],["dlq-origin-stream","{origin}"],'
                       f'["dlq-origin-partition","0"],["dlq-origin-offset","{i}"],["dlq-group","bill"],'
                       f'["dlq-reason","exit"],["dlq-exit-status","1"],["dlq-attempts","4"],'
                       f'["dlq-time","{1767258141000 + i}"],["dlq-error","no such customer"]')
            body = f'{{\\"order\\":{i},\\"customer\\":\\"c{i % 9973}\\"}}'
            out.write(f'{{"key":"k{i % 10007}","ts":{1767258141000 + i},"headers":[{headers}],'
                      f'"payload":"{body}{"x" * (100 - len(body))}"}}\n')
    return path


def requeue(source, back, way, count, rounds, prepare=None, finish=None):
    """Rows: WAY(NAME) is how letters leave SOURCE in a run of that name, such as ["--group", …]: the same
    words for both. BACK: the stream where they came from; prepare makes it empty."""
    mine, other = "mqtk dlq requeue", "mqtk replay"
    return rows("letters go back", compare({
        mine: Job(lambda: [MQTK, "dlq", "requeue", "--yes", "-q", *way(mine), source]),
        f"{other} {' '.join(way(other)[:1])}".strip(): Job(
            lambda: [MQTK, "replay", "-q", *way(other), source, back], target=AT_LEAST_08),
    }, rounds, count, prepare, finish), count)


def lines(source, group, count, rounds):
    """Rows of --exec-lines. GROUP makes the name of a group that has read nothing."""
    work = [MQTK, "consume", "-q", "-e"]
    return rows("consume --exec-lines", compare({
        "a program in C": Job(lambda: [*work, "--group", group(), "--exec-lines",
                                       f"exec {BARE}/answer_lines", source],
                              target="≥ 100,000/s"),
        "a script in Python": Job(lambda: [*work, "--group", group(), "--exec-lines", SCRIPT, source],
                                  target="≥ 100,000/s"),
        "two of the program in C": Job(lambda: [*work, "--group", group(), "--workers", "2",
                                                "--exec-lines", f"exec {BARE}/answer_lines",
                                                source]),
    }, rounds, count), count)


def processes(source, group, count, rounds):
    """Rows of --exec beside what starting the same programs costs."""
    def both(workers):
        return compare({
            f"mqtk consume --exec true --workers {workers}": Job(
                lambda: [MQTK, "consume", "-q", "-e", "--group", group(), "--workers",
                         str(workers), "--exec", "true", source]),
            f"bare loop (posix_spawn sh -c true), {workers} at once": Job(
                [f"{BARE}/bare_spawn", "true", str(count), str(workers)],
                target="≥0.7× its rate: time ≤ 1.43"),
        }, rounds, count)
    yield from rows("a program for each message", both(1), count)
    yield from rows("a program for each message", both(os.cpu_count() or 2), count)
