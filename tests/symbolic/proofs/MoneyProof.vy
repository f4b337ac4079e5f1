# pragma version 0.4.3
"""
@title The arithmetic of money
@custom:contract-name MoneyProof
@license Apache-2.0
@notice What leaves a vault, what a fee is, and what a booking moves
        (`modules/vaults.vy`, `sessions.vy`, `bookings.vy`, `bounds.vy`), against
        docs/protocol.md, section 4.
"""


from ethereum.ercs import IERC20


from contracts.modules import custody
initializes: custody


from contracts.modules import ledger
initializes: ledger


from contracts.modules import vaults
initializes: vaults[custody := custody, ledger := ledger]


from contracts.modules import bounds
from contracts.modules import sessions
from tests.symbolic.proofs import claim
from tests.symbolic.proofs import six_decimals


@deploy
def __init__():
    """
    @dev Nothing here is called that a token would be needed for.
    """
    custody.__init__(IERC20(six_decimals._deploy()))
    ledger.__init__()
    vaults.__init__()


@external
@pure
def check_no_vault_pays_more_than_its_balance_and_limit(packed: uint256, limit: uint256, wanted: uint256):
    """
    @dev `_draw` for every account: it pays as much as balance and what is left of
         the day's limit allow, and touches no other field.
    """
    if limit >= 2 ** 56 or wanted >= 2 ** 42:
        return
    balance: uint256 = packed // 2 ** 176
    spent: uint256 = packed // 2 ** 64 % 2 ** 56
    after: uint256 = 0
    paid: uint256 = 0
    short: bool = False
    after, paid, short = vaults._draw(packed, limit, wanted)
    claim._that(paid <= wanted and paid <= balance)
    claim._that(paid == 0 or spent + paid <= limit)
    claim._that(paid == wanted or paid == balance or spent >= limit or spent + paid == limit)
    claim._that(after // 2 ** 176 == balance - paid and after // 2 ** 64 % 2 ** 56 == spent + paid)
    claim._that(after // 2 ** 120 % 2 ** 56 == packed // 2 ** 120 % 2 ** 56)
    claim._that(after % 2 ** 64 == packed % 2 ** 64)
    claim._that(short == (balance < wanted))


@external
@pure
def check_a_new_day_forgets_what_was_spent_and_nothing_else(packed: uint256, today: uint256):
    """
    @dev `_on_day` for every account; the flag of a lowered limit stays.
    """
    if today >= 2 ** 23:
        return
    after: uint256 = vaults._on_day(packed, today)
    claim._that(after // 2 ** 40 % 2 ** 23 == today)
    claim._that(after // 2 ** 120 == packed // 2 ** 120 and after % 2 ** 40 == packed % 2 ** 40)
    claim._that(after // 2 ** 63 % 2 == packed // 2 ** 63 % 2)
    if packed // 2 ** 40 % 2 ** 23 == today:
        claim._that(after == packed)
    else:
        claim._that(after // 2 ** 64 % 2 ** 56 == 0)


@external
@pure
def check_the_loops_payment_is_the_draw(packed: uint256, gross: uint256):
    """
    @dev Where balance and limit reach, the loop of `batches` adds a multiple of
         one constant instead: the same, in one addition.
    """
    limit: uint256 = packed // 2 ** 120 % 2 ** 56
    spent: uint256 = packed // 2 ** 64 % 2 ** 56
    if gross >= 2 ** 40 or gross > packed // 2 ** 176 or spent + gross > limit:
        return
    after: uint256 = unsafe_add(packed, unsafe_mul(gross, vaults.SPEND))
    claim._that(after // 2 ** 176 == packed // 2 ** 176 - gross)
    claim._that(after // 2 ** 64 % 2 ** 56 == spent + gross)
    claim._that(after // 2 ** 120 % 2 ** 56 == limit and after % 2 ** 64 == packed % 2 ** 64)


@external
@pure
def check_what_a_cap_leaves(cap: uint256, used: uint256):
    """
    @dev Nothing where it was lowered below what is used.
    """
    left: uint256 = bounds._room(cap, used)
    if cap <= used:
        claim._that(left == 0)
    else:
        claim._that(left == cap - used)


@external
@pure
def check_gross_and_fees_of_a_run_share_a_word(sums: uint256, gross: uint256, paid: uint256):
    """
    @dev The loop's sum of gross and fees: after any session neither has run into
         the other, as long as there are at most 256 of them.
    """
    if sums >> 128 >= 2 ** 48 or sums % 2 ** 128 >= 2 ** 40 or gross >= 2 ** 40 or paid > gross:
        return
    after: uint256 = unsafe_add(
        sums, (gross << sessions.GROSS_SUM_SHIFT) | unsafe_div(paid, sessions.FEE_DIVISOR)
    )
    claim._that(after >> sessions.GROSS_SUM_SHIFT == (sums >> 128) + gross)
    claim._that(after & sessions.FEE_SUM_MASK == sums % 2 ** 128 + paid // 1_000)
