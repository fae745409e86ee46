"""Starts a program of PostgreSQL so that it ends with its parent, and never as root.

Run as a script of its own:
``python -I -S launch.py MODE PROGRAM ARGUMENT…``. ``MODE`` is ``plain`` (we are not root),
``namespace`` (root outside, nobody in a user namespace: files stay root's) or
``nobody`` (the system's user of that name).

The signal for the parent's death is set last before exec: a change of credentials clears it. It is
SIGINT, PostgreSQL's fast shutdown; SIGTERM would wait for clients. It follows the parent *thread*,
so the parent starts us from its main one.
"""

import ctypes
import os
import signal
import sys

_NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _enter_namespace(libc: ctypes.CDLL) -> None:
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NOBODY} 0 1")
    _write("/proc/self/gid_map", f"{_NOBODY} 0 1")


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def main(mode: str, program: str, *arguments: str) -> None:
    """Changes into ``mode`` and becomes ``program``. Does not return."""
    parent = os.getppid()
    os.umask(0o077)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if mode == "namespace":
            _enter_namespace(libc)
        elif mode == "nobody":
            _become_nobody()
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        # The parent may have died before the line above.
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(*sys.argv[1:])
