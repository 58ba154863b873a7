"""Sockets of the server that send at once."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import streamlit as st

_OPEN_FILES = Path("/dev/fd")  # of this process, on Linux and macOS
_INTERNET = (socket.AF_INET, socket.AF_INET6)


@st.cache_resource(show_spinner=False)
def send_at_once() -> None:
    """Set TCP_NODELAY on the process's TCP sockets, and so on all that its servers accept; once.

    Streamlit 1.67 binds its server's socket without naming TCP, so asyncio leaves Nagle's algorithm
    on: whatever is sent in two parts, as each file and each rerun is, waits some 40 ms for the
    browser's delayed acknowledgement (measured on Linux). Without /dev/fd nothing is changed.
    """
    if not _OPEN_FILES.is_dir():
        return
    for name in os.listdir(_OPEN_FILES):
        with suppress(OSError):  # no socket, or closed meanwhile
            each = socket.socket(fileno=int(name))
            try:
                if each.type == socket.SOCK_STREAM and each.family in _INTERNET:
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            finally:
                each.detach()  # it is the server's, and stays open
