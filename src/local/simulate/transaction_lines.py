"""Payments as JSON lines, put together column by column: a hundred times quicker than line by line."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from local.simulate.payments import CHANNELS, Payments
from local.simulate.people import Ints
from local.simulate.places import places
from local.simulate.population import Population
from local.simulate.wording import account_id, customer_id, merchant_id, terminal_id, units

Record = dict[str, str]
"""A JSON object's fields as JSON texts, in their order."""


class TransactionWriter:
    """Writes the payments of one population: what is the same for all payments of an account is worded once."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._new_column_from = population.world.new_column_from_day
        accounts, terminals = population.accounts, population.terminals
        self._paid_by = pa.array(
            f'Z","customer":"{customer_id(c)}","account":"{account_id(a)}","currency":"{currency}","amount":'
            for a, (c, currency) in enumerate(zip(accounts.customer.tolist(), accounts.currency, strict=True))
        )
        country = places().country
        self._paid_at = pa.array(
            f',"merchant":"{merchant_id(m)}","terminal":"{terminal_id(t)}","country":"{country[p]}"'
            for t, (m, p) in enumerate(zip(terminals.merchant.tolist(), terminals.place.tolist(), strict=True))
        )
        self._channel = pa.array(f',"channel":"{channel}"' for channel in CHANNELS)
        self._device = pa.array(f',"device_id":"{_device_of(c)}"' + "}\n" for c in range(len(population.customers)))

    def ids(self, payments: Payments, day: int) -> pa.Array:
        """The transactions' ids: the day and a number within it."""
        number = pc.utf8_lpad(pa.array(np.arange(1, len(payments) + 1)).cast(pa.string()), 7, "0")
        return _joined(f"T{self._population.world.day(day):%Y%m%d}", number)

    def lines(self, payments: Payments, ids: pa.Array, day: int) -> pa.Array:
        """One JSON object a payment, each ending in a line feed."""
        has_device = day >= self._new_column_from
        return _joined(
            '{"id":"',
            ids,
            f'","ts":"{self._population.world.day(day)}T',
            _clock(payments.second),
            self._paid_by.take(pa.array(payments.account)),
            pa.array(payments.cents // 100).cast(pa.string()),
            _hundredths().take(pa.array(payments.cents % 100)),
            self._paid_at.take(pa.array(payments.terminal)),
            self._channel.take(pa.array(payments.channel)),
            self._device.take(pa.array(payments.customer)) if has_device else "}\n",
        )

    def records(self, payments: Payments, ids: pa.Array, day: int, rows: Ints) -> list[Record]:
        """Some payments field by field, for those that need a closer hand; `text_of` gives the lines above."""
        world, terminals = self._population.world, self._population.terminals
        currency, country = self._population.accounts.currency, places().country
        date, has_device = world.day(day), day >= self._new_column_from
        terminal = payments.terminal[rows]
        columns = (
            ids.take(pa.array(rows)).to_pylist(),
            _clock(payments.second[rows]).to_pylist(),
            *(
                column.tolist()
                for column in (
                    payments.customer[rows],
                    payments.account[rows],
                    payments.cents[rows],
                    terminals.merchant[terminal],
                    terminal,
                    terminals.place[terminal],
                    payments.channel[rows],
                )
            ),
        )
        return [
            {
                "id": f'"{id_}"',
                "ts": f'"{date}T{time}Z"',
                "customer": f'"{customer_id(customer)}"',
                "account": f'"{account_id(account)}"',
                "currency": f'"{currency[account]}"',
                "amount": units(cents),
                "merchant": f'"{merchant_id(merchant)}"',
                "terminal": f'"{terminal_id(number)}"',
                "country": f'"{country[place]}"',
                "channel": f'"{CHANNELS[channel]}"',
                **({"device_id": f'"{_device_of(customer)}"'} if has_device else {}),
            }
            for id_, time, customer, account, cents, merchant, number, place, channel in zip(*columns, strict=True)
        ]


def text_of(record: Record, separator: str = ",", colon: str = ":") -> str:
    """A record as a line of JSON."""
    return "{" + separator.join(f'"{name}"{colon}{value}' for name, value in record.items()) + "}\n"


def bytes_of(lines: pa.Array) -> memoryview:
    """The lines of a string array one after the other: what Arrow holds in memory already."""
    if not len(lines):
        return memoryview(b"")
    _, offsets, content = lines.buffers()
    ends = np.frombuffer(offsets, np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(content)[int(ends[0]) : int(ends[-1])]


def _device_of(customer: int) -> str:
    # Knuth's multiplicative hash: looks like a device's number, the same for the same customer.
    return f"{customer * 2654435761 % 2**32:08x}"


def _joined(*parts: pa.Array | str) -> pa.Array:
    scalars = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, "")


def _clock(second: Ints) -> pa.Array:
    return pa.array(second.astype(np.int32)).cast(pa.time32("s")).cast(pa.string())


@cache
def _hundredths() -> pa.Array:
    return pa.array(f".{cents:02d}" for cents in range(100))
