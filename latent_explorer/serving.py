"""How promptly Streamlit's server answers the browser."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import streamlit as st

_OPEN_FILES = Path("/dev/fd")  # of this process, on Linux and macOS
# Seconds after which a script yields to the server, which takes several turns for each file: with
# Python's 5 ms a first map comes a tenth later, since its files are asked for while it is packed.
_TURN = 0.0005
_INTERNET = (socket.AF_INET, socket.AF_INET6)


@st.cache_resource(show_spinner=False)
def answer_promptly() -> None:
    """Let the server answer while a script runs, and send at once; once for all sessions.

    Streamlit 1.67 binds its server's socket without naming TCP, so asyncio leaves Nagle's algorithm
    on: whatever is sent in two parts, as each file and each rerun is, waits some 40 ms for the
    browser's delayed acknowledgement (measured on Linux). TCP_NODELAY on the process's sockets ends
    that, also for those that the server accepts later. Without /dev/fd they are left as they are.
    """
    sys.setswitchinterval(_TURN)
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
