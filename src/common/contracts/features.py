"""The features of a transaction, each declared once: name, type, meaning, and what a person reads of its value.

`transaction_features` computes them all. A feature that a source can't feed (no merchants, no countries) is null in all
of its rows; a model is trained on the others, and records which.

The groups after the first are from the Fraud Detection Handbook's chapter 3 (`SPENDING` and `TERMINAL`) or were chosen
on validation folds of its data, see docs/model.md.
"""

import math
from dataclasses import dataclass

from common.contracts.table import Column

WINDOW_DAYS = (1, 7, 30)
"""Days of the windows over which payments are counted, averaged, and judged."""

RECENT_DAYS = (3, 7)
"""Days of the windows in which a customer's unusual payments are looked for."""

USUAL_DAYS = 30
"""Days of earlier payments that say what is usual."""

UNUSUAL_TIMES = 2.5
"""From how many times the usual amount on a payment counts as unusual.

The one limit of its kind: an unusual payment is left out of what is usual for its customer, is counted as unusual, and
as a fraud it is explained by its amount, so that it doesn't count against its terminal.
"""


@dataclass(frozen=True)
class Feature:
    """One model input.

    `meaning` is the column's comment. `sentence` is what an analyst reads when the feature raised a score; its `{}`
    takes the value. `otherwise` is read of a flag that is false, `missing` where there is no value.
    """

    name: str
    type: str
    meaning: str
    sentence: str
    missing: str = ""
    otherwise: str = ""

    @property
    def column(self) -> Column:
        """The feature as a column of gold.transaction_features."""
        return Column(self.name, self.type, self.meaning)

    def words(self, value: float) -> str:
        """What a person reads of a value; NaN: there is none."""
        if math.isnan(value):
            return self.missing or f"{self.name} is not known for this transaction"
        if self.type == "boolean" and not value:
            return self.otherwise
        return self.sentence.format(value)


def _over(days: tuple[int, ...], name: str, type_: str, meaning: str, sentence: str) -> tuple[Feature, ...]:
    return tuple(
        Feature(f"{name}_{d}d", type_, meaning.format(days=d), sentence.replace("{span}", _span(d))) for d in days
    )


