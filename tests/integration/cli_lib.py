"""cli_lib: what the tests of the built command share. A test script is run as: SCRIPT PATH-TO-escertke."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

COMMAND = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
SP = "m2m.example.org"
TIMEOUT = 60


def events(text):
    """The JSON objects of an output; every line must be one."""
    return [json.loads(line) for line in text.splitlines()]


class Case(unittest.TestCase):
    """A test with a folder of its own as working directory, a PKI in ./pki, and processes that end with it."""

    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="escertke-cli-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.env = dict(os.environ, HOME=self.dir, XDG_STATE_HOME=os.path.join(self.dir, "state"), LC_ALL="C.UTF-8")

    def path(self, name):
        return os.path.join(self.dir, name)

    def run_command(self, *args, expected=0, **more):
        """Run to its end; the exit code must be the expected one. Returns stdout and stderr."""
        if "input" not in more:
            more["stdin"] = subprocess.DEVNULL
        done = subprocess.run([COMMAND, *args], cwd=self.dir, env=self.env, capture_output=True, text=True, timeout=TIMEOUT, **more)
        if done.returncode != expected:
            self.fail(f"{' '.join(args)}: exit {done.returncode}, expected {expected}\n{done.stdout}{done.stderr}")
        if expected == 2:
            self.assertEqual(done.stdout, "", "wrong usage leaves stdout empty")
        if expected:
            self.assertTrue(done.stderr, "a failure has words")
        return done.stdout, done.stderr

    def make_pki(self, folder="pki", sp=SP):
        self.run_command("pki", "init", folder, "--sp", sp)

    def issue(self, identity, name, folder="pki", kind="--ae-id", extra=()):
        self.run_command("pki", "issue", folder, kind, identity, "--out", name, *extra)

    def identity(self, identity, name, folder="pki"):
        """The IDENTITY options for what issue() has made."""
        return ["--id", identity, "--cert", name + ".crt", "--key", name + ".key", "--trust", f"{folder}/root.crt",
                "--store", f"sqlite:{name}.db"]

    def start(self, name, *args):
        return Process(self, name, args)


class Process:
    """A command that keeps running, its output in files."""

    def __init__(self, case, name, args):
        self.case = case
        self.out, self.err = case.path(name + ".out"), case.path(name + ".err")
        with open(self.out, "w", encoding="utf-8") as out, open(self.err, "w", encoding="utf-8") as err:
            self.process = subprocess.Popen([COMMAND, *args], cwd=case.dir, env=case.env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err)
        case.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def events(self):
        with open(self.out, encoding="utf-8") as f:
            text = f.read()
        return events(text[: text.rfind("\n") + 1])

    def words(self):
        with open(self.err, encoding="utf-8") as f:
            return f.read()

    def wait_for(self, look, what):
        """The first true result of look(), within the time limit."""
        for _ in range(TIMEOUT * 20):
            found = look()
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"no {what}; exit {self.process.poll()}\n{self.events()}\n{self.words()}")

    def wait_event(self, name, count=1):
        """The count-th event of that name."""
        def look():
            found = [e for e in self.events() if e["event"] == name]
            return found[count - 1] if len(found) >= count else None
        return self.wait_for(look, f"event {name}")

    def wait_words(self, part):
        return self.wait_for(lambda: part in self.words(), f"words {part!r}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, expected=0):
        self.send(number)
        code = self.process.wait(TIMEOUT)
        self.case.assertEqual(code, expected, self.words())


def main():
    """Run the script's tests; argv[1] is the command."""
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
