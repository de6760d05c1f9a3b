from pathlib import Path
from typing import get_args

import pytest
from publish_builders import SHELF, load

from common.errors import DeclarationError
from common.publish.declaration import load_output, load_outputs
from common.publish.writers import WRITERS
from common.settings import repository

NAMES = ", ".join(sorted([*(get_args(one.model_fields["writer"].annotation)[0] for one in WRITERS), "shelf"]))


def test_an_output_says_what_it_reads_and_how_often(tmp_path: Path) -> None:
    output = load(tmp_path)

    assert output.reads == ("gold.merchant_risk",)
    assert output.every is not None
    assert output.every.total_seconds() == 900


@pytest.mark.parametrize("file", sorted((repository() / "outputs").glob("*.yml")), ids=lambda path: path.stem)
def test_shipped_outputs_are_valid(file: Path) -> None:
    assert load_output(file.parent, file.stem).name == file.stem


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("writer: shelf", "writer: shelves", f"outputs/risk.yml: writer: it must be one of {NAMES} (given: 'shelves')"),
        ("writer: shelf\n", "", f"outputs/risk.yml: writer: it must be one of {NAMES} (given: None)"),
        ("every: 15 minutes", "every: 15", "outputs/risk.yml: every: 15 is no duration; write a number and its unit"),
        ("table: gold", "tabel: gold", "outputs/risk.yml: tabel: there is no such option; did you mean table?"),
        ("connection: shop", "connection: shed", "there is no 'shed' among `connections`; there are: shop"),
        ("connection: shop\n", "", "connection: `writer: shelf` connects to a server: name one of the kind postgres"),
        ("kind: postgres", "kind: postgresql", "outputs/risk.yml: connections.shop.kind: it must be one of 'kafka',"),
        ("host: db", "hosts: db", "connections.shop.hosts: there is no such option; did you mean host?"),
        ("kind: postgres, host: db", "kind: aws, region: r, endpoint: db", "connects to one of the kind postgres"),
        ("name: risk", "name: risks", "outputs/risk.yml: name: 'risks' must be the file's name, 'risk'"),
    ],
)
def test_a_wrong_declaration_is_named_with_file_path_and_rule(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in SHELF
    text = SHELF.replace(old, new)
    if "aws" in new:
        text = text.replace(", database: shop, user: lake", "")

    with pytest.raises(DeclarationError) as raised:
        load(tmp_path, text)

    assert expected in str(raised.value)


def test_an_output_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    load(tmp_path)

    with pytest.raises(DeclarationError, match=r"output='rsik': there is no outputs/rsik.yml; known outputs: risk"):
        load_output(tmp_path / "outputs", "rsik")


def test_several_outputs_are_named_with_commas_between(tmp_path: Path) -> None:
    load(tmp_path)

    assert [output.name for output in load_outputs(tmp_path / "outputs", " risk, risk ,")] == ["risk"]
    assert load_outputs(tmp_path / "outputs", "") == ()
