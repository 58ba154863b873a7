"""The server answers promptly."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from latent_explorer.serving import answer_promptly


def is_at_once(each: socket.socket) -> bool:
    return each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason=f"{sys.platform} has no /dev/fd")
def test_what_a_server_accepts_sends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", turns.append)
    answer_promptly.clear()
    with (
        socket.socket(socket.AF_INET) as server,  # as Streamlit makes its own
        (tmp_path / "file").open("w") as file,
    ):
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert not is_at_once(server)
        before = set(os.listdir("/dev/fd"))
        answer_promptly()
        assert turns == [0.0005]
        assert set(os.listdir("/dev/fd")) == before  # nothing closed, nothing left open
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            assert is_at_once(accepted)
        file.write("still open")
