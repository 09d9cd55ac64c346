"""The destination of results: keeps what came, by UID and content. One UID with two contents is a fault of the sender."""
import collections
import hashlib
import threading

from pynetdicom import AE, evt
from pynetdicom.sop_class import Comprehensive3DSRStorage, SegmentationStorage, Verification


class Archive:
    def __init__(self):
        self.objects: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        self._lock = threading.Lock()
        entity = AE(ae_title="ARCHIVE")
        for context in (Comprehensive3DSRStorage, SegmentationStorage, Verification):
            entity.add_supported_context(context)
        entity.network_timeout = 10
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)])
        self.port = self._server.socket.getsockname()[1]

    def _store(self, event):
        digest = hashlib.sha256(event.request.DataSet.getvalue()).hexdigest()
        with self._lock:
            self.objects[str(event.request.AffectedSOPInstanceUID)][digest] += 1
        return 0x0000

    def came_twice(self) -> int:
        return sum(sum(seen.values()) - 1 for seen in self.objects.values())

    def changed(self) -> list[str]:
        return [uid for uid, seen in self.objects.items() if len(seen) > 1]

    def close(self):
        self._server.shutdown()
