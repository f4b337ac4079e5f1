"""titanoboa's chain on revm, which runs the same bytecode many times as fast as py-evm.

For what runs contracts very often: histories of 100,000 steps, faults by the hundred. Errors carry
the reason that a contract gives, and no place in its source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, Final

import boa
from boa.contracts.vyper import vyper_contract
from boa.contracts.vyper.vyper_contract import VyperFunction
from boa.util.abi import Address
from boa.vm.gas_meters import NoGasMeter
from eth._utils.address import generate_contract_address
from eth.exceptions import Revert, VMError
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

GAS: Final = 10**8
GENESIS: Final = 1_700_000_000
REVERTED: Final = ", output: 0x"

# Who has an account with code send what follows the receiver's address in calldata.
PROMPTER: Final = "0x" + keccak(text="prompter")[-20:].hex()

RawLog = tuple[int, bytes, list[int], bytes]


def _sending(lender: str) -> bytes:
    """Code that sends what `PROMPTER` says, and does for others what the lender's code does."""
    return bytes.fromhex(
        f"3373{PROMPTER[2:]}14603c57"  # Jumps to the second part if the caller is the prompter.
        f"365f5f375f5f365f73{lender[2:]}5af4605456"  # DELEGATECALL with all of calldata.
        "5b6014360360145f375f5f601436035f5f5f3560601c5af1"  # CALL of the first 20 bytes.
        "5b3d5f5f3e605f573d5ffd5b3d5ff3"  # Returns or reverts with what was returned.
    )


class Computation:
    """What titanoboa asks of an execution that has ended."""

    _gas_meter_class = NoGasMeter
    # Of an error, titanoboa would look these up in its own trace.
    vyper_error_msg = vyper_source_pos = None
    children = beneficiaries = ()

    def __init__(
        self, output: bytes = b"", error: VMError | None = None, logs: Any = (), to: str = ""
    ) -> None:
        self.output, self.error, self.is_error = output, error, error is not None
        self.call_trace = self._contract_repr_before_revert = f"a call of {to}"
        self._raw = logs

    def get_raw_log_entries(self) -> list[RawLog]:
        """Logs as py-evm has them."""
        entries: list[RawLog] = []
        for number, log in enumerate(self._raw):
            topics, data = log.data
            topics = [int.from_bytes(topic, "big") for topic in topics]
            entries.append((number, to_canonical_address(log.address), topics, data))
        return entries

    @property
    def _log_entries(self) -> list[RawLog]:
        return self.get_raw_log_entries()


class Block:
    """Number, time and chain; `changed` until revm knows of it."""

    chain_id = 1

    def __init__(self) -> None:
        self._number, self._timestamp, self.changed = 1, GENESIS, True

    @property
    def timestamp(self) -> int:
        """UTC seconds."""
        return self._timestamp

    @timestamp.setter
    def timestamp(self, at: int) -> None:
        self._timestamp, self.changed = at, True

    @property
    def block_number(self) -> int:
        """The block's number."""
        return self._number

    @block_number.setter
    def block_number(self, number: int) -> None:
        self._number, self.changed = number, True

    @contextmanager
    def anchor(self) -> Iterator[None]:
        """Restore afterwards."""
        before = self._number, self._timestamp
        try:
            yield
        finally:
            self._number, self._timestamp = before
            self.changed = True


