"""Asking a node for blocks and logs, and believing the answers only where they agree.

A load balancer may send two requests to two nodes that do not know the same. So
logs are asked for by block hash near the head, and everywhere the hash in each log
must be that of the header; blocks must name each other as parents; where a header's
bloom says that our contracts may have logged and no log came, the receipts decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eth_utils.crypto import keccak

from chargecoin.errors import InconsistentNodeError
from indexer.rpc import AnswerTooLargeError, Header, Log, Node, Receipt, RpcRefusedError
from indexer.store import Block, Cursor

# Logs wanted in one answer: enough to keep the node busy, little enough for memory.
WANTED_LOGS: Final = 3_000
# Small, since nothing is known yet of how dense the chain is; it doubles at every answer.
FIRST_RANGE: Final = 1
MAX_RANGE: Final = 20_000
# How many answers in a row at what a node once allowed, until twice that is tried again.
PROBE_AFTER: Final = 16
# Larger answers are asked for in parts: a range that doubled over empty blocks may reach a
# dense stretch, and some 1.5 times an answer is held once it is read. A block has no parts.
MAX_ANSWER: Final = 5_000_000
HeaderOrLogs: Any = Header | list[Log]


@dataclass(frozen=True, slots=True)
class Tips:
    """The node's head, how far up it calls blocks safe and final, and one block's hash.

    `theirs` is the hash of the block asked about, None where the node has none.
    """

    head: Block
    theirs: bytes | None
    safe: int
    final: int

    def noted(self, cursor: Cursor) -> Cursor:
        """Return the cursor with this head and finality, which never goes back by itself."""
        return replace(
            cursor,
            head_number=self.head.number,
            safe_number=max(cursor.safe_number, min(self.safe, cursor.number)),
            final_number=max(cursor.final_number, min(self.final, cursor.number)),
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """Blocks from `first` on (at least those with logs and the last) and all their logs."""

    first: int
    blocks: Sequence[Block]
    logs: Sequence[Log]

    @property
    def last(self) -> Block:
        """The last block."""
        return self.blocks[-1]


class Fetcher:
    """One node, asked about some contracts."""

    def __init__(self, node: Node, addresses: Sequence[str], finality_depth: int) -> None:
        """Ask `node` for logs of `addresses`."""
        self._node = node
        self._addresses = list(addresses)
        self._bloom_bits = [_bloom_bits(bytes.fromhex(one[2:])) for one in addresses]
        self._finality_depth = finality_depth
        self._range = FIRST_RANGE
        # What the node allows as far as its refusals say, and the answers had at that.
        self._limit = MAX_RANGE
        self._at_limit = 0

    def doubt(self, why: str) -> None:
        """Ask another node next, if there is one: what this one said cannot be."""
        self._node.doubt(why)

    async def chain_id(self) -> int:
        """Return the node's chain id."""
        found = await self._node.call(str, "eth_chainId")
        return int(_present(found, "a chain id"), 16)

    async def tips(self, number: int) -> Tips:
        """Return the head, the hash of block `number`, and finality.

        Finality is by depth where the node does not know the tags.
        """
        tags = ("latest", hex(max(number, 0)), "safe", "finalized")
        requests = [("eth_getBlockByNumber", (tag, False)) for tag in tags]
        try:
            head, ours, safe, final = await self._node.batch(Header, requests)
        except RpcRefusedError:
            head, ours = await self._node.batch(Header, requests[:2])
            safe = final = None
        latest = _block(_present(head, "a latest block"))
        depth = max(0, latest.number - self._finality_depth)
        final_number = int(final.number, 16) if final else depth
        safe_number = int(safe.number, 16) if safe else final_number
        theirs = None if ours is None else bytes.fromhex(ours.hash[2:])
        return Tips(latest, theirs, max(safe_number, final_number), final_number)

    async def headers(self, numbers: Sequence[int]) -> list[Block]:
        """Return blocks by number in the order asked for."""
        return [_block(one) for one in await self._headers(numbers)]

    async def _headers(self, numbers: Sequence[int]) -> list[Header]:
        requests = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        found = await self._node.batch(Header, requests)
        headers = []
        for number, header in zip(numbers, found, strict=True):
            known = _present(header, f"block {number}")
            if int(known.number, 16) != number:
                raise InconsistentNodeError(f"asked for block {number}, got {known.number}")
            headers.append(known)
        return headers

    # --- far behind: by range ---

    async def range(self, first: int, last: int) -> Fetched:
        """Return a range that begins at `first`, as long as the node and our memory allow."""
        while True:
            upto = min(last, first + self._range - 1)
            try:
                end, logs = await self._logs_of_range(first, upto)
            except AnswerTooLargeError as error:
                # The blocks that were in it whole would have fitted; nothing else is known of
                # the node's own limits.
                half = (upto - first + 1) // 2
                self._range = max(1, min(half, (error.reached or upto) - first))
                continue
            except RpcRefusedError:
                # Every provider has its own words for "too much"; less is always understood.
                if self._range == 1:
                    raise
                self._range = self._limit = max(1, (upto - first + 1) // 2)
                self._at_limit = 0
                continue
            break
        self._learn(upto - first + 1, len(logs))
        logs.sort(key=lambda log: (int(log.block_number, 16), int(log.log_index, 16)))
        numbers = sorted({int(log.block_number, 16) for log in logs} - {upto})
        if numbers and (numbers[0] < first or numbers[-1] > upto):
            raise InconsistentNodeError(f"asked for blocks {first} to {upto}, got others")
        blocks = [*await self.headers(numbers), end]
        _check_logs(logs, {block.number: block for block in blocks})
        return Fetched(first, blocks, logs)

    async def _logs_of_range(self, first: int, last: int) -> tuple[Block, list[Log]]:
        """Return the last block and the logs, by one request.

        A node that does not have the last block yet would leave out the logs of those it
        does not have, and not say so.
        """
        wanted = {"address": self._addresses, "fromBlock": hex(first), "toBlock": hex(last)}
        end, logs = await self._node.batch(
            HeaderOrLogs,
            [("eth_getBlockByNumber", (hex(last), False)), ("eth_getLogs", (wanted,))],
            MAX_ANSWER if last > first else None,
        )
        if not isinstance(end, Header) or not isinstance(logs, list):
            raise InconsistentNodeError(f"the node does not have block {last} or its logs yet")
        return _block(end), logs

    def _learn(self, blocks: int, logs: int) -> None:
        """Aim the next range at `WANTED_LOGS`, at most doubling, within what the node allows.

        A limit may have been one of a dense stretch, or of a busy hour: it is probed again.
        """
        if blocks == self._limit < MAX_RANGE:
            self._at_limit += 1
            if self._at_limit == PROBE_AFTER:
                self._limit, self._at_limit = min(2 * self._limit, MAX_RANGE), 0
        aim = blocks * WANTED_LOGS // max(logs, 1)
        self._range = max(1, min(aim, 2 * max(self._range, 1), self._limit))

    # --- near the head: block by block ---

    async def blocks(self, first: int, last: int, parent: bytes | None) -> Fetched:
        """Return blocks `first` to `last`, each the parent of the next, with their logs by hash.

        `parent` is the hash that the first one must name. Raises `InconsistentNodeError`
        where the blocks do not form a chain: a reorg in between, or two nodes.
        """
        headers = await self._headers(range(first, last + 1))
        blocks = [_block(header) for header in headers]
        for block in blocks:
            if parent is not None and block.parent != parent:
                raise InconsistentNodeError(f"block {block.number} does not follow its parent")
            parent = block.hash
        requests = [
            ("eth_getLogs", ({"address": self._addresses, "blockHash": header.hash},))
            for header in headers
        ]
        found = await self._node.batch(list[Log], requests)
        logs: list[Log] = []
        for header, some in zip(headers, found, strict=True):
            of_block = _present(some, "logs")
            if not of_block and self._may_have_logged(header):
                of_block = await self._logs_elsewhere(header)
            of_block.sort(key=lambda log: int(log.log_index, 16))
            logs += of_block
        _check_logs(logs, {block.number: block for block in blocks})
        return Fetched(first, blocks, logs)

    def _may_have_logged(self, header: Header) -> bool:
        bloom = int(header.logs_bloom, 16) if header.logs_bloom != "0x" else 0
        return any(bits & bloom == bits for bits in self._bloom_bits)

    async def _logs_elsewhere(self, header: Header) -> list[Log]:
        """Return the logs of a block whose bloom speaks of us though the node gave none.

        A bloom may speak of us by chance. Where it does not, the node's receipts have
        what its logs lack, or another node has it.
        """
        found = await self._logs_of_receipts(header)
        if found:
            return found
        wanted = {"address": self._addresses, "blockHash": header.hash}
        answers = await self._node.ask_others(list[Log], "eth_getLogs", wanted)
        found = max(answers, key=len, default=[])
        if found:
            self.doubt(f"it leaves out {len(found)} logs of block {int(header.number, 16)}")
        return found

    async def _logs_of_receipts(self, header: Header) -> list[Log]:
        try:
            found = await self._node.call(list[Receipt], "eth_getBlockReceipts", header.number)
        except RpcRefusedError:
            # Not every node has receipts by block; blooms err on the side of "may have".
            return []
        return [
            log
            for receipt in _present(found, "receipts")
            for log in receipt.logs
            if log.address.lower() in self._addresses
        ]


def _present(value: Any, what: str) -> Any:
    if value is None:
        raise InconsistentNodeError(f"the node does not have {what} that it should have")
    return value


def _block(header: Header) -> Block:
    return Block(
        number=int(header.number, 16),
        hash=bytes.fromhex(header.hash[2:]),
        parent=bytes.fromhex(header.parent_hash[2:]),
        timestamp=int(header.timestamp, 16),
    )


def _check_logs(logs: Sequence[Log], blocks: dict[int, Block]) -> None:
    """Insist that logs are of these blocks, in order and each once."""
    hashes = {number: "0x" + block.hash.hex() for number, block in blocks.items()}
    before = (-1, -1)
    for log in logs:
        here = (int(log.block_number, 16), int(log.log_index, 16))
        if hashes.get(here[0]) != log.block_hash or log.removed:
            raise InconsistentNodeError(
                f"a log of block {here[0]} is of {log.block_hash}, which is not that block"
            )
        if here <= before:
            raise InconsistentNodeError(f"log {here[1]} of block {here[0]} came twice")
        before = here


def _bloom_bits(value: bytes) -> int:
    """Return the three bits that a value sets in a log bloom (Yellow Paper, section 4.3.1)."""
    digest = keccak(value)
    bits = 0
    for i in range(0, 6, 2):
        bits |= 1 << (int.from_bytes(digest[i : i + 2], "big") & 2047)
    return bits
