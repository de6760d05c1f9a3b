"""Every count and rate of the synthetic payment world, in one place.

The defaults make about 300,000 transactions in 120 days, 0.65 % of them fraudulent and 2.4 % dirty, late or repeated.
"""

from dataclasses import Field, dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common.errors import LakehouseError


class WorldSettingsError(LakehouseError, ValueError):
    """A setting of the world is out of its range, or doesn't belong to the world that is there."""


def _count(default: int, meaning: str, minimum: int = 0) -> Any:
    return field(default=default, metadata={"help": meaning, "minimum": minimum})


def _number(default: float, meaning: str, maximum: float | None = None) -> Any:
    return field(default=default, metadata={"help": meaning, "minimum": 0.0, "maximum": maximum})


def _share(default: float, meaning: str) -> Any:
    return _number(default, meaning, maximum=1.0)


@dataclass(frozen=True)
class World:
    """The settings of a world; each field's metadata holds its meaning (`help`) and limits.

    The same settings make the same files, byte for byte.

    Raises:
        WorldSettingsError: a value is out of its range.

    """

    seed: int = _count(20250601, "seed of everything random")
    start_day: str = field(default="2025-06-01", metadata={"help": "first day, YYYY-MM-DD"})
    days: int = _count(120, "days to make when no number of days is given", 1)
    gzip_every_days: int = _count(2, "the transactions of every n-th day are gzipped; 1: all, 0: none")
    new_column_from_day: int = _count(60, "day (0: the first) from which feeds have a column more")

    customers: int = _count(2000, "people who hold cards", 1)
    merchants: int = _count(600, "shops, banks and web shops", 20)
    terminals: int = _count(1500, "payment terminals, cash machines and web check-outs; at least one a merchant", 20)
    accounts_per_customer: float = _number(1.2, "mean number of card accounts a customer, 1 to 2", 2.0)
    transactions_per_customer_day: float = _number(1.25, "mean transactions of a customer a day")
    amount_eur_mean: float = _number(42.0, "mean over customers of their mean amount, euro")
    online_share: float = _share(0.3, "share of transactions made online")
    atm_share: float = _share(0.08, "share of transactions at cash machines")
    travel_share: float = _share(0.02, "share of card-present transactions far from home")
    radius_km: float = _number(15.0, "distance within which people use terminals, km")

    genuine_high_risk_rate: float = _share(0.0002, "share of genuine transactions in high-risk countries")
    genuine_watchlist_rate: float = _share(0.0002, "share of genuine transactions at watch-listed merchants")
    genuine_large_rate: float = _share(0.00003, "share of genuine transactions online above 30,000 euro")

    compromised_terminal_share: float = _share(0.0035, "share of terminals compromised at any time")
    compromised_terminal_days: int = _count(21, "days that a terminal stays compromised", 1)
    compromised_terminal_fraud_share: float = _share(0.8, "share of fraud at a compromised terminal")
    stolen_card_share: float = _share(0.006, "share of customers whose card details are stolen at any time")
    stolen_card_days: int = _count(14, "days that stolen card details are used", 1)
    stolen_card_fraud_share: float = _share(0.33, "share of a victim's transactions that are the thief's")
    large_amount_rate: float = _share(0.0003, "share of transactions that are frauds online above 30,000 euro")
    test_burst_rate: float = _share(0.00015, "bursts of 4 to 8 small online tests before a large one, per transaction")
    high_risk_country_rate: float = _share(0.0006, "share of transactions that are frauds in high-risk countries")
    watchlisted_merchant_rate: float = _share(0.0006, "share of transactions that are frauds at watch-listed merchants")

    difficulty: float = _share(1.0, "what the four difficulties that follow are multiplied by; 0: the easy world")
    drift: float = _share(0.3, "how far fraud has moved away from its first ways after drift_days; 0: not, 1: wholly")
    drift_days: int = _count(120, "days that fraud takes to move that far", 1)
    mimicry_share: float = _share(0.15, "share of customers whose thieves pay as they themselves do")
    friendly_fraud_rate: float = _share(
        0.001, "share of genuine online payments reported as fraud, and never withdrawn"
    )
    unreported_share: float = _share(0.1, "share of frauds whose report never comes, besides report_never_share")

    report_within_week_share: float = _share(0.85, "share of frauds reported within 7 days")
    report_never_share: float = _share(0.03, "share of frauds never reported; the rest is reported in 7 to 30 days")
    withdrawn_report_rate: float = _share(0.00005, "share of transactions reported by mistake and withdrawn later")

    customer_move_rate: float = _share(0.0003, "share of customers who move, a day")
    customer_email_rate: float = _share(0.0004, "share of customers with a new e-mail address, a day")
    account_balance_rate: float = _share(0.02, "share of accounts with a new balance, a day")
    account_limit_rate: float = _share(0.0005, "share of accounts with a new limit, a day")
    merchant_risk_rate: float = _share(0.001, "share of merchants whose risk rating changes, a day")
    merchant_watchlist_rate: float = _share(0.0005, "share of web shops put on or taken off the watchlist, a day")
    terminal_move_rate: float = _share(0.0002, "share of terminals that move, a day")
    reference_resend_rate: float = _share(0.0005, "share of reference records sent again unchanged, a day")
    reference_dirt_rate: float = _share(0.01, "share of reference records and fraud reports that are dirty")

    malformed_json_rate: float = _share(0.0008, "share of transactions whose line is cut off")
    missing_id_rate: float = _share(0.0008, "share of transactions without an id")
    invalid_id_rate: float = _share(0.0008, "share of transactions with blanks or odd characters in an id")
    bad_date_rate: float = _share(0.0008, "share of transactions at a time that doesn't exist")
    unknown_currency_rate: float = _share(0.0008, "share of transactions with a currency code that doesn't exist")
    unknown_country_rate: float = _share(0.0008, "share of transactions with a country that doesn't exist")
    negative_amount_rate: float = _share(0.0008, "share of transactions with a negative amount")
    absurd_amount_rate: float = _share(0.0004, "share of transactions with an amount beyond all reason")
    unknown_customer_rate: float = _share(0.0005, "share of transactions of customers that nobody knows")
    stray_text_rate: float = _share(0.003, "share of transactions with stray blanks and case")
    date_format_rate: float = _share(0.003, "share of transactions whose time is written in another format")
    country_name_rate: float = _share(0.002, "share of transactions with a country's name or three-letter code")
    unknown_field_rate: float = _share(0.002, "share of transactions with fields that nobody announced")
    duplicate_rate: float = _share(0.002, "share of transactions repeated exactly, the same day or later")
    resend_rate: float = _share(0.002, "share of transactions sent again with other blanks and order of fields")
    late_rate: float = _share(0.003, "share of transactions that arrive 1 to 5 days late")

    def __post_init__(self) -> None:
        for each in fields(self):
            _check_limits(each, getattr(self, each.name))
        if self.terminals < self.merchants:
            raise WorldSettingsError(
                f"terminals={self.terminals}: must be at least merchants={self.merchants}, as each merchant has one"
            )
        for names, what in ((CHANNEL_SHARES, "channels"), (FRAUD_RATES, "frauds"), (DIRT_RATES, "dirt")):
            if (total := sum(getattr(self, name) for name in names)) > 1:
                raise WorldSettingsError(f"the shares of {what} sum to {total:g}, above 1: {', '.join(names)}")
        if self.report_within_week_share + self.report_never_share > 1:
            raise WorldSettingsError("report_within_week_share and report_never_share together must be 1 or less")
        if self.accounts_per_customer < 1:
            raise WorldSettingsError(f"accounts_per_customer={self.accounts_per_customer:g}: must be 1 to 2")

    def strength(self, difficulty: str) -> float:
        """One of `DIFFICULTIES` as it counts: times `difficulty`."""
        setting: float = getattr(self, difficulty)
        return self.difficulty * setting

    def drifted(self, day: int) -> float:
        """How far fraud has moved away from its first ways on a day, 0 to 1."""
        return self.strength("drift") * min(max(day / self.drift_days, 0.0), 1.0)

    @property
    def first_day(self) -> date:
        """The first day as a date."""
        return date.fromisoformat(self.start_day)

    def day(self, number: int) -> date:
        """The date of a day by its number; 0 is the first."""
        return self.first_day + timedelta(days=number)

    def midnight(self, number: int) -> int:
        """Seconds from 1970 to the beginning of a day, UTC."""
        day = self.day(number)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


