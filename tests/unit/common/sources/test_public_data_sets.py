"""The public data sets' declarations on a few made-up rows in their layouts: from files into silver, with labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.bronze.ingest import ingest_files
from common.contracts.registry import LAYERS
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS, MERCHANT, QUARANTINE, TRANSACTIONS
from common.settings import repository, settings_from
from common.silver.refine import refine
from common.sources.declaration import load_source
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

PAYSIM = """\
step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud,isFlaggedFraud
1,PAYMENT,9839.64,C1231006815,170136.0,160296.36,M1979787155,0.0,0.0,0,0
1,TRANSFER,181.0,C1305486145,181.0,0.0,C553264065,0.0,0.0,1,0
25,CASH_OUT,181.0,C840083671,181.0,0.0,C38997010,21182.0,0.0,1,0
25,CASH_OUT,181.0,C840083671,181.0,0.0,C38997010,21182.0,0.0,0,0
26,TRANSFER,92445516.64,C1,0.0,0.0,C2,0.0,0.0,0,0
"""
VS = ",".join(f'"V{number}"' for number in range(1, 29))
V = ",".join(["-1.3598071336738"] * 27 + ["1.5e-05"])
CREDITCARD_ULB = f"""\
"Time",{VS},"Amount","Class"
0,{V},149.62,"0"
1e+05,{V},0,"1"
172792,{V},217,"0"
172792,{V},-5,"0"
"""
# Of the 393 columns those that the map reads, and some that it doesn't.
IEEE_CIS = """\
TransactionID,isFraud,TransactionDT,TransactionAmt,ProductCD,card1,card2,addr1,addr2,P_emaildomain,V339
2987000,0,86400,68.5,W,13926,,315.0,87.0,,
2987001,1,86401,37.098,C,2755,404.0,,,gmail.com,1.0
2987002,0,86469,,W,4663,490.0,330.0,87.0,outlook.com,
"""
SPARKOV = """\
,trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,job,dob,\
trans_num,unix_time,merch_lat,merch_long,is_fraud
0,2019-01-01 00:00:18,2703186189652095,"fraud_Rippin, Kub and Mann",misc_net,4.97,Jennifer,Banks,F,561 Perry Cove,\
Moravian Falls,NC,28654,36.0788,-81.1781,3495,"Psychologist, counselling",1988-03-09,0b242abb623afc578575680df30655b9,\
1325376018,36.011293,-82.048315,0
1,2019-01-02 00:00:44,2703186189652095,"fraud_Heller, Gutmann and Zieme",grocery_pos,107.23,Jennifer,Banks,F,\
561 Perry Cove,Moravian Falls,NC,28654,36.0788,-81.1781,3495,"Psychologist, counselling",1988-03-09,\
1f76529f8574734946361c461b024d99,1325376044,49.159046,-118.186462,1
2,2019-01-02 25:00:44,4613314721966,"fraud_Heller, Gutmann and Zieme",home,7.1,Ann,Li,F,1 Road,Orient,WA,99160,48,-118,\
149,Officer,1978-06-21,aa,1325376044,49.1,-118.1,0
"""
TABFORMER = """\
User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,Merchant State,Zip,MCC,Errors?,Is Fraud?
0,0,2002,9,1,06:21,$134.09,Swipe Transaction,3527213246127876953,La Verne,CA,91750.0,5300,,No
0,1,2002,9,1,06:42,$38.48,Online Transaction,-727612092139916043,ONLINE,,,5411,,Yes
0,1,2002,9,2,06:22,$-99.00,Chip Transaction,-727612092139916043,Monterey Park,CA,91754.0,5411,,No
0,1,2002,13,2,06:22,$1.00,Chip Transaction,-727612092139916043,Monterey Park,CA,91754.0,5411,"Bad PIN,",No
"""
PLACE = "place"
"""Stands for an id that is the record's place in its file."""


@dataclass(frozen=True)
class Expected:
    """What a set's rows become: payments as tuples of `SHOWN`, reports as (transaction_id, reported_at), reasons."""

    content: str
    payments: list[tuple[Any, ...]]
    reports: list[tuple[str, str]]
    refused: set[tuple[str, str]]


