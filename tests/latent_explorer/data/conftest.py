"""A checkpoint to read, and what stands in a payload."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
)


@pytest.fixture
def ref(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> CheckpointRef:
    write_checkpoint(tmp_path / "one.safetensors")
    return checkpoint_ref(tmp_path / "one.safetensors")


def header_of(payload: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", payload, 4)
    return json.loads(payload[8 : 8 + length])


def section(payload: bytes, name: str) -> np.ndarray:
    (length,) = struct.unpack_from("<I", payload, 4)
    start = 8 + length + -(8 + length) % 8
    one = next(s for s in header_of(payload)["sections"] if s["name"] == name)
    dtype = {"u1": "u1", "f4": "<f4"}[one["dtype"]]
    return np.frombuffer(payload, dtype, one["length"], start + one["offset"])
