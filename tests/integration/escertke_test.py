"""escertke_test: what the tests of running processes share.

A test is run as: SCRIPT PATH-TO-escertke [MORE]. It prints one line per case (ok or FAIL) and a summary, and exits 1 if a case
failed. Everything listens on 127.0.0.1 on any free port, lives in a folder of its own and ends with the test.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import shutil
import signal
import socketserver
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

COMMAND = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
SP = "m2m.example.org"
METER, PANEL, OTHER = (f"//{SP}/in1/C{name}" for name in ("meter", "panel", "other"))
PATIENCE = 60  # seconds for anything that must happen; a machine under load is slow, not wrong


class Skip(Exception):
    """This machine lacks something the test needs: exit code 77."""


class Test:
    """The cases of one script, its folder and its processes."""

    def __init__(self):
        self.dir = tempfile.tempdir = tempfile.mkdtemp(prefix="escertke-")
        self.env = dict(os.environ, HOME=self.dir, XDG_STATE_HOME=self.path("state"), LC_ALL="C.UTF-8")
        self.passed = self.failed = 0
        self.running = []

    def path(self, *names):
        return os.path.join(self.dir, *names)

    # ---- cases

    def ok(self, name, good, *details):
        """One case. The details are printed when it failed."""
        if good:
            self.passed += 1
            print(f"ok    {name}", flush=True)
            return True
        self.failed += 1
        print(f"FAIL  {name}", flush=True)
        for line in details:
            print(f"      {line}", flush=True)
        return False

    def equal(self, name, got, expected, *details):
        return self.ok(name, got == expected, f"expected: {expected!r}", f"got:      {got!r}", *details)

    def contains(self, name, text, *parts):
        missing = [p for p in parts if p not in text]
        return self.ok(name, not missing, f"not there: {missing!r}", f"text:      {text!r}")

    # ---- commands

    def run(self, *args, timeout=PATIENCE, **more):
        """Run the command to its end."""
        done = subprocess.run([COMMAND, *args], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout, **more)
        return Done(args, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def must(self, *args, **more):
        """Run it; it must succeed, or the test cannot go on."""
        done = self.run(*args, **more)
        if done.code:
            raise AssertionError(f"{' '.join(args)}: exit {done.code}\n{done.out}{done.err}")
        return done

    def start(self, *args, program=None, **more):
        """Start the command, or another program, and let it run."""
        process = Process(self, [program or COMMAND, *args], **more)
        self.running.append(process)
        return process

    def serve(self, who, *more, listen="http://127.0.0.1:0/notify", **options):
        """A terminating end-point that listens; .url says where."""
        # One originator plays many here, faster than any would.
        limits = () if "--rate-from" in more else ("--rate-from", "none", "--max-pending-from", "1000")
        process = self.start("serve", *who.args, "--listen", listen, "--json", *limits, *more, **options)
        process.url = process.event("listening")["url"]
        return process

    def relay(self, cse, *more, listen="http://127.0.0.1:0/", **options):
        process = self.start("relay", "--listen", listen, "--cse-id", cse, "--sp", SP, "--json", *more, **options)
        process.url = process.event("listening")["url"]
        return process

    def establish(self, who, to, *more, **options):
        return self.run("establish", *who.args, "--to", to, "--json", *more, **options)

    # ---- certificates

    def pki(self, folder="pki"):
        self.must("pki", "init", folder, "--sp", SP)

    def issue(self, identity, name, folder="pki", kind="--ae-id", extra=()):
        """A certificate of the command's own making."""
        self.must("pki", "issue", folder, kind, identity, "--out", name, *extra)
        return Who(self, identity, name, folder)

    def openssl(self, *args):
        done = subprocess.run(["openssl", *args], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE)
        if done.returncode:
            raise AssertionError(f"openssl {' '.join(args)}: {done.stderr}")
        return done.stdout

    def forge(self, identity, name, san, folder="pki", key=("EC", "ec_paramgen_curve:P-256"), usage="critical,digitalSignature",
              begin="20200101000000Z", end="20360101000000Z", digest="sha256"):
        """A certificate that `pki issue` would never make, from the same issuing CA unless folder says another."""
        with open(self.path(name + ".cnf"), "w", encoding="ascii") as f:
            f.write(f"[ca]\ndefault_ca=c\n[c]\ndatabase={name}.index\nnew_certs_dir=.\nrand_serial=yes\npolicy=p\n"
                    f"default_md={digest}\nunique_subject=no\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=dn\n[dn]\n"
                    f"[ext]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
                    + (f"keyUsage={usage}\n" if usage else "") + (f"subjectAltName={san}\n" if san else ""))
        open(self.path(name + ".index"), "w", encoding="ascii").close()
        self.openssl("genpkey", "-algorithm", key[0], "-pkeyopt", key[1], "-out", name + ".key")
        os.chmod(self.path(name + ".key"), 0o600)
        self.openssl("req", "-new", "-config", name + ".cnf", "-key", name + ".key", "-subj", "/CN=forged " + name, "-out",
                     name + ".csr")
        self.openssl("ca", "-batch", "-notext", "-config", name + ".cnf", "-cert", folder + "/ca.crt", "-keyfile",
                     folder + "/ca.key", "-startdate", begin, "-enddate", end, "-extensions", "ext", "-in", name + ".csr",
                     "-out", name + ".leaf")
        with open(self.path(name + ".crt"), "w", encoding="ascii") as out:
            for part in (name + ".leaf", folder + "/ca.crt"):
                with open(self.path(part), encoding="ascii") as f:
                    out.write(f.read())
        return Who(self, identity, name, "pki")

    def hop_certificate(self, name):
        """A certificate for https on 127.0.0.1, its own trust anchor."""
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                     "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", name + ".key", "-out", name + ".crt")

    # ---- the end

    def close(self):
        for process in self.running:
            process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Who:
    """An end-point: its ID, its files, its store."""

    def __init__(self, test, identity, name, folder):
        self.test, self.id, self.name = test, identity, name
        self.cert, self.key, self.trust = name + ".crt", name + ".key", folder + "/root.crt"
        self.store = name + ".db"

    @property
    def credential(self):
        return ["--cert", self.cert, "--key", self.key, "--trust", self.trust, "--store", "sqlite:" + self.store]

    @property
    def args(self):
        return ["--id", self.id, *self.credential]

    @property
    def stem(self):
        return self.id.rsplit("/", 1)[1]

    def key_ids(self):
        """What `keys list` says about the store."""
        if not os.path.exists(self.test.path(self.store)):
            return []
        done = self.test.must("keys", "list", "--store", "sqlite:" + self.store, "--json")
        return [e["key_id"] for e in done.events if "key_id" in e]

    def export(self, key_id):
        return self.test.must("keys", "export", key_id, "--store", "sqlite:" + self.store).out.strip().lower()


