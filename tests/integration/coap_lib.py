"""coap_lib: CoAP as a test wants it: messages by hand, and a way between two ports of UDP that loses datagrams."""
import random
import select
import socket
import struct
import threading

CON, NON, ACK, RST = range(4)
URI_PATH, FORMAT, QUERY, ACCEPT, BLOCK2, BLOCK1 = 11, 12, 15, 17, 23, 27
TY, RVI, FR, RQI, RQET, RSC = 267, 271, 279, 283, 291, 307


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def block(num, more, szx):
    return number(num << 4 | (8 if more else 0) | szx)


def encode(kind, code, mid, token=b"", options=(), payload=b""):
    """code 2.04 is 204; options are pairs of number and bytes or str."""
    out, last = bytes([0x40 | kind << 4 | len(token), code // 100 << 5 | code % 100]) + struct.pack(">H", mid) + token, 0
    for name, value in sorted(options, key=lambda o: o[0]):
        value = value.encode() if isinstance(value, str) else value
        parts = [(n, b"") if n < 13 else (13, bytes([n - 13])) if n < 269 else (14, struct.pack(">H", n - 269))
                 for n in (name - last, len(value))]
        out += bytes([parts[0][0] << 4 | parts[1][0]]) + parts[0][1] + parts[1][1] + value
        last = name
    return out + (b"\xff" + payload if payload else b"")


class Message:
    def __init__(self, data):
        self.kind, self.code, self.mid = data[0] >> 4 & 3, (data[1] >> 5) * 100 + (data[1] & 31), struct.unpack(">H", data[2:4])[0]
        at = 4 + (data[0] & 15)
        self.token, self.options, self.payload, last, self.data = data[4:at], {}, b"", 0, data
        while at < len(data):
            if data[at] == 0xff:
                self.payload = data[at + 1:]
                break
            parts, head, at = [], data[at], at + 1
            for nibble in (head >> 4, head & 15):
                if nibble == 13:
                    parts.append(data[at] + 13)
                    at += 1
                elif nibble == 14:
                    parts.append(struct.unpack(">H", data[at:at + 2])[0] + 269)
                    at += 2
                else:
                    parts.append(nibble)
            last += parts[0]
            self.options.setdefault(last, []).append(data[at:at + parts[1]])
            at += parts[1]

    def uint(self, name):
        return int.from_bytes(self.options[name][0], "big") if name in self.options else None

    def __str__(self):
        return f"{self.code // 100}.{self.code % 100:02d} {self.options} {self.payload[:200]!r}"


class Peer:
    """A socket towards a server; url is coap://127.0.0.1:PORT[/PATH]."""

    def __init__(self, url, patience=20):
        where, _, self.path = url.split("://")[1].partition("/")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", int(where.split(":")[1])))
        self.socket.settimeout(patience)
        self.mid = random.randrange(65536)

    def send(self, data):
        self.socket.send(data)

    def receive(self):
        return Message(self.socket.recv(65536))

    def silent(self, seconds):
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(65536)
            return False
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(20)

    def message(self, code=2, options=(), payload=b"", kind=CON, path=None):
        self.mid = (self.mid + 1) & 0xffff
        segments = (self.path if path is None else path).split("/")
        return encode(kind, code, self.mid, b"tk", [(URI_PATH, s) for s in segments if s] + list(options), payload)

    def ask(self, *args, **more):
        self.send(self.message(*args, **more))
        return self.receive()

    def close(self):
        self.socket.close()


class Way:
    """Between whoever writes to .port and a server's port; loses so many percent of the datagrams. The seed decides which."""

    def __init__(self, server_port, lost=10, repeated=0, seed=1):
        self.lost_percent, self.repeated_percent, self.random = lost, repeated, random.Random(seed)
        self.passed = self.lost = self.repeated = 0
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.server, self.backs, self.ended = ("127.0.0.1", server_port), {}, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _carry(self, data, send):
        self.passed += 1
        if self.random.randrange(100) < self.lost_percent:
            self.lost += 1
            return
        send(data)
        if self.random.randrange(100) < self.repeated_percent:
            self.repeated += 1
            send(data)

    def _run(self):
        while not self.ended:
            for ready in select.select([self.front, *self.backs.values()], [], [], 0.05)[0]:
                try:
                    data, source = ready.recvfrom(65536)
                except OSError:
                    continue
                if ready is self.front:
                    if source not in self.backs:
                        self.backs[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        self.backs[source].connect(self.server)
                    self._carry(data, self.backs[source].send)
                else:
                    client = next(c for c, s in self.backs.items() if s is ready)
                    self._carry(data, lambda d, c=client: self.front.sendto(d, c))

    def close(self):
        self.ended = True
        self.thread.join()
        for s in (self.front, *self.backs.values()):
            s.close()
