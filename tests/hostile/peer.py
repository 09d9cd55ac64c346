"""A hand-made peer: PDUs and commands byte by byte, right or wrong, from any address of 127.0.0.0/8."""
import socket
import struct

CT = "1.2.840.10008.5.1.4.1.1.2"
SC = "1.2.840.10008.5.1.4.1.1.7"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT, IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
RELEASE, ABORT = bytes([5, 0, 0, 0, 0, 4, 0, 0, 0, 0]), bytes([7, 0, 0, 0, 0, 4, 0, 0, 0, 0])


def even(text: bytes, pad: bytes = b"\0") -> bytes:
    return text + pad if len(text) % 2 else text


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate(contexts=((CT, EXPLICIT),), called=b"VEDETTE", calling=b"HOSTILE") -> bytes:
    body = struct.pack(">HH", 1, 0) + called[:16].ljust(16) + calling[:16].ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, (abstract, syntax) in enumerate(contexts):
        body += item(0x20, bytes([2 * number + 1, 0, 0, 0]) + item(0x30, abstract.encode()) + item(0x40, syntax.encode()))
    return pdu(1, body + item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.9")))


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(*elements) -> bytes:
    body = b"".join(element(number, value) for number, value in sorted(elements))
    return element(0, struct.pack("<I", len(body))) + body


def store_command(sop_class: bytes, instance: bytes, message: int = 1) -> bytes:
    return command((2, even(sop_class)), (0x100, struct.pack("<H", 1)), (0x110, struct.pack("<H", message)), (0x700, b"\0\0"),
                   (0x800, b"\1\0"), (0x1000, even(instance)))


def echo_command() -> bytes:
    return command((2, even(VERIFICATION.encode())), (0x100, struct.pack("<H", 0x30)), (0x110, b"\1\0"), (0x800, b"\1\1"))


def pdv(data: bytes, is_command: bool, last: bool, context: int = 1) -> bytes:
    return pdu(4, struct.pack(">IBB", len(data) + 2, context, (1 if is_command else 0) | (2 if last else 0)) + data)


def store_pdus(sop_class: str, instance: str, data: bytes, piece: int = 16000, context: int = 1) -> list[bytes]:
    out = [pdv(store_command(sop_class.encode(), instance.encode()), True, True, context)]
    for at in range(0, max(len(data), 1), piece):
        out.append(pdv(data[at:at + piece], False, at + piece >= len(data), context))
    return out


class Peer:
    """One connection; `source` is the address that it comes from."""

    def __init__(self, port: int, source: str = "127.0.0.1", timeout: float = 20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))
        self.heard = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def say(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def hear(self) -> bytes:
        """One PDU; empty when the node closed or says nothing in time."""
        try:
            while len(self.heard) < 6 or len(self.heard) < 6 + struct.unpack(">I", self.heard[2:6])[0]:
                more = self.socket.recv(65536)
                if not more:
                    return b""
                self.heard += more
        except OSError:
            return b""
        whole = 6 + struct.unpack(">I", self.heard[2:6])[0]
        out, self.heard = self.heard[:whole], self.heard[whole:]
        return out

    def open(self, **rest) -> bool:
        return self.say(associate(**rest)) and self.hear()[:1] == b"\2"

    def answer(self):
        """(status, comment) of the next response; None when the association ended instead."""
        return status_of(self.hear())

    def store(self, sop_class: str, instance: str, data: bytes, **rest):
        for one in store_pdus(sop_class, instance, data, **rest):
            if not self.say(one):
                break
        return self.answer()

    def reset(self):
        """Ends with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()


def status_of(answer: bytes):
    if len(answer) < 12 or answer[0] != 4:
        return None
    at, status, comment = 12, None, ""
    while at + 8 <= len(answer):
        _, number, length = struct.unpack("<HHI", answer[at:at + 8])
        value = answer[at + 8:at + 8 + length]
        if number == 0x900:
            status = struct.unpack("<H", value)[0]
        if number == 0x902:
            comment = value.decode("ascii", "replace").strip()
        at += 8 + length
    return None if status is None else (status, comment)
