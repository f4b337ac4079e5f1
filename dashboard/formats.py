"""How figures are written: one object knows the reader's locale and the currency.

Everything a person reads of money, energy, mass and time goes through here, so
that another language is another `Formats` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_timezone_gmt, get_timezone_name
from babel.numbers import (
    UnknownCurrencyError,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
    list_currencies,
    parse_pattern,
)
from markupsafe import Markup, escape

from chargecoin.errors import ConfigurationError
from chargecoin.record import split_session_id
from dashboard.language import LANGUAGES, LOCALES, SOURCE, gettext

TOKEN_DECIMALS: Final = 6
CHG_DECIMALS: Final = 18
NO_VALUE: Final = "–"


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return an IANA zone; UTC for a name that is none, as the indexer counts such a site."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=4096)
def _day_written(day: date, pattern: str, locale: Locale) -> str:
    """Return a date as Babel writes it; a page's rows are of few days."""
    return format_date(day, pattern, locale=locale)


@dataclass(frozen=True, slots=True)
class _Written:
    """How Babel writes by a pattern, taken apart once: pages have thousands of figures."""

    plus: tuple[str, str]
    minus: tuple[str, str]
    point: str
    separator: str
    grouping: tuple[int, int]

    @classmethod
    def of(cls, pattern: str, locale: Locale, write: Callable[..., str]) -> Self:
        """Take apart what Babel's `write` makes of a pattern for whole numbers."""
        point = get_decimal_symbol(locale)
        whole, _, rest = pattern.partition("0.")
        tenths = f"{whole}0.0{rest.lstrip('0#')}"

        def around(value: int) -> tuple[str, str]:
            before, _, after = write(value, tenths).rpartition(f"1{point}0")
            return before, after

        return cls(
            plus=around(1),
            minus=around(-1),
            point=point,
            separator=get_group_symbol(locale),
            grouping=parse_pattern(pattern).grouping,
        )

    def parts(self, value: int, decimals: int) -> tuple[str, str, str, str]:
        """Return what is before the point, the point, the decimals and what comes after.

        `value` counts the last of so many decimals.
        """
        before, after = self.minus if value < 0 else self.plus
        whole, rest = divmod(abs(value), 10**decimals)
        left, size = str(whole), self.grouping[0]
        groups: list[str] = []
        while len(left) > size:
            groups.insert(0, left[-size:])
            left, size = left[:-size], self.grouping[1]
        head = before + self.separator.join([left, *groups])
        return head, self.point, f"{rest:0{decimals}d}", after


