"""What the operating system refuses, in words, each with its own advice."""

from __future__ import annotations

import errno
import os

_ADVICE = {
    "ENOSPC": "no space left on the disk; free some, then run the same command again",
    "EDQUOT": "the disk quota is used up; free some space, then run the same command again",
    "EFBIG": "the file would be larger than its file system or ulimit -f allows; write to another place",
    "EACCES": "permission denied; get the right to it, or name another place",
    "EPERM": "not permitted; get the right to it, or name another place",
    "EROFS": "the file system is read-only; name another place to write to",
    "ENAMETOOLONG": "the name is too long for its file system; shorten it",
    "EMFILE": "too many files are open in this process; raise the limit (ulimit -n), or use fewer workers",
    "ENFILE": "too many files are open on this machine; close some programs, then run the same command again",
    "ESTALE": "the network share has changed since it was opened (stale handle); mount it again, then run the same "
    "command again",
    "EIO": "the disk or network share gives an input/output error; check it, then run the same command again",
    "ENOENT": "no such file or folder",
    "ENOTDIR": "a part of the path is a file, not a folder; correct the path",
    "EISDIR": "is a folder; a file is needed there",
    "ENOTEMPTY": "the folder is not empty; name another place",
    "EEXIST": "already exists; name another place",
    "ELOOP": "its symbolic links go round in a circle; mend the links, or name another place",
    "EBUSY": "in use by another program; close that, then run the same command again",
    "ETXTBSY": "in use by another program; close that, then run the same command again",
    "EAGAIN": "locked or busy at the moment; run the same command again",
    "ENOLCK": "the network share grants no lock; mount it with locking, or name another place",
    "EDEADLK": "locked by another program; run the same command again",
    "ENODEV": "is no regular file; name another",
    "ENXIO": "is no regular file; name another",
    "ESPIPE": "is a pipe, not a file; name a file",
    "EINVAL": "the operating system does not accept it; correct the path",
    "ENOMEM": "no memory left; close other programs, or use fewer workers",
    "ETIMEDOUT": "the network share does not answer; run the same command again once it is back",
    "EHOSTDOWN": "the network share does not answer; run the same command again once it is back",
    "EHOSTUNREACH": "the network share does not answer; run the same command again once it is back",
    "ECONNREFUSED": "the connection was refused; is the server up, and the address right?",
    "EADDRINUSE": "the address is in use; choose another port",
    "EADDRNOTAVAIL": "this machine does not have that address; correct the host",
}
_BY_NUMBER = {getattr(errno, name): text for name, text in _ADVICE.items() if hasattr(errno, name)}


def file_fault(error: OSError) -> str:
    """What is wrong, and what to do, from the error's number; the operating system's own words otherwise."""
    if error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    return error.strerror or str(error) or type(error).__name__


def described(error: OSError) -> str:
    """The same in one line that begins with the files' names, where the error tells them."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes) and name]
    return f"{' to '.join(names)}: {file_fault(error)}" if names else file_fault(error)
