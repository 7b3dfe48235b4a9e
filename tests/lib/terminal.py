"""A program on a terminal of its own: terminal.py STEP… -- COMMAND…

Runs COMMAND in a pseudo-terminal of 24 lines and 100 columns and does the steps one after the
other. What it writes is followed as a terminal would show it, as far as redrawing in place needs.

  expect TEXT     until TEXT stands on the screen          lacks TEXT   until it does not
  send KEYS       types them (Python escapes: \\r, \\x1b)    resize L C   the terminal's new size
  signal NAME     to the program                           run CMD     a shell's command, now
  stopped         until the program has stopped (Ctrl-Z)
  status N        until the program ends, with this exit status (128 + N for a signal)

At the end the screen of before must be back, with its cursor, and the settings of the terminal as
they were. Prints the screen and ends with 1 when a step does not come true within 20 seconds.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

LIMIT = 20
SEQUENCE = re.compile(rb"\x1b\[([?0-9;]*)([A-Za-z])")


class Terminal:
    def __init__(self):
        self.cells = {}
        self.line = self.column = 0
        self.pending = b""
        self.other = False
        self.cursor = True

    def control(self, parameters, final):
        if final == b"H":
            self.line = self.column = 0
        elif final == b"K":
            for key in [k for k in self.cells if k[0] == self.line and k[1] >= self.column]:
                del self.cells[key]
        elif parameters == b"?1049" and final in b"hl":
            self.other = final == b"h"
            self.cells = {}
        elif parameters == b"?25" and final in b"hl":
            self.cursor = final == b"h"

    def feed(self, data):
        data = self.pending + data
        self.pending = b""
        at = 0
        while at < len(data):
            if data[at:at + 1] == b"\x1b":
                match = SEQUENCE.match(data, at)
                if not match:
                    self.pending = data[at:]
                    return
                self.control(match[1], match[2])
                at = match.end()
                continue
            byte = data[at]
            length = 1 if byte < 0x80 else 2 if byte < 0xe0 else 3 if byte < 0xf0 else 4
            if at + length > len(data):
                self.pending = data[at:]
                return
            if byte == 0x0d:
                self.column = 0
            elif byte == 0x0a:
                self.line += 1
            else:
                self.cells[self.line, self.column] = data[at:at + length].decode("utf-8", "replace")
                self.column += 1
            at += length

    def text(self):
        lines = []
        for number in range(max((k[0] for k in self.cells), default=-1) + 1):
            columns = [k[1] for k in self.cells if k[0] == number]
            lines.append("".join(self.cells.get((number, c), " ")
                                 for c in range(max(columns, default=-1) + 1)))
        return "\n".join(lines)


class Run:
    """The program as a job of a small shell, which says on a pipe what becomes of it."""

    def __init__(self, command):
        self.terminal = Terminal()
        self.master, self.slave = pty.openpty()
        self.resize(24, 100)
        self.before = termios.tcgetattr(self.slave)
        self.said, say = os.pipe()
        self.status = None
        self.stopped = False
        self.words = b""
        self.shell = os.fork()
        if self.shell == 0:
            os.close(self.master)
            os.close(self.said)
            self.be_shell(command, say)
        os.close(say)
        self.until(lambda: self.job, "the program is started")

    job = None

    def be_shell(self, command, say):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(self.slave, os.getpid())
            for number in (signal.SIGTTOU, signal.SIGHUP): # as at a login, also below nohup
                signal.signal(number, signal.SIG_DFL)
            for number in range(3):
                os.dup2(self.slave, number)
            os.closerange(3, 64)
            os.execvp(command[0], command)
        os.write(say, b"job %d\n" % job)
        while True:
            status = os.waitpid(job, os.WUNTRACED)[1]
            if not os.WIFSTOPPED(status):
                code = os.waitstatus_to_exitcode(status)
                os.write(say, b"status %d\n" % (code if code >= 0 else 128 - code))
                os._exit(0)
            os.write(say, b"stopped 1\n")

    def resize(self, lines, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def listen(self, seconds):
        for source in select.select([self.master, self.said], [], [], seconds)[0]:
            data = os.read(source, 65536)
            if source == self.master:
                self.terminal.feed(data)
                continue
            self.words += data
            while b"\n" in self.words:
                line, self.words = self.words.split(b"\n", 1)
                name, value = line.split()
                setattr(self, name.decode(), int(value))

    def until(self, condition, what):
        deadline = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not so after {LIMIT} s: {what}")
            self.listen(0.1)

    def step(self, name, argument):
        if name == "expect":
            self.until(lambda: argument in self.terminal.text(), f"the screen has {argument!r}")
        elif name == "lacks":
            self.until(lambda: argument not in self.terminal.text(), f"no {argument!r}")
        elif name == "send":
            os.write(self.master, argument.encode().decode("unicode_escape").encode("latin-1"))
        elif name == "resize":
            self.resize(*map(int, argument.split()))
        elif name == "signal":
            self.stopped = False
            os.kill(self.job, getattr(signal, "SIG" + argument))
        elif name == "stopped":
            self.until(lambda: self.stopped, "it is stopped")
            self.given_back()
        elif name == "run":
            subprocess.run(argument, shell=True, check=True, stdout=subprocess.DEVNULL)
        elif name == "status":
            self.until(lambda: self.status is not None, "it has ended")
            self.listen(0)
            if self.status != int(argument):
                raise AssertionError(f"status {self.status}, not {argument}")
        else:
            raise AssertionError(f"unknown step {name}")

    def given_back(self):
        while select.select([self.master], [], [], 0.1)[0]:
            self.listen(0)
        if self.terminal.other or not self.terminal.cursor:
            raise AssertionError("the screen of before is not back")
        if termios.tcgetattr(self.slave) != self.before:
            raise AssertionError("the terminal's settings are not those of before")


def main(words):
    split = words.index("--")
    steps, command = words[:split], words[split + 1:]
    run = Run(command)
    try:
        while steps:
            name = steps.pop(0)
            run.step(name, "" if name == "stopped" else steps.pop(0))
        run.given_back()
    except AssertionError as error:
        print(error, run.terminal.text(), sep="\n")
        return 1
    finally:
        if run.status is None:
            os.kill(run.job, signal.SIGKILL)
            os.kill(run.job, signal.SIGCONT)
    print(run.terminal.text())
    return 0


sys.exit(main(sys.argv[1:]))
