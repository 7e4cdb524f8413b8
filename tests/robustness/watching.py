"""What a piece of code opens, writes and runs, by the audit events of Python.

An audit hook cannot be removed, so there is one, which records only while something is watched.
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate", "os.chmod")
RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "builtins.input", "pickle.find_class")
CONNECTS = ("socket.connect", "socket.getaddrinfo")
_watched: list["Watched"] = []


class Watched:
    """opened (list[str]): Files that were opened.
    changed (list[str]): Places that were written to, made, moved or removed.
    ran (list[str]): Programs that were started, pickled objects, questions on the terminal, and connections.
    private (list[str]): Folders that were made for this user only.
    """

    def __init__(self):
        self.opened, self.changed, self.ran, self.private = [], [], [], []

    def add(self, event, args):
        if event == "open" and isinstance(args[0], str | bytes):
            path = os.path.abspath(os.fsdecode(args[0]))
            self.opened.append(path)
            if (isinstance(args[1], str) and set(args[1]) & set("wax+")) or args[2] & WRITING:
                self.changed.append(path)
        elif event in CHANGES:
            path = _resolved(args[1 if event in ("os.rename", "os.link") else 0], args[-1])
            if event == "os.mkdir" and args[1] == 0o700:
                self.private.append(path)
            self.changed.append(path)
        elif event in RUNS or event in CONNECTS:
            self.ran.append(f"{event}{args!r:.200}")

    def changed_outside(self, *folders):
        """Places that were changed, outside of some folders and of private ones."""
        inside = [*map(str, folders), *self.private]
        return [
            path
            for path in self.changed
            if path != os.devnull
            and "__pycache__" not in path
            and not any(path == folder or path.startswith(folder + os.sep) for folder in inside)
        ]


def _resolved(path, folder):
    """An absolute path. `shutil.rmtree` gives names in an open folder, on Linux."""
    path = os.fsdecode(path)
    if not os.path.isabs(path) and isinstance(folder, int) and folder >= 0:
        path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
    return os.path.abspath(path)


def _hook(event, args):
    for watched in _watched:
        watched.add(event, args)


sys.addaudithook(_hook)


@contextmanager
def watching():
    """Record within this context."""
    watched = Watched()
    _watched.append(watched)
    try:
        yield watched
    finally:
        _watched.remove(watched)


def snapshot(folder):
    """Everything in a folder: paths with contents, targets of links, or None."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in Path(folder).rglob("*")
    }
