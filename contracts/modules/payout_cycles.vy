# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title When a payout cycle began
@custom:contract-name payout_cycles
@license Apache-2.0
@notice Days are counted from 1970-01-01, a Thursday, in UTC. Stateless.
"""


ON_DEMAND: constant(uint256) = 0
DAILY: constant(uint256) = 1
WEEKLY: constant(uint256) = 2
MONTHLY: constant(uint256) = 3


DAY_S: constant(uint256) = 86_400


@internal
@pure
def _due_days(today: uint256) -> uint256[4]:
    """
    @dev The first day of each cycle that contains a day: who was paid before it
         is due.
    @param today The day.
    @return uint256[4] By cycle: none, the day itself, its Monday, the first of
            its month.
    """
    # 1970-01-05 was a Monday, so (today + 3) % 7 days have passed since the last.
    monday: uint256 = unsafe_sub(today, unsafe_add(today, 3) % 7)
    # The day of the month, by the method of H. Hinnant (days_from_civil): years
    # from March, in eras of 400 years, so that the odd day of a leap year is the
    # last of all. 719,468 days lie between 0000-03-01 and 1970-01-01.
    # A block's time is far below where any of this wraps.
    of_era: uint256 = unsafe_add(today, 719_468) % 146_097
    year: uint256 = unsafe_div(
        unsafe_sub(
            unsafe_add(unsafe_sub(of_era, unsafe_div(of_era, 1_460)), unsafe_div(of_era, 36_524)),
            unsafe_div(of_era, 146_096),
        ),
        365,
    )
    of_year: uint256 = unsafe_sub(
        of_era,
        unsafe_sub(unsafe_add(unsafe_mul(year, 365), unsafe_div(year, 4)), unsafe_div(year, 100)),
    )
    month: uint256 = unsafe_div(unsafe_add(unsafe_mul(of_year, 5), 2), 153)
    since_first: uint256 = unsafe_sub(of_year, unsafe_div(unsafe_add(unsafe_mul(month, 153), 2), 5))
    return [empty(uint256), today, monday, unsafe_sub(today, since_first)]
