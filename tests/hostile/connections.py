"""Acts on the level of connections: short ones, broken ones, silent ones, slow ones."""
import contextlib
import random
import socket
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from objects import ct, damaged, put, uid
from peer import ABORT, CT, EXPLICIT, RELEASE, Peer, associate, echo_command, pdu, pdv, store_pdus


def address(number: int) -> str:
    return f"127.0.{1 + number // 250 % 200}.{1 + number % 250}"


def short_one(world, number: int):
    """One short connection, in one of the ways in which they end."""
    way = number % 10
    with contextlib.suppress(OSError):
        if way == 9:
            with socket.create_connection(("127.0.0.1", world.http_port), timeout=20, source_address=(address(number), 0)) as line:
                line.sendall((b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", b"POST /dicom-web/studies HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\nab",
                              b"GET / HTT")[number // 10 % 3])
                if number // 10 % 3 == 0:
                    line.recv(4096)
            return
        with Peer(world.dicom_port, address(number)) as peer:
            if way == 0:
                return
            if way == 1:
                peer.say(associate()[:37])
            elif way == 2:
                peer.open(called=b"SOMEONE_ELSE")
            elif way == 3:
                broken = bytearray(associate())
                broken[77] = 0xFF
                peer.say(bytes(broken))
                peer.hear()
            elif peer.open():
                if way == 4:
                    peer.say(RELEASE)
                    peer.hear()
                elif way == 5:
                    peer.say(ABORT)
                elif way == 6:
                    peer.say(pdv(echo_command(), True, True)[:20])
                    peer.reset()
                elif way == 7:
                    peer.say(b"".join(store_pdus(CT, uid(90_000), ct(uid(90_000))))[:600])


def short(world, watch, whole, seed):
    """Many short associations leave nothing behind: neither memory nor files nor threads."""
    count = 10_000 if whole else 1_000
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: short_one(world, n), range(count // 2)))  # pools and caches have their size then
        watch.settled(0, 0, within=2)
        files, threads, memory = watch.files(), watch.threads(), watch.memory()
        begun = time.monotonic()
        list(pool.map(lambda n: short_one(world, n), range(count)))
        taken = time.monotonic() - begun
    files_after, threads_after = watch.settled(files + 2, threads + 2)
    grown = watch.memory() - memory
    assert files_after <= files + 2, f"{files} sockets became {files_after}"
    assert threads_after <= threads + 2, f"{threads} threads became {threads_after}"
    most = 16_384 if whole else 8_192
    assert grown < most, f"memory grew by {grown} KiB over {count} associations"
    return f"{count} short associations, {count / taken:.0f}/s; sockets {files} → {files_after}, threads {threads} → {threads_after}, memory +{grown} KiB"


def boundaries(world, watch, whole, seed):
    """The conversation of one C-STORE ends at every PDU boundary and at bytes around it, by FIN, by RST and by A-ABORT; nothing of it stays."""
    instance = uid(91_000)
    steps = [associate(), *store_pdus(CT, instance, ct(instance), piece=300)]
    edges = [0]
    for one in steps:
        edges.append(edges[-1] + len(one))
    talk = b"".join(steps)
    cuts = set()
    for edge in edges[:-1]:
        cuts.update(edge + step for step in ((0, 1, 2, 5, 6, 7, 12, 13) if whole else (0, 1, 6)) if edge + step < len(talk))
    files, threads = watch.files(), watch.threads()
    ends = 0
    for cut in sorted(cuts):
        for end in ("close", "reset", "abort"):
            ends += 1
            with Peer(world.dicom_port, address(ends)) as peer:
                said = talk[:cut]
                if cut > edges[1]:  # a peer that heeds the protocol waits for the answer to its request
                    peer.say(said[:edges[1]])
                    assert peer.hear()[:1] == b"\2"
                    said = said[edges[1]:]
                peer.say(said)
                if end == "reset":
                    peer.reset()
                elif end == "abort":
                    peer.say(ABORT)
    files_after, threads_after = watch.settled(files + 1, threads + 1)
    assert files_after <= files + 1 and threads_after <= threads + 1, f"sockets {files} → {files_after}, threads {threads} → {threads_after}"
    found = world.person.call("GET", f"/dicom-web/instances?SOPInstanceUID={instance}", headers={"Accept": "application/dicom+json"})
    assert found.status_code == 204 or not found.json(), "an image that never came whole is in the catalogue"
    return f"{ends} conversations ended at {len(cuts)} places; nothing of them stayed"


class Slow:
    """Peers that say one byte a second, or nothing, at every stage of a conversation with the DICOM and the HTTP port."""

    def __init__(self, world, count: int):
        self.lines: list[tuple[socket.socket, bytes]] = []
        data = ct(uid(92_000))
        stages = (b"", associate(), b"".join(store_pdus(CT, uid(92_000), data)), b"".join(store_pdus(CT, uid(92_000), data)[1:]))
        texts = (b"", b"GET /livez HTTP/1.1\r\nHost: abcdefgh\r\n\r\n", b"x" * 4000)
        for number in range(count):
            source = address(1000 + number)
            stage = number % 7
            if stage < 4:
                peer = Peer(world.dicom_port, source)
                if stage > 1:
                    assert peer.open(), "no association for a slow sender"
                if stage == 3:
                    peer.say(store_pdus(CT, uid(92_000), data)[0])
                self.lines.append((peer.socket, stages[stage]))
            else:
                line = socket.create_connection(("127.0.0.1", world.http_port), timeout=20, source_address=(source, 0))
                if stage == 6:
                    line.sendall(b"POST /dicom-web/studies HTTP/1.1\r\nHost: a\r\nAuthorization: " + world.person.session.headers["Authorization"].encode() +
                                 b"\r\nContent-Type: application/dicom\r\nContent-Length: 100000\r\n\r\n")
                self.lines.append((line, texts[stage - 4]))
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.drip)
        self.thread.start()

    def drip(self):
        at = 0
        while not self.ended.wait(1.0):
            for line, text in self.lines:
                if at < len(text):
                    with contextlib.suppress(OSError):
                        line.send(text[at:at + 1])
            at += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for line, _ in self.lines:
            line.close()


def speed(world, images: int, run: int) -> float:
    """Images a second of one healthy sender."""
    pixels = put(0x7FE0, 0x10, b"OW", bytes(2 * 256 * 256))
    with Peer(world.dicom_port, "127.0.0.98") as peer:
        assert peer.open(calling=b"HEALTHY"), "a healthy sender gets no association"
        talks = [(f"1.2.826.0.1.3680043.10.99.7.{run}.{n}", n) for n in range(images)]
        talks = [(name, b"".join(store_pdus(CT, name, ct(name, study=f"1.2.826.0.1.3680043.10.99.8.{run}", side=256, pixels=pixels)))) for name, _ in talks]
        begun = time.monotonic()
        for name, talk in talks:
            peer.say(talk)
            assert peer.answer() == (0, ""), "a healthy image is not taken"
        taken = time.monotonic() - begun
        peer.say(RELEASE)
    return images / taken


def slow(world, watch, whole, seed):
    """Slow and silent peers at every stage; a healthy sender keeps its speed, measured in turns without and with them."""
    rounds, images, count = (9, 150, 140) if whole else (3, 60, 42)
    files, threads = watch.files(), watch.threads()
    run = iter(range(10_000))
    speed(world, images, next(run))
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(speed(world, images, next(run)))
        with Slow(world, count):
            time.sleep(1.2)
            beside.append(speed(world, images, next(run)))
    ratio = statistics.median(b / a for a, b in zip(alone, beside))
    # Beside other tests a machine is no judge of ten per cent: the bound itself is asserted in the whole run.
    least = 0.9 if whole else 0.3
    assert ratio >= least, f"a healthy sender keeps {ratio:.0%} of its speed ({statistics.median(alone):.0f}/s → {statistics.median(beside):.0f}/s)"
    files_after, threads_after = watch.settled(files + 1, threads + 1, within=90)
    assert files_after <= files + 1 and threads_after <= threads + 1, f"sockets {files} → {files_after}, threads {threads} → {threads_after}"
    return (f"beside {count} slow peers a healthy sender keeps {ratio:.0%} of its speed (median of {rounds} pairs; "
            f"{statistics.median(alone):.0f}/s → {statistics.median(beside):.0f}/s)")


def pdus(world, watch, whole, seed):
    """Bit-flipped, cut and forged PDUs of a whole conversation; each ends its own association only."""
    instance = uid(93_000)
    talk = b"".join([associate(), *store_pdus(CT, instance, ct(instance), piece=300), pdv(echo_command(), True, True), RELEASE])
    count = 4_000 if whole else 250
    files, threads = watch.files(), watch.threads()
    forged = [pdu(4, b"")[:2] + length + b"abcd" for length in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1")]
    forged += [bytes([kind]) + bytes(9) for kind in range(256)]
    open_ones = [associate() + one for one in forged]

    def one(item):
        number, said = item
        with contextlib.suppress(OSError), Peer(world.dicom_port, address(number), timeout=3) as peer:
            head = len(associate())
            peer.say(said[:head])
            if said[:head] == associate():
                peer.hear()
            peer.say(said[head:])
            peer.socket.shutdown(socket.SHUT_WR)
            while peer.hear():
                pass

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, enumerate([*damaged(talk, seed, count), *open_ones])))
    files_after, threads_after = watch.settled(files + 1, threads + 1, within=90)
    assert files_after <= files + 1 and threads_after <= threads + 1, f"sockets {files} → {files_after}, threads {threads} → {threads_after}"
    return f"{count} damaged conversations and {len(open_ones)} forged PDUs"


def titles(world, watch, whole, seed):
    """Titles with paths, control characters and nothing; only the log speaks of them, in JSON."""
    chance = random.Random(seed)
    hostile = [b"../../etc/passwd", b"..", b"/", b"C:\\x", b"a\0b", b"\r\nINJECTED", b"\x1b[31mred", b"", b" " * 16, b"\xff" * 16, b"%s%n", b"$(reboot)", b"`id`", b'"}\n{"a":"']
    hostile += [chance.randbytes(16) for _ in range(200 if whole else 20)]
    taken = 0
    for number, title in enumerate(hostile):
        for called, calling in ((title, b"HOSTILE"), (b"VEDETTE", title)):
            with Peer(world.dicom_port, address(number), timeout=10) as peer:
                peer.say(associate(called=called, calling=calling))
                answer = peer.hear()
                assert answer[:1] in (b"\2", b"\3", b"\7"), f"title {title!r}: {answer[:10]!r}"
                taken += answer[:1] == b"\2"
                bad = any(c < 0x20 or c > 0x7E for c in title[:16].strip(b" ")) or b"\\" in title
                assert not (bad and answer[:1] == b"\2"), f"title {title!r} was taken"
    return f"{2 * len(hostile)} titles, {taken} of them printable ones that this node takes from loopback"


ACTS = {"short": short, "boundaries": boundaries, "slow": slow, "pdus": pdus, "titles": titles}
