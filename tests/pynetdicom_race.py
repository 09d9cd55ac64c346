"""Closes a race of pynetdicom 3: its reactor may wake just before a request pauses it, and then takes the answer of a quick peer for a request.
The requester waits out its time for an answer that has come. Here each pause waits until the reactor has seen it."""
import time

from pynetdicom.association import Association

make = Association.__init__


def made(self, *arguments, **named):
    make(self, *arguments, **named)
    clear = self._reactor_checkpoint.clear

    def clear_and_wait():
        clear()
        time.sleep(0.01)
    self._reactor_checkpoint.clear = clear_and_wait


Association.__init__ = made
