"""CHG: a fixed supply, no roles, permits by signature."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth.exceptions import Revert
from eth_account import Account
from eth_utils.crypto import keccak

from chargecoin.contracts import abi
from tests.contracts.world import events
from tests.support.rewards import START, a_chain, source

SUPPLY = 1_000_000_000 * 10**18


@pytest.fixture(autouse=True)
def chain() -> Iterator[None]:
    with a_chain():
        yield


@pytest.fixture
def treasury() -> Any:
    return boa.env.generate_address("treasury")


@pytest.fixture
def chg(treasury: Any) -> Any:
    return source("ChargeCoin").deploy(treasury)


def permit(
    chg: Any, holder: Any, spender: Any, amount: int, deadline: int, **domain: Any
) -> tuple[int, bytes, bytes]:
    """v, r and s of a holder's permit."""
    signed = Account.sign_typed_data(
        holder.key,
        {
            "name": "ChargeCoin",
            "version": "1",
            "chainId": boa.env.evm.patch.chain_id,
            "verifyingContract": str(chg.address),
        }
        | domain,
        {
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        {
            "owner": holder.address,
            "spender": str(spender),
            "value": amount,
            "nonce": chg.nonces(holder.address),
            "deadline": deadline,
        },
    )
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_the_whole_supply_is_minted_once_to_the_holder(chg: Any, treasury: Any) -> None:
    assert (chg.name(), chg.symbol(), chg.decimals()) == ("ChargeCoin", "CHG", 18)
    assert chg.totalSupply() == chg.balanceOf(treasury) == chg.SUPPLY() == SUPPLY


def test_it_cannot_be_deployed_to_nobody() -> None:
    with boa.reverts("erc20: mint to the zero address"):
        source("ChargeCoin").deploy("0x" + "00" * 20)


def test_nothing_can_mint_burn_freeze_or_own() -> None:
    functions = {one["name"] for one in abi("ChargeCoin") if one["type"] == "function"}
    assert functions == {
        *("name", "symbol", "decimals", "totalSupply", "balanceOf", "allowance", "SUPPLY"),
        *("transfer", "approve", "transferFrom"),
        *("permit", "nonces", "DOMAIN_SEPARATOR", "eip712Domain"),
    }


@pytest.mark.parametrize(
    "call",
    ["mint(address,uint256)", "burn(uint256)", "transfer_ownership(address)", "owner()"],
)
def test_what_is_not_exported_is_not_in_the_code(chg: Any, treasury: Any, call: str) -> None:
    data = keccak(text=call)[:4] + bytes(12) + bytes.fromhex(str(treasury)[2:]) + bytes(32)
    with pytest.raises(Revert):
        chg.env.raw_call(chg.address, sender=treasury, data=data)
    assert chg.totalSupply() == SUPPLY


@pytest.mark.py_evm
def test_the_deployer_keeps_no_role(chg: Any) -> None:
    last = events(chg, "RoleMinterChanged")[-1]
    assert (last.minter, last.status) == (boa.env.eoa, False)
    has_role = f"ownable.owner != empty(address) or erc20.is_minter[{boa.env.eoa}]"
    assert chg.eval(has_role) is False


def test_transfers_move_exactly_what_they_say(chg: Any, treasury: Any) -> None:
    driver = boa.env.generate_address("driver")
    assert chg.transfer(driver, 5, sender=treasury)
    assert (chg.balanceOf(driver), chg.balanceOf(treasury)) == (5, SUPPLY - 5)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        chg.transfer(treasury, 6, sender=driver)


def test_a_permit_lets_a_spender_take_what_was_signed_once(chg: Any, treasury: Any) -> None:
    holder, spender = Account.from_key("0x" + "07" * 32), boa.env.generate_address("spender")
    chg.transfer(holder.address, 100, sender=treasury)
    v, r, s = permit(chg, holder, spender, 60, START + 10)
    chg.permit(holder.address, spender, 60, START + 10, v, r, s)
    chg.transferFrom(holder.address, spender, 60, sender=spender)
    assert chg.balanceOf(spender) == 60
    with boa.reverts("erc20: invalid signature"):
        chg.permit(holder.address, spender, 60, START + 10, v, r, s)


def test_a_permit_ends_at_its_deadline(chg: Any) -> None:
    holder, spender = Account.from_key("0x" + "07" * 32), boa.env.generate_address("spender")
    v, r, s = permit(chg, holder, spender, 60, START)
    boa.env.timestamp = START + 1
    with boa.reverts("erc20: expired deadline"):
        chg.permit(holder.address, spender, 60, START, v, r, s)


@pytest.mark.parametrize(
    "domain",
    [{"chainId": 999}, {"verifyingContract": "0x" + "11" * 20}, {"name": "Other"}],
    ids=["other chain", "other contract", "other name"],
)
def test_a_permit_of_another_domain_does_not_count(chg: Any, domain: dict[str, Any]) -> None:
    holder, spender = Account.from_key("0x" + "07" * 32), boa.env.generate_address("spender")
    v, r, s = permit(chg, holder, spender, 60, START + 10, **domain)
    with boa.reverts("erc20: invalid signature"):
        chg.permit(holder.address, spender, 60, START + 10, v, r, s)