@dataclass(frozen=True)
class Formats:
    """Writes figures for one locale (`en_GB`) and one currency (ISO 4217)."""

    locale_name: str
    currency: str

    def __post_init__(self) -> None:
        """Refuse a locale or currency that Babel does not know."""
        try:
            _ = self.locale
            if self.currency not in list_currencies():
                raise UnknownCurrencyError(self.currency)
        except (UnknownLocaleError, UnknownCurrencyError, ValueError) as error:
            raise ConfigurationError(
                f"locale {self.locale_name!r} or currency {self.currency!r} is not known "
                f"({error}); write for example locale = 'en_GB' and currency = 'EUR'"
            ) from error

    @cached_property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self.locale_name)

    @property
    def language(self) -> str:
        """The tag for the page's `lang`: of a language without texts, the source's."""
        known = self.locale.language in LANGUAGES
        return self.locale_name.replace("_", "-") if known else SOURCE

    @cached_property
    def _money(self) -> _Written:
        def write(value: int, pattern: str) -> str:
            return format_currency(
                value, self.currency, format=pattern, currency_digits=False, locale=self.locale
            )

        positive = self.locale.currency_formats["standard"].pattern.split(";")[0]
        return _Written.of(positive, self.locale, write)

    def _numbers(self, pattern: str) -> _Written:
        def write(value: int, pattern: str) -> str:
            return format_decimal(value, format=pattern, locale=self.locale)

        return _Written.of(pattern, self.locale, write)

    @cached_property
    def _counts(self) -> _Written:
        return self._numbers(self.locale.decimal_formats[None].pattern)

    @cached_property
    def _thousands(self) -> _Written:
        return self._numbers("#,##0.0")

    @cached_property
    def _coin(self) -> int:
        """How many decimals the currency's smallest coin has."""
        return get_currency_precision(self.currency)

    def money_text(self, amount: int) -> str:
        """Return base units exactly, to the last of the token's six decimals, as plain text."""
        return "".join(self._money.parts(amount, TOKEN_DECIMALS))

    def money(self, amount: int | None) -> Markup:
        """Return base units exactly; what is below the currency's smallest coin is set smaller."""
        if amount is None:
            return Markup('<span class="none">{}</span>').format(NO_VALUE)
        head, point, digits, tail = self._money.parts(amount, TOKEN_DECIMALS)
        coin = self._coin
        coins, rest = (point + digits[:coin], digits[coin:]) if coin else ("", point + digits)
        return Markup(  # noqa: S704 -- of digits and what is escaped here
            f'<span class="money">{escape(head)}{coins}<span class="sub">{rest}</span>'
            f"{escape(tail)}</span>"
        )

    def money_plain(self, amount: int) -> str:
        """Return base units exactly, in a sentence: without the zeros that say nothing."""
        value = Decimal(amount).scaleb(-TOKEN_DECIMALS)
        return format_currency(value, self.currency, locale=self.locale, decimal_quantization=False)

    def money_short(self, amount: int) -> str:
        """Return base units rounded to the smallest coin, for chart labels and sentences only."""
        value = Decimal(amount).scaleb(-TOKEN_DECIMALS)
        return format_currency(value, self.currency, locale=self.locale)

    def money_exact(self, amount: Fraction) -> str:
        """Return base units with their fraction written out: `€1.234567 + 1⁄3`."""
        whole, rest = divmod(amount, 1)
        text = self.money_text(int(whole))
        return f"{text} + {rest.numerator}⁄{rest.denominator}" if rest else text

    def chg(self, amount: int) -> str:
        """Return base units of CHG (18 decimals) exactly, without the zeros that say nothing."""
        head, point, digits, tail = self._counts.parts(amount, CHG_DECIMALS)
        digits = digits.rstrip("0")
        return f"{head}{point}{digits}{tail}" if digits else head + tail

    def number(self, value: float) -> str:
        """Return a count or a decimal, grouped."""
        if isinstance(value, int):
            head, _, _, tail = self._counts.parts(value * 10, 1)
            return head + tail
        return format_decimal(value, locale=self.locale)

    def decimal(self, value: Decimal, digits: int) -> str:
        """Return a number with so many decimals, grouped."""
        return format_decimal(value, format="#,##0." + "0" * digits, locale=self.locale)

    def kwh(self, energy_wh: int) -> str:
        """Return Wh as kWh to the last watt-hour, without the unit."""
        return "".join(self._thousands.parts(energy_wh, 3))

    def kg(self, grams: int) -> str:
        """Return grams as kilograms, as an estimate is written: not finer than it is."""
        kilograms = Decimal(grams).scaleb(-3)
        pattern = "#,##0" if abs(kilograms) >= 10 else "#,##0.0"
        return format_decimal(kilograms, format=pattern, locale=self.locale)

    def percent(self, part: float, digits: int = 0) -> str:
        """Return a ratio as a percentage."""
        pattern = self.locale.percent_formats[None].pattern
        if digits:
            pattern = pattern.replace("##0", "##0." + "0" * digits)
        return format_percent(part, format=pattern, locale=self.locale)

    def change(self, now: int, before: int) -> float | None:
        """Return the relative change, or None where there is nothing to compare with."""
        return (now - before) / before if before > 0 else None

    @staticmethod
    def duration(seconds: int) -> str:
        """Return seconds as `2 d 3 h`, `1 h 05 min`, `4 min` or `12 s`."""
        seconds = max(0, seconds)
        days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
        if days:
            return f"{days} d {hours} h"
        if hours:
            return f"{hours} h {minutes:02d} min"
        return f"{minutes} min" if minutes else f"{seconds} s"

    @staticmethod
    def duration_exact(seconds: int) -> str:
        """Return seconds to the last one: `9 min 51 s`."""
        hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
        parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
        return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"

    def _element(self, at: int, text: str, title: str = "") -> Markup:
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Markup(  # noqa: S704 -- of digits and what is escaped here
            f'<time datetime="{stamp}" title="{escape(title)}">{escape(text)}</time>'
        )

    def moment_text(self, at: int, zone: str, *, seconds: bool = False) -> str:
        """Return a point in time in a site's zone, with the zone's short name, as plain text."""
        local = datetime.fromtimestamp(at, zone_of(zone))
        clock = local.strftime("%H:%M:%S" if seconds else "%H:%M")
        return f"{self.on(local.date(), 'd MMM y')}, {clock} {self.zone_short(at, zone)}"

    def pattern(self, pattern: str) -> str:
        """Return a date's pattern as the locale writes days: `22. Nov.` in German."""
        dotted = "d." in self.locale.date_formats["long"].pattern
        return pattern.replace("d MMM", "d. MMM") if dotted else pattern

    def moment(self, at: int, zone: str, *, seconds: bool = False) -> Markup:
        """Return a point in time in a site's zone, with the zone's short name."""
        return self._element(at, self.moment_text(at, zone, seconds=seconds), zone)

    def on(self, day: date, pattern: str) -> str:
        """Return a date by a pattern of Babel's, days as the locale writes them."""
        return _day_written(day, self.pattern(pattern), self.locale)

    def date_text(self, day: date) -> str:
        """Return a date."""
        return self.on(day, "d MMM y")

    def month_text(self, day: date) -> str:
        """Return the month that a day is in."""
        return self.on(day, "LLLL y")

    def clock_time(self, at: int, zone: str) -> Markup:
        """Return the time of day in a site's zone."""
        local = datetime.fromtimestamp(at, zone_of(zone))
        return self._element(at, local.strftime("%H:%M:%S"), zone)

    def day(self, at: int, zone: str, pattern: str = "EEE d MMM") -> str:
        """Return a date in a site's zone."""
        local = datetime.fromtimestamp(at, zone_of(zone)).date()
        return self.on(local, pattern)

    def zone_short(self, at: int, zone: str) -> str:
        """Return a zone's short name at a time: `GMT`, `BST`, `CET`; without one, `GMT+05:30`."""
        local = datetime.fromtimestamp(at, zone_of(zone))
        name = get_timezone_name(local, width="short", locale=self.locale)
        if not name.startswith(("+", "-")):
            return name
        return get_timezone_gmt(local, locale=self.locale).removesuffix("+00:00")

    def ago(self, seconds: float) -> str:
        """Return an age: `just now`, `12 s ago`, `3 min ago`."""
        if seconds < 2:
            return gettext("just now")
        return gettext("%(age)s ago", age=self.duration(int(seconds)))

    def weekday(self, day: int, width: str = "wide") -> str:
        """Return a weekday's name, 0 for Monday; `width` is Babel's: wide, abbreviated, short."""
        name: str = self.locale.days["stand-alone"][width][day]
        return name


