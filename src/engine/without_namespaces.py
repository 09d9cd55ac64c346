"""Runs a program where the kernel gives no namespaces, as in many containers: the sandbox must then stand on its other walls.

usage: without_namespaces.py PROGRAM [ARGUMENT ...]
"""

import ctypes
import os
import sys

ALLOW, DENY = 0x7FFF0000, 0x00050000  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(n)
MASKED_EQUAL = 7
NEW_NAMESPACES = (0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]


def forbid_namespaces() -> None:
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_init.argtypes = [ctypes.c_uint32]
    lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    lib.seccomp_load.argtypes = [ctypes.c_void_p]
    rules = lib.seccomp_init(ALLOW)
    for flag in NEW_NAMESPACES:
        compare = Comparison(0, MASKED_EQUAL, flag, flag)
        for call in (b"clone", b"unshare"):
            number = lib.seccomp_syscall_resolve_name(call)
            if lib.seccomp_rule_add_array(rules, DENY | 1, number, 1, ctypes.byref(compare)) != 0:
                sys.exit("a rule was not taken")
    # clone3 hides its flags: the C library falls back to clone when it is not there.
    if lib.seccomp_rule_add_array(rules, DENY | 38, lib.seccomp_syscall_resolve_name(b"clone3"), 0, None) != 0:
        sys.exit("a rule was not taken")
    if lib.seccomp_load(rules) != 0:
        sys.exit("the rules were not loaded")


if __name__ == "__main__":
    forbid_namespaces()
    os.execv(sys.argv[1], sys.argv[1:])
