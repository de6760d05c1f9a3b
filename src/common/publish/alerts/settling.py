"""What a person decides on messages of which nobody knows, and on dead letters: sent, or to be sent again."""

from typing import Any

from common.errors import ParameterError
from common.parameters import SETTLED, as_settled


def settle(connection: Any, given: str) -> int:
    """Does what the parameter `resolve` says, such as `T1/email=sent, T2/team=resend`; how many messages it was.

    Only what is unsure or failed can be settled. What was settled as is said before is left alone.

    Raises:
        ParameterError: there is no such message, or it is in another state; nothing is changed.
    """
    changed = 0
    with connection.transaction():
        for alert, channel, how in as_settled(given):
            row = connection.execute(
                "SELECT state FROM alerts.outbox WHERE (alert_id, channel) = (%s, %s) FOR UPDATE", [alert, channel]
            ).fetchone()
            state, wanted = row[0] if row else "not there", SETTLED[how]
            if state == wanted:
                continue
            if state not in ("unsure", "failed"):
                raise ParameterError(
                    f"resolve: the message {alert}/{channel} is {state}; one that is unsure or failed can be settled, "
                    "and the list of messages to look at has their names"
                )
            connection.execute(
                "UPDATE alerts.outbox SET state = %s, note = 'settled by a person', is_handed_over = false, "
                "attempts = 0, next_try = now(), created_at = CASE WHEN %s THEN now() ELSE created_at END, "
                "ended_at = now() WHERE (alert_id, channel) = (%s, %s)",
                [wanted, how == "resend", alert, channel],
            )
            changed += 1
    return changed