class Done:
    """A command that has ended."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    def event(self, name):
        """The last event of that name, or an empty one."""
        return next((e for e in reversed(self.events) if e.get("event") == name), {})

    def __str__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


class Process:
    """A command that keeps running; its lines are collected as they come."""

    def __init__(self, test, argv, **more):
        self.test, self.url, self.lines, self.words = test, None, [], ""
        self.changed = threading.Condition()
        self.process = subprocess.Popen(argv, cwd=test.dir, env=test.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, **more)
        self.readers = [threading.Thread(target=f, daemon=True) for f in (self._read_out, self._read_err)]
        for reader in self.readers:
            reader.start()

    def _read_out(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()

    def _read_err(self):
        for line in self.process.stderr:
            with self.changed:
                self.words += line.decode("utf-8", "replace")
                self.changed.notify_all()

    def wait_for(self, look, what):
        """The first true result of look()."""
        end = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                found = look()
                if found:
                    return found
                if time.monotonic() > end or (self.process.poll() is not None and not any(r.is_alive() for r in self.readers)):
                    raise AssertionError(f"no {what}; exit {self.process.poll()}\n" + "\n".join(self.lines) + "\n" + self.words)
                self.changed.wait(0.1)

    @property
    def events(self):
        with self.changed:
            return [json.loads(line) for line in self.lines if line.startswith("{")]

    def event(self, name, after=0, **fields):
        """The first event of that name with these members, at or behind place `after` of all events; waits for it."""
        def look():
            for e in self.events[after:]:
                if e.get("event") == name and all(e.get(k) == v for k, v in fields.items()):
                    return e
            return None
        return self.wait_for(look, f"event {name} {fields or ''}")

    def line(self, start):
        """The first line that begins so; waits for it."""
        return self.wait_for(lambda: next((x for x in self.lines if x.startswith(start)), None), f"line {start!r}")

    def said(self, part):
        return self.wait_for(lambda: part in self.words, f"words {part!r}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Ask it to end; its exit code."""
        self.send(number)
        return self.wait()

    def wait(self):
        code = self.process.wait(PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                stream.close()


# ---- what goes over the wire -----------------------------------------------------------------------------------------

def seci(message):
    """The content that carries an ESCertKE message."""
    return json.dumps({"m2m:seci": {"sit": 6, "eckm": base64.b64encode(message).decode()}}).encode()


def alert_record(number):
    return bytes([21, 3, 3, 0, 2, 2, number])


class Answer:
    """A response of an end-point or CSE."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def rsc(self):
        value = self.headers.get("X-M2M-RSC")
        return int(value) if value else None

    @property
    def content(self):
        return json.loads(self.body) if self.body else None

    @property
    def message(self):
        """The ESCertKE message in it, or None."""
        content = self.content
        text = content.get("m2m:seci", {}).get("eckm") if isinstance(content, dict) else None
        return base64.b64decode(text) if text else None

    @property
    def dbg(self):
        content = self.content
        return content.get("m2m:dbg") if isinstance(content, dict) else None

    def __str__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:400]!r}"


counter = [0]


def request(url, method="POST", body=b"", headers=None, fr="Cpanel", target=None):
    """One HTTP request; a header that is None is left out. The headers are those of a NOTIFY unless others are given."""
    parts = urllib.parse.urlsplit(url)
    counter[0] += 1
    fields = {"X-M2M-Origin": fr, "X-M2M-RI": f"r{counter[0]}", "X-M2M-RVI": "3", "Content-Type": "application/json",
              "Accept": "application/json"}
    fields.update(headers or {})
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
    try:
        connection.request(method, target if target is not None else parts.path or "/", body,
                           {k: v for k, v in fields.items() if v is not None})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def notify(url, message, fr="Cpanel", **more):
    return request(url, body=seci(message), fr=fr, **more)


# ---- another TLS implementation's binding: python's ssl over memory -----------------------------------------------------

class Tls:
    """One end of a TLS handshake over memory. The peer's certificate is not looked at: these tests judge the other end."""

    def __init__(self, who=None, server=False, suites="ECDHE-ECDSA-AES128-GCM-SHA256", least=ssl.TLSVersion.TLSv1_2,
                 most=ssl.TLSVersion.TLSv1_2, curve=None, options=0, ask=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with warnings_off():
            context.minimum_version, context.maximum_version = least, most
        if suites:
            context.set_ciphers(suites)
        if curve:
            context.set_ecdh_curve(curve)
        context.options |= options
        if who:
            context.load_cert_chain(who.test.path(who.cert), who.test.path(who.key))
        if server and ask:
            context.load_verify_locations(who.test.path(who.trust))
            context.verify_mode = ssl.CERT_OPTIONAL
        log = tempfile.NamedTemporaryFile(prefix="escertke-keylog-", delete=False)
        log.close()
        self.log = context.keylog_filename = log.name
        self.sent = self.got = b""
        self.input, self.output = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.input, self.output, server_side=server)
        self.done = False

    def step(self, data=b""):
        """Take what came, return what is to be sent."""
        self.input.write(data)
        try:
            self.tls.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        out = self.output.read()
        self.sent, self.got = self.sent + out, self.got + data
        return out

    def export(self):
        """The 48 octets of RFC 5705, which python's ssl does not offer: made from its key log. Returns key ID and key in hex."""
        with open(self.log, encoding="ascii") as f:
            words = next(line.split() for line in f if line.startswith("CLIENT_RANDOM"))
        os.unlink(self.log)
        hello = self.got if self.tls.server_side is False else self.sent
        seed = b"EXPORTER-oneM2M-ESCertKE" + bytes.fromhex(words[1]) + hello[11:43]  # record, handshake header, version: 5 + 4 + 2
        out = prf(bytes.fromhex(words[2]), seed, 48)
        return out[:16].hex().upper(), out[16:].hex()


def prf(secret, seed, size):
    """P_SHA256 of RFC 5246 5, label and seed together."""
    def mac(data):
        return hmac.new(secret, data, hashlib.sha256).digest()
    a, out = mac(seed), b""
    while len(out) < size:
        out, a = out + mac(a + seed), mac(a)
    return out[:size]


@contextlib.contextmanager
def warnings_off():
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- a peer or CSE that is not ours -----------------------------------------------------------------------------------

class Fake:
    """An HTTP server in a thread. handle(method, path, headers, body) returns (status, headers, body) or writes by itself."""

    def __init__(self, handle):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, self.headers, body))
                reply = outer.handle(self, body)
                if reply is None:
                    self.close_connection = True
                    return
                status, fields, content = reply
                self.send_response_only(status)
                for name, value in fields.items():
                    if value is not None:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET = do_PUT = do_DELETE = answer

            def log_message(self, *args):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *args):
                pass

        self.handle, self.seen = handle, []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/notify"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- stores ------------------------------------------------------------------------------------------------------------

def store_rows(path):
    """Key by key ID, read by SQLite itself."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as db:
        return {row[0].hex().upper(): row[1].hex() for row in db.execute("SELECT id, key FROM keys")}


def store_integrity(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as db:
        return [row[0] for row in db.execute("PRAGMA integrity_check")]


# ---- the frame of a script ----------------------------------------------------------------------------------------------

def main(body):
    """Run body(test) and exit: 0, 1 if a case failed, 77 if this machine cannot run it."""
    sys.dont_write_bytecode = True
    if not os.access(COMMAND, os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} PATH-TO-escertke")
    test, code = Test(), 0
    try:
        body(test)
    except Skip as reason:
        print(f"skipped: {reason}")
        code = 77
    except BaseException:  # one case in FAIL, with the place
        test.ok("the test itself runs to its end", False, *traceback.format_exc().splitlines())
    finally:
        test.close()
    print(f"\n{test.passed} passed, {test.failed} failed", flush=True)
    sys.exit(1 if test.failed or (not code and not test.passed) else code)
