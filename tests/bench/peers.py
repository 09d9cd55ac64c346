"""Who is measured: each starts on a fresh folder, tells its version and settings, and counts its flushes, CPU time and memory."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRESET = os.environ.get("VEDETTE_BENCH_PRESET", "release")
BIN = ROOT / "build" / PRESET / "bin"


def free_port() -> int:
    """Below the ports that the kernel gives to connections: others work on this machine too."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def until(seconds: float, what: str, ask):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.01)
    raise TimeoutError(f"not within {seconds} s: {what}")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def package_version(name: str) -> str:
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", name], capture_output=True, text=True)
    return re.split(r"[-+]", done.stdout)[0] if done.returncode == 0 else "?"


class Peer:
    """A server that is measured. `nodelay`: TCP_NODELAY=1 in its environment and its senders'."""
    name, settings = "?", "default"

    def __init__(self, folder: pathlib.Path, nodelay: bool = False):
        self.folder, self.nodelay = folder, nodelay
        self.dicom, self.http, self.process, self.token = free_port(), free_port(), None, None
        self.title = "BENCH"

    @property
    def environment(self):
        return {**os.environ, **({"TCP_NODELAY": "1"} if self.nodelay else {})}

    def spawn(self, *words, **more):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([str(w) for w in words], stdout=self.log, stderr=self.log, env=self.environment, start_new_session=True, **more)

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.launch()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def stop(self, keep: bool = False):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.process:
            self.log.close()
        self.process = None
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def children(self) -> list[int]:
        found = [self.process.pid]
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(entry.read_text().rsplit(")", 1)[1].split()[1]) in found:
                    found.append(int(entry.parent.name))
            except (OSError, ValueError):
                pass
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the process and of the children it waited for."""
        total = 0
        for pid in self.children():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += sum(map(int, fields[11:15]))
            except OSError:
                pass
        return total / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, int]:
        """Bytes: what is resident of its own (not of files), and the most that was resident at all."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+)", text).group(1)) * 1024 for name in ("RssAnon", "VmRSS", "VmHWM")}

    def count_flushes(self, work) -> dict[str, int]:
        """Calls of fsync and fdatasync while `work` runs, by strace."""
        out = self.folder.parent / "strace.txt"
        out.unlink(missing_ok=True)
        tracer = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", str(out), "-p", str(self.process.pid)],
                                  stderr=subprocess.PIPE, text=True)
        tracer.stderr.readline()  # "attached"
        work()
        time.sleep(0.3)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
        counts = {"fsync": 0, "fdatasync": 0}
        for line in out.read_text().splitlines():
            words = line.split()
            if words and words[-1] in counts:
                counts[words[-1]] = int(words[3])
        out.unlink(missing_ok=True)
        return counts

    def get(self, path: str, headers=None, method="GET", data=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers={**self.authorization(), **(headers or {})}, method=method, data=data)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def authorization(self) -> dict[str, str]:
        return {"Authorization": "Bearer " + self.token} if self.token else {}

    def answers(self, path: str) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {(self.folder / 'log').read_text()[-2000:]}")
        try:
            self.get(path)
            return True
        except urllib.error.HTTPError as error:
            return error.code in (401, 404)
        except (urllib.error.URLError, OSError):
            return False


class Vedette(Peer):
    name, web = "Vedette", "/dicom-web"

    def __init__(self, folder, nodelay=False, settings=None, tools=False, settle=4.0):
        super().__init__(folder, nodelay)
        self.more, self.tools, self.settle = settings or {}, tools, settle
        self.title = "VEDETTE"

    @staticmethod
    def version():
        head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        changed = subprocess.run(["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", "--", "src", "doors", "apps"]).returncode
        return (head or "?") + ("+" if changed else "")

    def words(self):
        values = {"data.folder": self.folder / "data", "http.listen": f"127.0.0.1:{self.http}", "dicom.listen": f"127.0.0.1:{self.dicom}", "log.level": "warning"}
        if not self.tools:
            values["tools.folder"] = self.folder / "no-tools"
            (self.folder / "no-tools").mkdir(exist_ok=True)
        values.update(self.more)
        return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]

    def command(self, *words):
        done = subprocess.run([str(BIN / "vedette"), *map(str, words), *self.words()], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"vedette {words}: {done.stdout} {done.stderr}")
        return done.stdout

    def launch(self):
        if self.token is None:
            self.token = self.command("token", "create", "bench", "--role", "service").split()[-1]
        self.spawn(BIN / "vedette", "serve", *self.words())
        until(60, "Vedette is ready", lambda: self.answers("/readyz"))
        time.sleep(self.settle)  # the room that quiet time writes ahead (docs/decisions/0003)

    def stop(self, keep=False):
        super().stop(keep)
        if not keep:
            self.token = None


class Orthanc(Peer):
    name, web = "Orthanc", "/dicom-web"

    def __init__(self, folder, nodelay=False, sync=True):
        super().__init__(folder, nodelay)
        self.sync, self.title = sync, "ORTHANC"

    @staticmethod
    def version():
        return package_version("orthanc")

    def launch(self):
        self.configure()
        self.spawn("Orthanc", self.folder / "orthanc.json")
        until(60, "Orthanc answers", lambda: self.answers("/system") and listens(self.dicom))

    def configure(self):
        (self.folder / "orthanc.json").write_text(json.dumps({
            "Name": "bench", "DicomAet": self.title, "DicomPort": self.dicom, "HttpPort": self.http, "StorageDirectory": str(self.folder / "db"),
            "IndexDirectory": str(self.folder / "db"), "RemoteAccessAllowed": True, "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": False, "SyncStorageArea": self.sync, "KeepAlive": True, "TcpNoDelay": True,
            "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}))


class Storescp(Peer):
    name = "storescp"

    @staticmethod
    def version():
        return package_version("dcmtk")

    def launch(self):
        (self.folder / "out").mkdir()
        self.spawn("storescp", "--fork", "--aetitle", self.title, "--output-directory", self.folder / "out", self.dicom)
        until(20, "storescp listens", lambda: listens(self.dicom))


class Bare(Peer):
    """The limit of the protocol."""
    name = "bare receiver (limit)"

    def __init__(self, folder, nodelay=False, flush=True):
        super().__init__(folder, nodelay)
        self.flush = flush

    @staticmethod
    def version():
        return "DCMTK " + package_version("libdcmtk-dev")

    def launch(self):
        (self.folder / "out").mkdir()
        self.spawn(BIN / "vedette_bench_bare_receiver", self.dicom, self.folder / "out", *([] if self.flush else ["--no-flush"]))
        until(20, "the bare receiver listens", lambda: listens(self.dicom))


class Nginx(Peer):
    """A static file server over the bytes that Vedette answered."""
    name = "nginx"

    @staticmethod
    def version():
        return package_version("nginx-light")

    def launch(self):
        (self.folder / "root").mkdir()
        (self.folder / "nginx.conf").write_text(
            f"daemon off; master_process on; worker_processes auto; pid {self.folder}/pid; error_log {self.folder}/error.log warn;\n"
            "events { worker_connections 512; }\n"
            f"http {{ access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000; open_file_cache max=4000;\n"
            f"  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3; uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;\n"
            f"  server {{ listen 127.0.0.1:{self.http} backlog=512; root {self.folder}/root; }} }}\n")
        if os.geteuid() == 0:
            conf = self.folder / "nginx.conf"
            conf.write_text("user root;\n" + conf.read_text())
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.spawn(program, "-c", self.folder / "nginx.conf", "-p", self.folder)
        until(20, "nginx listens", lambda: listens(self.http))
