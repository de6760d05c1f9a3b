"""The rules, each with the reason for its limits and its severity.

To block is to decline or hold a payment without a second look, so only a rule that is right about most of what it
hits may block. The others ask for a review: they are shown beside the score, and the model decides.
"""

from common.rules.rule import Rule
from common.settings import HIGH_RISK_COUNTRIES

ONLINE_LIMIT_EUR = 30_000

UNUSUAL_RATIO = 5
"""How many times the mean of the customer's other payments of 30 days counts as unusual. People's own amounts, spread
log-normally with a deviation of about 0.55, go beyond it less than once in a thousand."""

UNUSUAL_FLOOR_EUR = 250
"""Below it an unusual amount isn't worth a review: five times the price of a coffee is lunch."""

UNUSUAL_OTHERS = 5
"""Other payments in 30 days that a mean needs before an amount is judged by it."""

RULES = (
    # Almost nobody pays the price of a car by card in a web shop; the loss in a single hit is the largest there is,
    # and the customer can be called. It blocks.
    Rule(
        "large_online_amount",
        f"channel = 'online' AND amount_eur > {ONLINE_LIMIT_EUR}",
        "block",
        f"an online payment above {ONLINE_LIMIT_EUR:,} euro",
    ),
    # A merchant is listed on suspicion, and its ordinary customers go on paying there: review.
    Rule(
        "watchlisted_merchant",
        "is_watchlisted",
        "review",
        "the merchant is on the fraud team's watchlist",
    ),
    # Travellers and families pay there every day; a country alone must not decline anyone: review.
    Rule(
        "high_risk_country",
        f"country IN ({', '.join(repr(country) for country in HIGH_RISK_COUNTRIES)})",
        "review",
        "the card was used in a country of high risk",
    ),
    # People do buy a sofa once; the rest that the model sees distinguishes it from a stolen card: review.
    # The 30-day mean m of n payments holds this one, so the others' mean is (m n - amount) / (n - 1); written without
    # the division. A payment without an amount in euro is taken for an average one.
    Rule(
        "unusual_amount",
        f"amount_eur >= {UNUSUAL_FLOOR_EUR} AND customer_tx_count_30d > {UNUSUAL_OTHERS} "
        "AND amount_eur * (customer_tx_count_30d - 1) "
        f">= {UNUSUAL_RATIO} * (customer_amount_mean_30d * customer_tx_count_30d - amount_eur)",
        "review",
        f"at least {UNUSUAL_RATIO} times what this customer paid on average in the last 30 days",
    ),
)
