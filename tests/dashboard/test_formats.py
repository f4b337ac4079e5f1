"""Figures as people read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from chargecoin.errors import ConfigurationError
from chargecoin.record import session_id
from dashboard.formats import Formats, session_key, shorten
from tests.dashboard.world import at

ENGLISH = Formats("en_GB", "EUR")
GERMAN = Formats("de_DE", "EUR")


def test_money_is_written_to_the_last_base_unit() -> None:
    assert ENGLISH.money_text(1_234_567_891) == "€1,234.567891"
    assert GERMAN.money_text(1_234_567_891) == "1.234,567891\xa0€"
    assert ENGLISH.money_text(-1) == "-€0.000001"


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_money_on_a_page_can_be_read_back_exactly(amount: int) -> None:
    for formats, point, group in ((ENGLISH, ".", ","), (GERMAN, ",", ".")):
        text = formats.money(amount).striptags()
        digits = text.replace(group, "").replace(point, "").replace("€", "").strip()
        assert int(digits) == amount


@given(
    st.integers(min_value=-(10**18), max_value=10**18),
    st.sampled_from(["en_GB", "de_CH", "de_AT", "en_IN", "fr_FR", "lv_LV", "ar_EG", "ja_JP"]),
    st.sampled_from(["EUR", "CHF", "JPY", "KWD"]),
)
def test_money_is_written_as_babel_writes_it(amount: int, locale: str, currency: str) -> None:
    formats = Formats(locale, currency)
    standard = formats.locale.currency_formats["standard"].pattern.split(";")[0]
    text = format_currency(
        Decimal(amount).scaleb(-6),
        currency,
        format=standard.replace(".00", ".000000"),
        currency_digits=False,
        locale=formats.locale,
    )
    assert formats.money_text(amount) == text
    assert formats.money(amount).striptags() == Markup.escape(text).striptags()


@given(
    st.integers(min_value=-(10**18), max_value=10**18),
    st.sampled_from(["en_GB", "de_CH", "de_AT", "en_IN", "fr_FR", "lv_LV", "ar_EG", "ja_JP"]),
)
def test_numbers_and_moments_are_written_as_babel_writes_them(value: int, name: str) -> None:
    formats = Formats(name, "EUR")
    locale = formats.locale
    assert formats.number(value) == format_decimal(value, locale=locale)
    assert formats.kwh(value) == formats.decimal(Decimal(value).scaleb(-3), 3)
    chg = format_decimal(Decimal(value).scaleb(-18), locale=locale, decimal_quantization=False)
    assert formats.chg(value) == chg
    moment = abs(value) % (1 << 32)
    local = datetime.fromtimestamp(moment, ZoneInfo("Europe/Berlin"))
    for seconds, clock in ((False, "HH:mm"), (True, "HH:mm:ss")):
        pattern = formats.pattern(f"d MMM y, {clock}")
        text = format_datetime(local, pattern, tzinfo=local.tzinfo, locale=locale)
        zone = formats.zone_short(moment, "Europe/Berlin")
        assert formats.moment_text(moment, "Europe/Berlin", seconds=seconds) == f"{text} {zone}"


def test_what_is_below_the_smallest_coin_is_set_smaller() -> None:
    assert '<span class="sub">7891</span>' in ENGLISH.money(1_234_567_891)
    yen = Formats("ja_JP", "JPY").money(1_234_567_891)
    assert yen.striptags().endswith("1,234.567891")


def test_a_sentence_leaves_out_zeros_and_nothing_else() -> None:
    assert ENGLISH.money_plain(7_750_000) == "€7.75"
    assert ENGLISH.money_plain(9_000_000) == "€9.00"
    assert ENGLISH.money_plain(1_234_567) == "€1.234567"


def test_a_fraction_of_a_base_unit_is_written_out() -> None:
    assert ENGLISH.money_exact(Fraction(1_000_000) + Fraction(1, 3)) == "€1.000000 + 1⁄3"
    assert ENGLISH.money_exact(Fraction(1_000_000)) == "€1.000000"


def test_energy_is_exact_and_carbon_is_an_estimate() -> None:
    assert ENGLISH.kwh(1_204_551) == "1,204.551"
    assert ENGLISH.kg(13_980_400) == "13,980"
    assert ENGLISH.kg(99_120) == "99"
    assert ENGLISH.kg(4_830) == "4.8"


def test_a_moment_is_the_sites_own_and_names_its_zone() -> None:
    summer = at("2026-07-01 10:00")
    text = ENGLISH.moment(summer, "Europe/London")
    assert text.striptags() == "1 Jul 2026, 11:00 BST"
    assert 'datetime="2026-07-01T10:00:00Z"' in text
    assert ENGLISH.moment(summer, "Europe/Berlin").striptags() == "1 Jul 2026, 12:00 CEST"


def test_a_zone_without_a_short_name_in_a_language_is_named_by_its_offset() -> None:
    summer, winter = at("2026-07-01 10:00"), at("2026-12-01 10:00")
    assert GERMAN.zone_short(winter, "Europe/London") == "GMT"
    assert GERMAN.zone_short(summer, "Europe/London") == "GMT+01:00"
    assert ENGLISH.zone_short(summer, "Asia/Kolkata") == "GMT+05:30"


def test_the_hour_that_comes_twice_says_which_one_it_is() -> None:
    first, second = at("2026-10-25 00:30"), at("2026-10-25 01:30")
    assert ENGLISH.moment(first, "Europe/London").striptags() == "25 Oct 2026, 01:30 BST"
    assert ENGLISH.moment(second, "Europe/London").striptags() == "25 Oct 2026, 01:30 GMT"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12, "12 s"), (240, "4 min"), (3900, "1 h 05 min"), (183_600, "2 d 3 h"), (-5, "0 s")],
)
def test_durations_are_as_coarse_as_they_are_long(seconds: int, text: str) -> None:
    assert ENGLISH.duration(seconds) == text


def test_a_duration_that_is_billed_is_exact() -> None:
    assert ENGLISH.duration_exact(591) == "9 min 51 s"
    assert ENGLISH.duration_exact(7200) == "2 h"
    assert ENGLISH.duration_exact(0) == "0 s"


def test_there_is_no_change_where_there_was_nothing() -> None:
    assert ENGLISH.change(5, 0) is None
    assert ENGLISH.change(15, 10) == 0.5


def test_a_session_is_named_by_connector_and_sequence() -> None:
    assert session_key(session_id(7, 12)) == "7/12"


def test_a_long_hash_keeps_its_ends() -> None:
    assert shorten("0x" + "ab" * 32) == "0xabababab…ababab"
    assert shorten("0xab") == "0xab"


@pytest.mark.parametrize(("locale", "currency"), [("xx_XX", "EUR"), ("en_GB", "ZZZ")])
def test_an_unknown_locale_or_currency_is_refused(locale: str, currency: str) -> None:
    with pytest.raises(ConfigurationError, match="write for example"):
        Formats(locale, currency)


def test_a_date_and_a_share_are_written_as_the_locale_writes_them() -> None:
    summer = at("2026-07-01 10:00")
    assert GERMAN.moment(summer, "Europe/Berlin").striptags() == "1. Juli 2026, 12:00 MESZ"
    assert (GERMAN.percent(0.125, 1), ENGLISH.percent(0.125, 1)) == ("12,5\xa0%", "12.5%")
    assert (GERMAN.percent(0.5), ENGLISH.percent(0.5)) == ("50\xa0%", "50%")
    assert (GERMAN.weekday(0), ENGLISH.weekday(6)) == ("Montag", "Sunday")