SHOWN = (
    "transaction_id",
    "event_time",
    "customer_id",
    "account_id",
    "merchant_id",
    "terminal_id",
    "amount",
    "currency",
)
SETS = {
    "paysim": Expected(
        PAYSIM,
        [
            (PLACE, "2024-01-01 01:00:00", "C1231006815", None, "M1979787155", None, "9839.64", "EUR", "online"),
            (PLACE, "2024-01-01 01:00:00", "C1305486145", None, None, None, "181.00", "EUR", "online"),
            (PLACE, "2024-01-02 01:00:00", "C840083671", None, None, None, "181.00", "EUR", "atm"),
            (PLACE, "2024-01-02 01:00:00", "C840083671", None, None, None, "181.00", "EUR", "atm"),
        ],
        [(PLACE, "2024-01-08 01:00:00"), (PLACE, "2024-01-09 01:00:00")],
        {(TRANSACTIONS.name, "amount_at_most")},
    ),
    "creditcard_ulb": Expected(
        CREDITCARD_ULB,
        [
            (PLACE, "2013-09-01 00:00:00", None, None, None, None, "149.62", "EUR", None),
            (PLACE, "2013-09-02 03:46:40", None, None, None, None, "0.00", "EUR", None),
            (PLACE, "2013-09-02 23:59:52", None, None, None, None, "217.00", "EUR", None),
        ],
        [(PLACE, "2013-09-09 03:46:40")],
        {(TRANSACTIONS.name, "amount_not_negative")},
    ),
    "ieee_cis": Expected(
        IEEE_CIS,
        [
            ("2987000", "2017-12-02 00:00:00", "13926-315.0", None, None, None, "68.50", "USD", "online"),
            ("2987001", "2017-12-02 00:00:01", "2755", None, None, None, "37.10", "USD", "online"),
        ],
        [("2987001", "2017-12-09 00:00:01")],
        {(TRANSACTIONS.name, "amount_required")},
    ),
    "sparkov": Expected(
        SPARKOV,
        [
            (
                *("0b242abb623afc578575680df30655b9", "2019-01-01 00:00:18", "2703186189652095", None),
                *("Rippin-Kub-and-Mann", None, "4.97", "USD", "online"),
            ),
            (
                *("1f76529f8574734946361c461b024d99", "2019-01-02 00:00:44", "2703186189652095", None),
                *("Heller-Gutmann-and-Zieme", None, "107.23", "USD", "card_present"),
            ),
        ],
        [("1f76529f8574734946361c461b024d99", "2019-01-09 00:00:44")],
        {(TRANSACTIONS.name, "event_time_convertible")},
    ),
    "tabformer": Expected(
        TABFORMER,
        [
            (PLACE, "2002-09-01 06:21:00", "0", "0-0", "3527213246127876953", None, "134.09", "USD", "card_present"),
            (PLACE, "2002-09-01 06:42:00", "0", "0-1", "-727612092139916043", None, "38.48", "USD", "online"),
            (PLACE, "2002-09-02 06:22:00", "0", "0-1", "-727612092139916043", None, "-99.00", "USD", "card_present"),
        ],
        [(PLACE, "2002-09-08 06:42:00")],
        {(TRANSACTIONS.name, "event_time_convertible")},
    ),
}


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Iterator[Lake]:
    """A lake of the test's own: a lake has the data of one source."""
    prefix = f"test_{uuid4().hex[:8]}_"
    settings = replace(settings_from(schema_prefix=prefix, landing=str(tmp_path / "landing")), home=tmp_path)
    yield Lake(spark, settings)
    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA IF EXISTS {prefix}{layer} CASCADE")


@pytest.mark.parametrize("name", SETS)
def test_rows_in_the_layout_of_a_public_set_go_into_silver_with_their_labels(lake: Lake, name: str) -> None:
    source, expected = load_source(repository() / "sources", name), SETS[name]
    folder = Path(lake.settings.landing, name)
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text(expected.content)

    ingest_files(lake, source)
    made = {target: refine(lake, source, target) for target in source.feeds["transactions"].into}

    payments = lake.table(TRANSACTIONS).select(*(F.col(name).cast("string") for name in SHOWN), "channel").collect()
    ids = [row["transaction_id"] for row in payments]
    assert len(set(ids)) == len(ids)
    assert sorted((_placed(row, expected) for row in payments), key=_order) == sorted(expected.payments, key=_order)
    reports = lake.table(FRAUD_REPORTS).where("is_fraud").selectExpr("transaction_id", "string(reported_at)").collect()
    assert {row[0] for row in reports} <= set(ids)
    assert sorted((_placed(row, expected) for row in reports), key=_order) == expected.reports
    refused = lake.table(QUARANTINE).selectExpr("target", "inline(failed_checks)").collect()
    assert {(row["target"], row["name"]) for row in refused} == expected.refused
    assert made["fraud_reports"].quarantined == 0
    if name == "sparkov":
        _check_people_and_shops(lake)


def _check_people_and_shops(lake: Lake) -> None:
    people = lake.table(CUSTOMER.history).select("customer_id", "full_name", "country").orderBy("customer_id").collect()
    assert [tuple(row) for row in people] == [
        ("2703186189652095", "Jennifer Banks", "US"),
        ("4613314721966", "Ann Li", "US"),
    ]
    shops = lake.table(MERCHANT.history).select("merchant_id", "name").orderBy("merchant_id").collect()
    assert [tuple(row) for row in shops] == [
        ("Heller-Gutmann-and-Zieme", "Heller, Gutmann and Zieme"),
        ("Rippin-Kub-and-Mann", "Rippin, Kub and Mann"),
    ]


def _placed(row: Any, expected: Expected) -> tuple[Any, ...]:
    """The row as a tuple, with PLACE for an id where the set has none."""
    return (PLACE if expected.payments[0][0] == PLACE and len(row[0]) == 64 else row[0], *row[1:])


def _order(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, row))
