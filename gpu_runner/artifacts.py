"""Checks on model files that come from outside: hashes, and safetensors read as bytes without any loader.

Format: 8 bytes little-endian header length, a JSON header, the tensor bytes
(https://huggingface.co/docs/safetensors). Only this format is accepted; a pickle under another name is refused here,
before any library sees it.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

from gpu_runner.errors import UnsafeArtifact

MAX_HEADER_BYTES = 1 << 20
MAX_TENSORS = 20_000
DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_safetensors(path: Path) -> dict[str, Any]:
    """Return the header of a well-formed safetensors file.

    Raises:
        UnsafeArtifact: not safetensors, a header over the bounds, or tensors that do not exactly fill the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        if len(prefix) < 8:
            raise UnsafeArtifact(f"{path.name} is too short to be a safetensors file", file=path.name)
        (length,) = struct.unpack("<Q", prefix)
        if length > MAX_HEADER_BYTES or length > size - 8:
            raise UnsafeArtifact(f"{path.name} is not a safetensors file (header length {length})", file=path.name)
        header = _parse_header(file.read(length), path.name)
    _check_tensors(header, size - 8 - length, path.name)
    return header


def _parse_header(raw: bytes, name: str) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise UnsafeArtifact(f"{name} is not a safetensors file (no JSON header)", file=name)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnsafeArtifact(f"{name} has an unreadable safetensors header", file=name) from error
    if not isinstance(header, dict):
        raise UnsafeArtifact(f"{name} has an unreadable safetensors header", file=name)
    if len(header) > MAX_TENSORS:
        raise UnsafeArtifact(f"{name} names {len(header)} tensors; at most {MAX_TENSORS} are read", file=name)
    return header


def _check_tensors(header: dict[str, Any], data_bytes: int, name: str) -> None:
    spans: list[tuple[int, int]] = []
    for tensor, entry in header.items():
        if tensor == "__metadata__":
            continue
        spans.append(_tensor_span(tensor, entry, name))
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise UnsafeArtifact(f"{name} has overlapping tensors or gaps between them", file=name)
        position = end
    if position != data_bytes:
        raise UnsafeArtifact(f"{name} has {data_bytes - position} bytes that belong to no tensor", file=name)


def _tensor_span(tensor: str, entry: Any, name: str) -> tuple[int, int]:
    try:
        begin, end = (int(offset) for offset in entry["data_offsets"])
        count = DTYPE_BYTES[entry["dtype"]]
        shape = [int(dimension) for dimension in entry["shape"]]
    except (TypeError, KeyError, ValueError) as error:
        raise UnsafeArtifact(f"{name}: tensor {tensor[:80]!r} is not described correctly", file=name) from error
    if min([begin, *shape]) < 0 or end - begin != math.prod([count, *shape]):
        raise UnsafeArtifact(f"{name}: tensor {tensor[:80]!r} does not have the size it states", file=name)
    return begin, end
