"""Rules on rows: which fired, whether one of them blocks, and what a person reads."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.errors import DeclarationError
from common.rules.declared import RULES
from common.rules.rule import Rule

RULES_HIT = "rules_hit"


def evaluate(rows: DataFrame, rules: Sequence[Rule] = RULES) -> DataFrame:
    """The rows with `rules_hit`, array<string>: names of the rules that fired, in their declared order.

    `rows` has the columns that the conditions name: those of gold.transaction_features, channel, country and
    is_watchlisted for `RULES`.

    Raises:
        DeclarationError: two rules have one name.

    """
    names = [rule.name for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DeclarationError(f"rules declared twice: {', '.join(twice)}; give each a name of its own")
    fired = [F.when(F.expr(rule.condition), F.lit(rule.name)) for rule in rules]
    return rows.withColumn(RULES_HIT, F.array_compact(F.array(*fired)).cast("array<string>"))


def blocks(rules_hit: str = RULES_HIT, rules: Sequence[Rule] = RULES) -> Column:
    """Whether one of the rules in the column `rules_hit` blocks."""
    blocking = [F.lit(rule.name) for rule in rules if rule.severity == "block"]
    return F.arrays_overlap(F.col(rules_hit), F.array(*blocking).cast("array<string>"))


def sentences(rules_hit: str = RULES_HIT, rules: Sequence[Rule] = RULES) -> Column:
    """The sentences of the rules in the column `rules_hit`, array<string>."""
    texts = F.create_map(*(F.lit(text) for rule in rules for text in (rule.name, _text_of(rule))))
    return F.transform(F.col(rules_hit), lambda name: F.coalesce(F.try_element_at(texts, name), name))


def sentence(name: str, rules: Sequence[Rule] = RULES) -> str:
    """What a rule's hit means, for a person. A rule that is no longer declared gives its name."""
    return next((_text_of(rule) for rule in rules if rule.name == name), name)


def _text_of(rule: Rule) -> str:
    """A rule's name and sentence, in the form of a model's reasons."""
    return f"rule {rule.name}: {rule.sentence}"
