"""Runs a program that may send no signal: kill(2) fails with EPERM, as under a security module."""

import ctypes
import os
import struct
import sys

KILL = 62  # x86-64
PIDFD_SEND_SIGNAL = 424
LOAD_SYSCALL, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, DENY = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2

instructions = [
    (LOAD_SYSCALL, 0, 0, 0),
    (JUMP_IF_EQUAL, 2, 0, KILL),
    (JUMP_IF_EQUAL, 1, 0, PIDFD_SEND_SIGNAL),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, DENY),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in instructions))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


program = Program(len(instructions), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program)):
    sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
