"""ssh_typist.py SEED PASSWORD COMMAND...: runs an SSH client on a pseudo-terminal, answers its password question,
types some commands with a person's pauses, and leaves with exit."""

import os
import pty
import random
import select
import sys
import time

seed, password, *argv = sys.argv[1:]
rng = random.Random(seed)
COMMANDS = ("ls", "ls -l", "pwd", "id", "df -h", "date", "who", "uptime", "cal", "cat .bashrc", "env", "ps", "echo ok",
            "uname -a", "wc .bashrc", "ls /", "du -s", "free", "history", "seq 9")
DEADLINE = time.monotonic() + 20

child, terminal = pty.fork()
if child == 0:
    os.execvp(argv[0], argv)


def read_until(*endings: bytes) -> bytes:
    seen = b""
    while not seen.rstrip().endswith(endings):
        if time.monotonic() > DEADLINE:
            sys.exit(f"waited for {endings} after {seen[-300:]!r}")
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 4096)
    return seen


def type_line(line: str, quick: bool) -> None:
    if quick:  # pasted, or recalled by a shortcut
        os.write(terminal, line.encode())
    else:
        for key in line:
            os.write(terminal, key.encode())
            time.sleep(max(0.01, rng.gauss(0.05, 0.03)))
    os.write(terminal, b"\r")


answer = read_until(b"$", b"assword:", b"Press Return to begin session.")
if not answer.rstrip().endswith(b"$"):
    os.write(terminal, b"\r" if answer.rstrip().endswith(b"session.") else password.encode() + b"\r")
    read_until(b"$")
for _ in range(rng.choice((1, 1, 1, 2, 3))):
    time.sleep(rng.uniform(0.05, 0.4))
    type_line(rng.choice(COMMANDS), quick=rng.random() < 0.5)
    read_until(b"$")
type_line("exit", quick=rng.random() < 0.5)
try:
    while time.monotonic() < DEADLINE and os.read(terminal, 4096):
        pass
except OSError:  # the client has closed its end
    pass
os.waitpid(child, 0)
