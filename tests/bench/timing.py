"""Running commands side by side, and the tables of what they took. What is run stands in part_*.py."""

import collections
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

MQTK = os.environ.get("MQTK", "./mqtk")
BARE = os.environ["BARE"]

# One command to be timed. argv: a list, or a function that makes one before each run; stdin: a file;
# pipe: that file through a pipe. A tool that takes long to start says its own rate: a pattern with one
# group, looked for in what it prints; then that is compared, and not its wall time. target: words.
Job = collections.namedtuple("Job", "argv stdin pipe own_rate target", defaults=[None, False, None, ""])


class Figures:
    """Each counted run of one command: wall and CPU seconds, the seconds that are compared, MiB."""

    def __init__(self, job):
        self.job = job
        self.wall, self.cpu, self.seconds, self.rss = [], [], [], []

    def median(self, figure):
        return statistics.median(getattr(self, figure))


def run_once(argv, stdin=None, pipe=False, capture=False):
    """Returns wall and CPU seconds, peak MiB, and what was printed if wanted."""
    with (open(stdin or os.devnull, "rb") as source, tempfile.TemporaryFile() as words,
          tempfile.TemporaryFile() as taken):
        cat = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE) if pipe else None
        subprocess.run([f"{BARE}/measure", str(taken.fileno()), *argv],
                       stdin=cat.stdout if cat else source, pass_fds=[taken.fileno()],
                       stdout=words if capture else subprocess.DEVNULL, stderr=words, check=True)
        if cat:
            cat.stdout.close()
            cat.wait()
        words.seek(0)
        taken.seek(0)
        text = words.read().decode("utf-8", "replace")
        wall, cpu, rss, status = taken.read().split()
    if int(status) != 0:
        sys.exit(f"{' '.join(argv)}: exit {int(status)}\n{text}")
    return float(wall), float(cpu), int(rss) / 1024, text


def own_seconds(job, text, count):
    found = re.findall(job.own_rate, text)
    if not found:
        sys.exit(f"no rate like '{job.own_rate}' in:\n{text}")
    return count / float(found[-1])


def compare(jobs, rounds, count, prepare=None, finish=None):
    """jobs: {name: Job}. A round before the counted ones warms up. prepare and finish are called with
    the command's name, and take no part in the figures."""
    figures = {name: Figures(job) for name, job in jobs.items()}
    for round_number in range(-1, rounds):
        for name, job in jobs.items():
            if prepare:
                prepare(name)
            argv = job.argv() if callable(job.argv) else job.argv
            wall, cpu, rss, text = run_once(argv, job.stdin, job.pipe, bool(job.own_rate))
            if finish:
                finish(name)
            if round_number < 0:
                continue
            figures[name].wall.append(wall)
            figures[name].cpu.append(cpu)
            figures[name].rss.append(rss)
            figures[name].seconds.append(own_seconds(job, text, count) if job.own_rate else wall)
    return figures


def ratio(mine, other, figure, other_figure):
    """The median of the rounds' ratios."""
    pairs = zip(getattr(mine, figure), getattr(other, other_figure))
    return statistics.median(a / b if b else float("nan") for a, b in pairs)


def rows(title, figures, count):
    """Lines of the table. The first command is this program: the others are compared with it."""
    mine = next(iter(figures.values()))
    for name, f in figures.items():
        rate = f"{count / f.median('seconds'):,.0f}/s{' ¹' if f.job.own_rate else ''}" if count else ""
        each = f"{f.median('cpu') / count * 1e6:.2f} µs" if count else ""
        against = "" if f is mine else (f"{ratio(mine, f, 'wall', 'seconds'):.2f} / "
                                        f"{ratio(mine, f, 'cpu', 'cpu'):.2f}")
        yield (f"| {title} | {name} | {f.median('wall'):.3f} s | {f.median('cpu'):.3f} s | {each} | "
               f"{max(f.rss):.0f} MiB | {rate} | {against} | {f.job.target} |")


HEAD = ["| job | command | wall | CPU | CPU per message | peak memory | rate | "
        "this ÷ that: time / CPU | target |", "|---|---|---|---|---|---|---|---|---|"]


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


def instruction_table(counts):
    return (["", "| instructions per message (callgrind) | |", "|---|---|"] +
            [f"| {name} | {n:,.0f} |" if n else f"| {name} | valgrind is not installed |"
             for name, n in counts])


def head_of_file(path, count):
    """The first COUNT lines in a file of their own."""
    part = f"{path}-{count}"
    if not os.path.exists(part):
        with open(path, "rb") as whole, open(part, "wb") as out:
            for _ in range(count):
                out.write(whole.readline())
    return part


def fill(path, count, key):
    """Distinct lines with payloads of 100 bytes and of several words; KEY:PAYLOAD when told."""
    with open(path, "w", encoding="ascii") as out:
        for i in range(count):
            text = f'{{"order":{i},"customer":"c{i % 9973}","amount":{i * 37 % 100000},"note":"'
            room = 98 - len(text)
            words = "lorem ipsum dolor sit amet consectetur"[:room]
            out.write(f"{f'k{i % 10007}:' if key else ''}{text}{words:x<{room}}\"}}\n")
    return path