DIFFICULTIES = ("drift", "mimicry_share", "friendly_fraud_rate", "unreported_share")
CHANNEL_SHARES = ("online_share", "atm_share")
FRAUD_RATES = (
    "large_amount_rate",
    "high_risk_country_rate",
    "watchlisted_merchant_rate",
    "test_burst_rate",
    "genuine_high_risk_rate",
    "genuine_watchlist_rate",
    "genuine_large_rate",
)
DIRT_RATES = (
    "malformed_json_rate",
    "missing_id_rate",
    "invalid_id_rate",
    "bad_date_rate",
    "unknown_currency_rate",
    "unknown_country_rate",
    "negative_amount_rate",
    "absurd_amount_rate",
    "unknown_customer_rate",
    "stray_text_rate",
    "date_format_rate",
    "country_name_rate",
    "unknown_field_rate",
    "duplicate_rate",
    "resend_rate",
    "late_rate",
)
"""The kinds of dirt in transactions, each with `_rate` behind it; a transaction has one kind at most."""


def _check_limits(each: "Field[Any]", value: object) -> None:
    if each.type is str:
        try:
            date.fromisoformat(str(value))
        except ValueError:
            raise WorldSettingsError(f"{each.name}={value!r}: must be a day written as YYYY-MM-DD") from None
        return
    whole = each.type is int
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise WorldSettingsError(f"{each.name}={value!r}: must be a {'whole ' if whole else ''}number")
    low, high = each.metadata["minimum"], each.metadata.get("maximum")
    if not (low <= value and (high is None or value <= high)) or value == float("inf"):
        limits = f"from {low:g} to {high:g}" if high is not None else f"{low:g} or more"
        raise WorldSettingsError(f"{each.name}={value:g}: must be {limits} ({each.metadata['help']})")
