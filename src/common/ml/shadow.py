"""Shadow scores side by side with those that decided: figures, agreement, and a sentence, for a person to compare.

They are shown to whoever must approve a version, and kept with it. The gate doesn't judge by them: how many there are
depends on how long the version waited.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from common.contracts.features import FEATURE_NAMES
from common.ml.champion import Champion
from common.ml.evidence import Difference, Evidence

_FORMS = {
    "average_precision": ("average precision", ".3f"),
    "card_precision": ("card precision at {k}", ".3f"),
    "saved_eur": ("euro caught at {k} cards a day", ",.0f"),
}


@dataclass(frozen=True)
class Shadow:
    """Live transactions that a challenger scored beside the champion, which decided on them; there is one at least.

    `rows` has transaction_id and the columns of `review.JUDGED`, where `score` is the challenger's; `rival_score`, the
    champion's; `would_alert` and `is_alert`, what the challenger would have decided with the same rules, and what was
    decided; `is_mature`: the label is known by now. `read_examples` gives `examples`.
    """

    challenger: Champion
    champion: Champion
    rows: pd.DataFrame
    read_examples: Callable[[], pd.DataFrame]

    @cached_property
    def examples(self) -> pd.DataFrame:
        """The rows whose scores differ most, read and explained when they are first asked for.

        With `higher` (the version that gave the higher score), `why` (what that one saw), and `label` in words.
        """
        return self.read_examples()

    @cached_property
    def evidence(self) -> Evidence | None:
        """Both on the transactions whose labels are known; None while no fraud is among them."""
        known = self.rows[self.rows["is_mature"]]
        if not known["is_fraud"].any():
            return None
        return Evidence(self.challenger, self.champion, known.reset_index(drop=True), FEATURE_NAMES)

    def table(self) -> pd.DataFrame:
        """The figures as texts, side by side; those that need labels where there are any."""
        rows, known = self.rows, self.rows[self.rows["is_mature"]]
        alike = f"{(rows['would_alert'] == rows['is_alert']).mean():.2%} decided alike"
        size, labelled = f"{len(rows):,}", f"{len(known):,}"
        cards = [f"{_cards_a_day(rows, by):.1f}" for by in ("would_alert", "is_alert")]
        lines = [
            ["transactions", size, size, f"{_days(rows)} days"],
            ["alerts", f"{rows['would_alert'].sum():,}", f"{rows['is_alert'].sum():,}", alike],
            ["cards with an alert, a day", *cards, ""],
            ["transactions with known labels", labelled, labelled, f"{known['is_fraud'].sum():,} frauds"],
        ]
        if self.evidence is not None:
            for name, (words, form) in _FORMS.items():
                found = self.evidence.differences[name]
                sides = [f"{figure:{form}}" for figure in (found.challenger, found.rival)]
                lines.append([words.format(k=self.challenger.cards_per_day), *sides, _interval(found, form)])
        names = [f"version {self.challenger.version}", f"champion version {self.champion.version}"]
        return pd.DataFrame(lines, columns=["", *names, "difference"])

    @property
    def sentence(self) -> str:
        """What there is to say of them in two sentences."""
        rows, challenger, champion = self.rows, self.challenger, self.champion
        both = int((rows["would_alert"] & rows["is_alert"]).sum())
        text = (
            f"On {len(rows):,} live transactions of {_days(rows)} days version {challenger.version} would have raised "
            f"{rows['would_alert'].sum():,} alerts, champion version {champion.version} raised "
            f"{rows['is_alert'].sum():,}, {both:,} of them the same."
        )
        if self.evidence is None:
            return f"{text} No fraud is known yet among those whose labels are mature."
        found = self.evidence.differences["average_precision"]
        return (
            f"{text} Where labels are known, average precision is {found.challenger:.3f}, the champion's "
            f"{found.rival:.3f}: difference {_interval(found, '.3f')} on resampled cards."
        )

    def markdown(self) -> str:
        """The sentence and the table."""
        table = self.table().astype(str)
        lines = [[*table.columns], ["---"] * len(table.columns), *table.to_numpy().tolist()]
        return "\n".join([self.sentence, "", *(f"| {' | '.join(line)} |" for line in lines)])


def _days(rows: pd.DataFrame) -> int:
    return int(rows["event_time"].dt.floor("D").nunique())


def _cards_a_day(rows: pd.DataFrame, by: str) -> float:
    alerted = rows[rows[by]]
    return len(alerted.groupby([alerted["event_time"].dt.floor("D"), "card"])) / _days(rows)


def _interval(found: Difference, form: str) -> str:
    return f"{found.low:+{form}} to {found.high:+{form}}"
