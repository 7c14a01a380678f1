"""Exec wrapper: ties a process to its parent's life and drops root where a program refuses to run as root.

    python -I -S spawn.py PARENT_PID DEATH_SIGNAL KEEP|DROP PROGRAM [ARGUMENT…]

Run as a script in a bare interpreter (about 15 ms), so that no code runs between fork and exec in the supervisor.
DEATH_SIGNAL 0 leaves the process independent of its parent.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def unprivileged_id() -> tuple[int, int]:
    """User and group id of an account without rights: `nobody`, or the first ordinary account."""
    import pwd

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        entry = next(account for account in pwd.getpwall() if account.pw_uid != 0)
    return entry.pw_uid, entry.pw_gid


def enter_user_namespace() -> bool:
    """Become an ordinary user in an own user namespace, still the owner of root's files. False where not allowed."""
    user, group = unprivileged_id()
    outside_user, outside_group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {outside_user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {outside_group} 1")
    except OSError:
        return False
    return os.geteuid() == user


def can_enter_user_namespace() -> bool:
    """Whether `enter_user_namespace` would work, tried in a child process."""
    child = os.fork()
    if child == 0:
        os._exit(0 if enter_user_namespace() else 1)
    return os.waitpid(child, 0)[1] == 0


def drop_root() -> None:
    """Leave root: by a user namespace, else by changing to an account without rights."""
    if os.geteuid() != 0:
        return
    if can_enter_user_namespace():
        enter_user_namespace()
        return
    user, group = unprivileged_id()
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def main(arguments: list[str]) -> None:
    """Prepare this process and become the program."""
    parent, signal_number, privilege, *command = arguments
    if privilege == "DROP":
        drop_root()
    if int(signal_number) and sys.platform == "linux":
        # After the change of user: changing credentials clears the death signal.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != int(parent):
            sys.exit(1)  # the parent died before the signal was set
    os.execvp(command[0], command)  # noqa: S606  # becoming the program is the point; no shell is involved


if __name__ == "__main__":
    main(sys.argv[1:])
