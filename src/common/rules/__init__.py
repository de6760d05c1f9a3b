"""Fraud rules: what a person decided, beside what the model learned. Declared in `declared`, evaluated here."""

from common.rules.declared import RULES
from common.rules.evaluation import blocks, evaluate, sentence, sentences
from common.rules.rule import Rule

__all__ = ["RULES", "Rule", "blocks", "evaluate", "sentence", "sentences"]
