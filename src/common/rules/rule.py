"""What a fraud rule is made of."""

from dataclasses import dataclass
from typing import Literal, get_args

from common.errors import DeclarationError

Severity = Literal["block", "review"]


@dataclass(frozen=True)
class Rule:
    """A named SQL condition over a transaction, its features and its merchant.

    A rule that blocks makes the transaction an alert whatever its score is; one that asks for review is shown beside
    the score. A condition that is null, for want of an input, doesn't fire. `sentence` tells a person what it saw.

    Raises:
        DeclarationError: the severity is not one of the two.

    """

    name: str
    condition: str
    severity: Severity
    sentence: str

    def __post_init__(self) -> None:
        if self.severity not in get_args(Severity):
            rule = f"must be one of {', '.join(get_args(Severity))}"
            raise DeclarationError(f"rule {self.name}: severity={self.severity!r}: {rule}")
