"""The public data sets' declarations on a few made-up rows in their layouts: from a file to what silver takes."""

from dataclasses import dataclass
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.contracts.silver import TARGETS
from common.settings import repository
from common.silver.conform import conform
from common.sources.declaration import load_source
from common.sources.files.stream import file_records

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
    """What a set's rows become: payments as tuples of `SHOWN`, reports as (transaction_id, reported_at).

    `refused` is the check that the one payment fails that is quarantined.
    """

    content: str
    payments: list[tuple[Any, ...]]
    reports: list[tuple[str, str]]
    refused: str


SHOWN = (
    "transaction_id",
    "event_time",
    "customer_id",
    "account_id",
    "merchant_id",
    "terminal_id",
    "amount",
    "currency",
    "channel",
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
        "amount_at_most",
    ),
    "creditcard_ulb": Expected(
        CREDITCARD_ULB,
        [
            (PLACE, "2013-09-01 00:00:00", None, None, None, None, "149.62", "EUR", None),
            (PLACE, "2013-09-02 03:46:40", None, None, None, None, "0.00", "EUR", None),
            (PLACE, "2013-09-02 23:59:52", None, None, None, None, "217.00", "EUR", None),
        ],
        [(PLACE, "2013-09-09 03:46:40")],
        "amount_not_negative",
    ),
    "ieee_cis": Expected(
        IEEE_CIS,
        [
            ("2987000", "2017-12-02 00:00:00", "13926-315.0", None, None, None, "68.50", "USD", "online"),
            ("2987001", "2017-12-02 00:00:01", "2755", None, None, None, "37.10", "USD", "online"),
        ],
        [("2987001", "2017-12-09 00:00:01")],
        "amount_required",
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
        "event_time_convertible",
    ),
    "tabformer": Expected(
        TABFORMER,
        [
            (PLACE, "2002-09-01 06:21:00", "0", "0-0", "3527213246127876953", None, "134.09", "USD", "card_present"),
            (PLACE, "2002-09-01 06:42:00", "0", "0-1", "-727612092139916043", None, "38.48", "USD", "online"),
            (PLACE, "2002-09-02 06:22:00", "0", "0-1", "-727612092139916043", None, "-99.00", "USD", "card_present"),
        ],
        [(PLACE, "2002-09-08 06:42:00")],
        "event_time_convertible",
    ),
}


def rows_of(spark: SparkSession, name: str, target: str) -> list[dict[str, Any]]:
    """The set's rows as they would be judged by silver; each has the names of the checks that it fails."""
    feed = load_source(repository() / "sources", name).feeds["transactions"]
    batches = file_records(f"/landing/{name}/rows.csv", SETS[name].content.encode(), feed.layout)
    records = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    received = [(ref, payload, error, name, ref, None) for ref, payload, error in records]
    schema = "record_id string, payload string, read_error string, source string, source_ref string, ingest_date date"
    table = TARGETS[target]
    judged = conform(spark.createDataFrame(received, schema), feed.into[target], table, feed, feed.fields)
    texts = [F.col(column.name).cast("string").alias(column.name) for column in table.mappable]
    return judged.where("selected").select(*texts, F.col("failed_checks.name").alias("failed")).toArrow().to_pylist()


def values(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    """The columns of the rows that pass every check."""
    return [tuple(row[column] for column in columns) for row in rows if not row["failed"]]


@pytest.mark.parametrize("name", SETS)
def test_rows_in_the_layout_of_a_public_set_become_payments_and_labels(spark: SparkSession, name: str) -> None:
    expected = SETS[name]

    payments, reports = rows_of(spark, name, "transactions"), rows_of(spark, name, "fraud_reports")

    ids = [row["transaction_id"] for row in payments]
    assert len(set(ids)) == len(ids)
    assert [_placed(row, expected) for row in values(payments, *SHOWN)] == expected.payments
    assert [row["failed"] for row in payments if row["failed"]] == [[expected.refused]]
    assert {row["transaction_id"] for row in reports} <= set(ids)
    labels = values(reports, "transaction_id", "reported_at", "is_fraud")
    assert [_placed(row, expected) for row in labels] == [(*report, "true") for report in expected.reports]
    assert [row["failed"] for row in reports] == [[]] * len(expected.reports)


def test_people_and_shops_of_sparkov_come_from_its_payments(spark: SparkSession) -> None:
    people = values(rows_of(spark, "sparkov", "customers"), "customer_id", "last_name", "birth_date", "country")
    shops = values(rows_of(spark, "sparkov", "merchants"), "merchant_id", "name", "changed_at")

    ann, jennifer = ("4613314721966", "Li", "1978-06-21", "US"), ("2703186189652095", "Banks", "1988-03-09", "US")
    assert people == [jennifer, jennifer, ann]
    first = "2019-01-01 00:00:00"
    heller = ("Heller-Gutmann-and-Zieme", "Heller, Gutmann and Zieme", first)
    assert shops == [("Rippin-Kub-and-Mann", "Rippin, Kub and Mann", first), heller, heller]


def _placed(row: Any, expected: Expected) -> tuple[Any, ...]:
    """The row as a tuple, with PLACE for an id where the set has none."""
    return (PLACE if expected.payments[0][0] == PLACE and len(row[0]) == 64 else row[0], *row[1:])
