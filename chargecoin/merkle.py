"""The evidence tree of a batch (docs/protocol.md, section 2).

Leaves and nodes are hashed under different prefixes, so that no node can pass
for a leaf (RFC 6962, section 2.1); an odd node is carried up unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from chargecoin.errors import CodecError


def leaf(session_id: int, word: int, evidence_hash: bytes) -> bytes:
    """Return the leaf that binds a session's id, its record word and its evidence."""
    return keccak(
        b"\x00" + session_id.to_bytes(32, "big") + word.to_bytes(32, "big") + evidence_hash
    )


def _parents(level: Sequence[bytes]) -> list[bytes]:
    pairs = [keccak(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + list(level[-1:]) if len(level) % 2 else pairs


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over `leaves`. Raises `CodecError` if there are none."""
    if not leaves:
        raise CodecError("a Merkle tree needs at least one leaf")
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


@dataclass(frozen=True, slots=True)
class Step:
    """A sibling on the way up, and whether it stands on the left."""

    sibling: bytes
    left: bool

    def encode(self) -> str:
        """Return `L` or `R` and the sibling in hex, the form used in proofs."""
        return ("L" if self.left else "R") + self.sibling.hex()

    @classmethod
    def decode(cls, text: str) -> Step:
        """Read what `encode` wrote. Raises `CodecError` on anything else."""
        try:
            sibling = bytes.fromhex(text[1:])
        except ValueError as error:
            raise CodecError(f"a proof step is not hex: {text!r}") from error
        if text[:1] not in {"L", "R"} or len(sibling) != 32:
            raise CodecError(f"a proof step is L or R and 32 bytes of hex, not {text!r}")
        return cls(sibling, text[0] == "L")


def path(leaves: Sequence[bytes], index: int) -> list[Step]:
    """Return the siblings from leaf `index` up to the root."""
    if not 0 <= index < len(leaves):
        raise CodecError(f"there is no leaf {index} among {len(leaves)}")
    steps: list[Step] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            steps.append(Step(level[sibling], left=sibling < index))
        level = _parents(level)
        index //= 2
    return steps


def root_from(leaf_hash: bytes, steps: Sequence[Step]) -> bytes:
    """Return the root that a leaf and its path lead to."""
    node = leaf_hash
    for step in steps:
        node = keccak(b"\x01" + (step.sibling + node if step.left else node + step.sibling))
    return node