def in_every_language(configured: str, currency: str) -> dict[str, Formats]:
    """Return how figures are written for each language's readers.

    The configured locale is that of its own language, so that Austrian figures can stand
    with German words; one of a language without texts stands with the source's.
    """
    own = Formats(configured, currency)
    spoken = own.locale.language if own.locale.language in LANGUAGES else SOURCE
    return {one: Formats(name, currency) for one, name in LOCALES.items()} | {spoken: own}


def session_key(value: int) -> str:
    """Return a session id as people and addresses write it: connector, slash, sequence."""
    connector_id, sequence = split_session_id(value)
    return f"{connector_id}/{sequence}"


def shorten(text: str, head: int = 10, tail: int = 6) -> str:
    """Return a long hex value with its middle left out."""
    return text if len(text) <= head + tail + 1 else f"{text[:head]}…{text[-tail:]}"


def filters(formats: Formats) -> dict[str, Callable[..., Any]]:
    """Return the filters that templates use."""
    names = (
        "money", "money_text", "money_plain", "money_short", "money_exact", "chg", "number",
        "kwh", "kg", "percent", "duration", "moment", "clock_time", "day", "zone_short", "ago",
        "weekday",
    )  # fmt: skip
    return {
        **{name: getattr(formats, name) for name in names},
        "key": session_key,
        "shorten": shorten,
    }
