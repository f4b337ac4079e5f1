"""Digests and signatures, held equal to eth-account's encoder."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from chargecoin import typed_data
from chargecoin.errors import CodecError
from chargecoin.typed_data import ADJUSTMENTS_NAME, CURVE_ORDER, Domain, Mandate, Signer

SETTLEMENT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DOMAIN = Domain(31_337, SETTLEMENT)
EIP712_DOMAIN: dict[str, Any] = {
    "name": "ChargeCoin Settlement",
    "version": "1",
    "chainId": 31_337,
    "verifyingContract": SETTLEMENT,
}
BATCH_FIELDS = [
    {"name": "epoch", "type": "uint256"},
    {"name": "expiry", "type": "uint256"},
    {"name": "evidenceRoot", "type": "bytes32"},
    {"name": "runs", "type": "bytes"},
]
MANDATE_FIELDS = [
    {"name": "account", "type": "uint256"},
    {"name": "tokens", "type": "bytes32[]"},
    {"name": "maxPerSession", "type": "uint256"},
    {"name": "validFrom", "type": "uint64"},
    {"name": "validUntil", "type": "uint64"},
]
RULING_FIELDS = [
    {"name": "epoch", "type": "uint256"},
    {"name": "dispute", "type": "uint256"},
    {"name": "refund", "type": "uint256"},
    {"name": "reason", "type": "bytes32"},
]

word = st.integers(0, (1 << 256) - 1)
hash32 = st.binary(min_size=32, max_size=32)
time64 = st.integers(0, (1 << 64) - 1)
mandates = st.builds(
    Mandate,
    account=word,
    tokens=st.lists(hash32, max_size=4).map(tuple),
    max_per_session=word,
    valid_from=time64,
    valid_until=time64,
)


def library_digest(
    fields: list[dict[str, str]],
    name: str,
    message: dict[str, Any],
    domain: dict[str, Any] = EIP712_DOMAIN,
) -> bytes:
    signable = encode_typed_data(domain, {name: fields}, message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@settings(max_examples=50)
@given(word, word, hash32, st.binary(max_size=200))
def test_a_batchs_digest_is_eip_712(epoch: int, expiry: int, root: bytes, runs: bytes) -> None:
    message = {"epoch": epoch, "expiry": expiry, "evidenceRoot": root, "runs": runs}
    assert typed_data.batch_digest(
        DOMAIN, epoch=epoch, expiry=expiry, evidence_root=root, runs=runs
    ) == library_digest(BATCH_FIELDS, "Batch", message)


@settings(max_examples=50)
@given(mandates)
def test_a_mandates_digest_is_eip_712(mandate: Mandate) -> None:
    message = {
        "account": mandate.account,
        "tokens": list(mandate.tokens),
        "maxPerSession": mandate.max_per_session,
        "validFrom": mandate.valid_from,
        "validUntil": mandate.valid_until,
    }
    assert mandate.digest(DOMAIN) == library_digest(MANDATE_FIELDS, "Mandate", message)


@settings(max_examples=50)
@given(word, word, word, hash32)
def test_a_rulings_digest_is_eip_712(epoch: int, dispute: int, refund: int, reason: bytes) -> None:
    message = {"epoch": epoch, "dispute": dispute, "refund": refund, "reason": reason}
    found = typed_data.ruling_digest(
        Domain(31_337, SETTLEMENT, ADJUSTMENTS_NAME),
        epoch=epoch,
        dispute=dispute,
        refund=refund,
        reason=reason,
    )
    domain = EIP712_DOMAIN | {"name": "ChargeCoin Adjustments"}
    assert found == library_digest(RULING_FIELDS, "Ruling", message, domain)


def test_another_chain_or_contract_is_another_digest() -> None:
    mandate = Mandate(1, (), 1, 0, 1)
    digests = {
        mandate.digest(DOMAIN),
        mandate.digest(Domain(1, SETTLEMENT)),
        mandate.digest(Domain(31_337, "0x" + "11" * 20)),
    }
    assert len(digests) == 3


def test_a_domains_address_is_compared_without_regard_to_case() -> None:
    assert Domain(31_337, SETTLEMENT.lower()).separator == DOMAIN.separator


def test_a_number_that_fits_no_word_is_refused() -> None:
    for value in (-1, 1 << 256):
        with pytest.raises(CodecError):
            Mandate(value, (), 1, 0, 1).struct_hash()


@given(hash32, hash32.filter(lambda secret: 0 < int.from_bytes(secret, "big") < CURVE_ORDER))
def test_who_signed_is_recovered(digest: bytes, secret: bytes) -> None:
    signer = Signer(secret)
    signature = signer.sign(digest)
    assert signer.address == Account.from_key(secret).address
    assert typed_data.recover(digest, signature) == signer.address
    assert int.from_bytes(signature[32:64], "big") <= CURVE_ORDER // 2


def test_a_signature_with_high_s_is_refused() -> None:
    digest = keccak(b"digest")
    signature = Signer(b"\x01" * 32).sign(digest)
    high = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    flipped = signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])
    with pytest.raises(CodecError, match="lower half"):
        typed_data.recover(digest, flipped)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(66),
        bytes(65),
        bytes(64) + b"\x1b",
        b"\xff" * 32 + bytes(31) + b"\x01\x1b",
    ],
)
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(CodecError):
        typed_data.recover(keccak(b"digest"), signature)


def test_signatures_are_ordered_by_signer() -> None:
    digest = keccak(b"digest")
    signers = [Signer(bytes([value]) * 32) for value in (1, 2, 3, 4)]
    joined = typed_data.order_signatures(digest, [signer.sign(digest) for signer in signers])
    found = [typed_data.recover(digest, joined[i : i + 65]) for i in range(0, len(joined), 65)]
    assert found == sorted((signer.address for signer in signers), key=lambda one: int(one, 16))


def test_a_mandate_is_in_force_from_its_start_to_before_its_end() -> None:
    mandate = Mandate(1, (), 1, 100, 200)
    assert [mandate.in_force(at) for at in (99, 100, 199, 200)] == [False, True, True, False]


@given(hash32, st.text("abcdefABCDEF0123456789", min_size=1, max_size=20))
def test_a_tokens_commitment_disregards_case(salt: bytes, token: str) -> None:
    commitment = typed_data.token_commitment(salt, token)
    assert commitment == typed_data.token_commitment(salt, token.lower())
    assert commitment == keccak(salt + token.upper().encode())


def test_a_salt_has_32_bytes() -> None:
    with pytest.raises(CodecError, match="32"):
        typed_data.token_commitment(b"short", "TAG")