class Revm:
    """The part of titanoboa's `PyEVM` that tests use; no other attribute is asked for."""

    _fast_mode_enabled = False

    def __init__(self) -> None:
        self.patch = Block()
        self._evm = EVM(
            env=Env(cfg=CfgEnv(chain_id=Block.chain_id)), gas_limit=GAS, spec_id="PRAGUE"
        )
        self._nonces: Counter[str] = Counter()
        self._codes: dict[str, bytes] = {}
        # Of views, since the last change of state or time.
        self._answers: dict[tuple[str, str, bytes], bytes] = {}

    def get_gas_meter_class(self) -> type[Any]:
        """Gas is not counted."""
        return NoGasMeter  # type: ignore[no-any-return]

    def get_gas_limit(self) -> int:
        """Gas of a call that names none."""
        return GAS

    def get_code(self, address: Address) -> bytes:
        """Code at an address."""
        return self._codes.get(address, b"")

    def set_code(self, address: Address, code: bytes) -> None:
        """Put code at an address."""
        self._codes[address] = code
        self._answers.clear()
        self._evm.insert_account_info(str(address), AccountInfo(code=code))

    def get_balance(self, address: Address) -> int:
        """Wei at an address."""
        balance: int = self._evm.get_balance(str(address))
        return balance

    def get_storage(self, address: Address, slot: int) -> int:
        """A word of storage."""
        word: int = self._evm.storage(str(address), slot)
        return word

    def snapshot(self) -> Any:
        """What `revert` takes to come back to here."""
        return self._evm.snapshot(), self._nonces.copy()

    def revert(self, snapshot: Any) -> None:
        """Undo what happened since, but for code, which a deployment overwrites."""
        self._answers.clear()
        checkpoint, self._nonces = snapshot
        self._evm.revert(checkpoint)

    def generate_create_address(self, sender: Address) -> Address:
        """Where the sender's next contract will be."""
        nonce = self._nonces[sender]
        self._nonces[sender] += 1
        return Address(generate_contract_address(sender.canonical_address, nonce))

    def deploy_code(
        self,
        sender: Address,
        target_address: Address,
        gas: int | None,
        value: int,
        bytecode: bytes,
        **_: Any,
    ) -> Computation:
        """Run creation code at the address, wherever that is, and leave there what it returns."""
        self.set_code(target_address, bytecode)
        made = self._call(sender, target_address, gas or GAS, value, b"", is_static=False)
        self.set_code(target_address, made.output if not made.is_error else b"")
        return made

    def execute_code(
        self,
        sender: Address,
        to: Address,
        gas: int,
        value: int,
        bytecode: bytes,
        data: bytes,
        *,
        is_static: bool,
        **_: Any,
    ) -> Computation:
        """Call a contract."""
        return self._call(sender, to, gas, value, data, is_static=is_static)

    def view(self, sender: Address, to: Address, data: bytes) -> bytes | None:
        """What a view answers, asked again only if something happened since; None if it reverts."""
        key = sender, to, data
        if key not in self._answers or self.patch.changed:
            made = self._call(sender, to, GAS, 0, data, is_static=True)
            if made.is_error:
                return None
            self._answers[key] = made.output
        return self._answers[key]

    def _call(
        self, sender: Address, to: Address, gas: int, value: int, data: bytes, *, is_static: bool
    ) -> Computation:
        evm, block = self._evm, self.patch
        if block.changed or not is_static:
            self._answers.clear()
        if block.changed:
            evm.set_block_env(
                BlockEnv(number=block.block_number, timestamp=block.timestamp, gas_limit=GAS)
            )
            block.changed = False
        code, caller, receiver = self.get_code(sender), sender, to
        if code:
            # revm sends nothing for an account that has code: that code is lent one that sends.
            lender = "0x" + keccak(sender.canonical_address)[-20:].hex()
            evm.insert_account_info(lender, AccountInfo(code=code))
            evm.insert_account_info(sender, AccountInfo(code=_sending(lender)))
            caller, receiver, data = PROMPTER, sender, to_canonical_address(to) + data
        try:
            output = evm.message_call(
                caller, receiver, calldata=data, value=value, gas=gas, is_static=is_static
            )
        except RuntimeError as error:
            text = str(error)
            if REVERTED not in text:
                return Computation(error=VMError(text), to=to)
            output = bytes.fromhex(text.partition(REVERTED)[2].removesuffix(" }"))
            return Computation(output, Revert(output), to=to)
        finally:
            evm.reset_transient_storage()
            if code:
                evm.insert_account_info(sender, AccountInfo(code=code))
        return Computation(output, logs=evm.result.logs if evm.result else ())


class Function(VyperFunction):
    """A contract's function; a view is encoded once, and its answer decoded once.

    titanoboa's own way through a call takes longer than revm.
    """

    def __init__(self, fn_ast: Any, contract: Any) -> None:
        super().__init__(fn_ast, contract)
        self._is_view = not self.func_t.is_mutable
        self._asked: dict[Any, bytes] = {}
        self._answered: dict[bytes, Any] = {}

    def __call__(self, *args: Any, **options: Any) -> Any:
        evm = self.contract.env.evm
        if options or not self._is_view or not isinstance(evm, Revm):
            return super().__call__(*args, **options)
        try:
            data = self._asked[args]
        except KeyError:
            data = self._asked[args] = self.prepare_calldata(*args)
        except TypeError:
            return super().__call__(*args)
        output = evm.view(self.contract.env.eoa, self.contract.address, data)
        if output is None:
            return super().__call__(*args)
        if output not in self._answered:
            answer = self.contract.marshal_to_python(Computation(output), self.func_t.return_type)
            self._answered[output] = answer
        return copy(self._answered[output])


vyper_contract.VyperFunction = Function


class RevmEnv(boa.Env):
    """titanoboa's environment over revm."""

    def __init__(self) -> None:
        super().__init__()
        self.nickname, self.evm = "revm", Revm()