def _span(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


PAYMENT = (
    Feature("amount_eur", "double", "Amount of the transaction in euro.", "the amount is {:,.2f} euro"),
    Feature(
        "is_weekend",
        "boolean",
        "Whether it happened on a Saturday or Sunday, UTC.",
        "it is weekend",
        otherwise="it is not weekend",
    ),
    Feature(
        "is_night",
        "boolean",
        "Whether it happened from hour 0 to hour 6, UTC.",
        "it is night",
        otherwise="it is day",
    ),
)
"""The payment itself."""

SPENDING = (
    *_over(
        WINDOW_DAYS,
        "customer_tx_count",
        "bigint",
        "Transactions of the customer in (t - {days} d, t].",
        "{:,.0f} payments of this customer in the last {span}",
    ),
    *_over(
        WINDOW_DAYS,
        "customer_amount_mean",
        "double",
        "Their mean amount in euro in (t - {days} d, t]; null without any.",
        "this customer paid {:,.2f} euro on average in the last {span}",
    ),
    Feature(
        "customer_hours_since_last",
        "double",
        f"Hours since the customer's payment before this one; null without one in {USUAL_DAYS} days.",
        "{:,.1f} hours since this customer's last payment",
        f"no payment of this customer is known in the {USUAL_DAYS} days before",
    ),
)
"""How much and how often the customer spends."""

HABIT = (
    Feature(
        "customer_usual_amount_30d",
        "double",
        f"Mean amount in euro of the customer's earlier payments in (t - {USUAL_DAYS} d, t), without those known at t "
        f"to be fraud and those that were unusual, more than {UNUSUAL_TIMES} times the mean before them; null without.",
        "this customer usually pays {:,.2f} euro",
        "it is not known what this customer usually pays",
    ),
    Feature(
        "amount_to_usual",
        "double",
        "The amount divided by customer_usual_amount_30d; null where one of them is unknown.",
        "the amount is {:,.2f} times this customer's usual",
        "it is not known what this customer usually pays",
    ),
    *_over(
        RECENT_DAYS,
        "customer_largest_to_usual",
        "double",
        "The largest amount_to_usual of the customer's earlier payments in (t - {days} d, t); null without any.",
        "this customer's largest payment of the last {span} was {:,.2f} times the usual",
    ),
    *_over(
        RECENT_DAYS,
        "customer_unusual_count",
        "bigint",
        f"How many of the customer's earlier payments in (t - {{days}} d, t) were above {UNUSUAL_TIMES} times the "
        "usual.",
        "{:,.0f} unusually large payments of this customer in the last {span}",
    ),
)
"""The amount against the customer's own history."""

PLACE = tuple(
    Feature(
        f"customer_{of}_count_30d",
        "bigint",
        f"The customer's earlier payments in (t - {USUAL_DAYS} d, t) {where}; null where it is unknown.",
        f"{{:,.0f}} earlier payments of this customer {where} in the last {USUAL_DAYS} days",
    )
    for of, where in (("country", "in this country"), ("channel", "by this channel"), ("merchant", "to this merchant"))
)
"""How used the customer is to the place and the channel."""

TERMINAL = (
    *_over(
        WINDOW_DAYS,
        "terminal_tx_count",
        "bigint",
        "Transactions at the terminal in (t - 7 d - {days} d, t - 7 d].",
        "{:,.0f} payments at this terminal in the {span} before reports could arrive",
    ),
    *_over(
        WINDOW_DAYS,
        "terminal_fraud_rate",
        "double",
        "Share of those known at t to be fraud; 0 where there are none.",
        "{:.0%} of the payments at this terminal were fraud in the {span} before reports could arrive",
    ),
    Feature(
        "terminal_genuine_count_30d",
        "bigint",
        f"Transactions of terminal_tx_count_{USUAL_DAYS}d that are not known at t to be fraud.",
        f"{{:,.0f}} payments at this terminal that nobody reported, in the {USUAL_DAYS} days before reports could "
        "arrive",
    ),
    Feature(
        "terminal_unexplained_frauds_30d",
        "bigint",
        f"Transactions of terminal_tx_count_{USUAL_DAYS}d that are known at t to be fraud and that their amount does "
        f"not explain: it is at most {UNUSUAL_TIMES} times the mean of its customer's payments of the "
        f"{USUAL_DAYS} days before.",
        "{:,.0f} frauds of ordinary amounts reported at this terminal",
    ),
    Feature(
        "terminal_genuine_age_days",
        "double",
        f"Days since the newest transaction of terminal_tx_count_{USUAL_DAYS}d not known at t to be fraud; null "
        "without.",
        "the newest payment at this terminal that nobody reported is {:,.1f} days old",
        "no earlier payment at this terminal counts as genuine yet",
    ),
    Feature(
        "terminal_fraud_streak",
        "bigint",
        "How many of terminal_unexplained_frauds_30d are newer than that genuine transaction.",
        "{:,.0f} frauds in a row reported at this terminal, and nothing genuine since",
    ),
    Feature(
        "terminal_streak_days",
        "double",
        "Days since the first fraud of terminal_fraud_streak; null without.",
        "the frauds reported in a row at this terminal began {:,.1f} days ago",
        "no frauds in a row are reported at this terminal",
    ),
)
"""How much fraud the terminal saw."""

GROUPS = {"payment": PAYMENT, "spending": SPENDING, "habit": HABIT, "place": PLACE, "terminal": TERMINAL}
"""The groups of features, by the name that a study of what each is worth calls them."""

FEATURES = tuple(feature for group in GROUPS.values() for feature in group)
BY_NAME = {feature.name: feature for feature in FEATURES}
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
FEATURE_COLUMNS = tuple(feature.column for feature in FEATURES)
