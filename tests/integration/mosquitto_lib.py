"""mosquitto_lib: a mosquitto of the test's own, on a free port of 127.0.0.1, and a client that says and sees what escertke would not."""
import os
import shutil
import signal
import socket
import struct
import threading
import time

from escertke_test import PATIENCE, Skip

PROGRAM = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """Runs until the test ends or stop(); start() again at the same port, with the sessions it has written down."""

    def __init__(self, test, name, *lines, scheme="mqtt"):
        if not PROGRAM:
            raise Skip("no mosquitto here")
        self.test, self.name, self.port, self.process = test, name, free_port(), None
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        folder = test.path(name)
        os.mkdir(folder)
        lines = list(lines) or ["allow_anonymous true"]
        with open(test.path(name + ".conf"), "w", encoding="ascii") as f:
            f.write("\n".join(["user root"] * (os.geteuid() == 0) + [
                f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/", "autosave_interval 1",
                "autosave_on_changes true", "set_tcp_nodelay true", "max_queued_messages 10000", *lines]) + "\n")
        self.start()

    def start(self):
        self.process = self.test.start("-c", self.test.path(self.name + ".conf"), program=PROGRAM)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.process.poll() is not None:
                    raise AssertionError("mosquitto does not start: " + self.process.words) from None
                time.sleep(0.05)

    def stop(self, number=signal.SIGTERM):
        self.process.send(number)
        self.process.process.wait(PATIENCE)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(first, body):
    size, rest = b"", len(body)
    while True:
        size += bytes([rest % 128 | (128 if rest > 127 else 0)])
        rest //= 128
        if not rest:
            return bytes([first]) + size + body


class Client:
    """A stranger at a broker without TLS: publishes whatever it likes, and keeps what it hears, of everything by default."""

    def __init__(self, broker, name="stranger", topic="#"):
        self.seen, self.last = [], 0
        self.socket = socket.create_connection(("127.0.0.1", broker.port), PATIENCE)
        self.socket.settimeout(None)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self._send(packet(0x10, text("MQTT") + b"\x04\x02\x00\x00" + text(name)))
        if topic:
            self._send(packet(0x82, b"\x00\x01" + text(topic) + b"\x01"))
        self.reader.start()

    def _send(self, octets):
        self.socket.sendall(octets)

    def publish(self, topic, payload, retain=False):
        self.last += 1
        payload = payload.encode() if isinstance(payload, str) else payload
        self._send(packet(0x32 | retain, text(topic) + struct.pack(">H", self.last) + payload))

    def _take(self, size):
        octets = b""
        while len(octets) < size:
            more = self.socket.recv(size - len(octets))
            if not more:
                raise OSError("closed")
            octets += more
        return octets

    def _read(self):
        try:
            while True:
                first, size, shift = self._take(1)[0], 0, 0
                while True:
                    octet = self._take(1)[0]
                    size |= (octet & 127) << shift
                    shift += 7
                    if not octet & 128:
                        break
                body = self._take(size)
                if first >> 4 == 3:
                    length = struct.unpack(">H", body[:2])[0]
                    at = 2 + length
                    if first & 6:
                        self._send(packet(0x40, body[at:at + 2]))
                        at += 2
                    self.seen.append((body[2:2 + length].decode(), body[at:]))
        except OSError:
            pass

    def wait_for(self, look):
        """Wait until a message is seen for which look(topic, payload) is true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for topic, payload in list(self.seen):
                if look(topic, payload):
                    return topic, payload
            time.sleep(0.02)
        raise AssertionError(f"not seen; but {[topic for topic, _ in self.seen]}")

    def close(self):
        self.socket.close()
