"""Damaged files through the parser alone, without Spark: they are read or refused, and nothing else happens."""

import json

import pytest
from fuzz_records import format_of
from fuzz_run import miscounted
from fuzz_world import Mutant, mutant

from common.sources.files.parsing import FileFormat, FileRefused, parse_file

MUTANTS = 1500


def files(seed: int) -> list[tuple[Mutant, bytes, str]]:
    made = (mutant(seed, number) for number in range(MUTANTS))
    return [(one, one.content, format_of(one.feed, seed)) for one in made if one.content is not None]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_damaged_file_is_read_with_all_its_records_or_refused(seed: int) -> None:
    problems, refused, read = [], 0, 0
    for one, content, format_ in files(seed):
        try:
            chunks = list(parse_file(content, FileFormat(format_)))
        except FileRefused:
            fates = ["file refused"]
            refused += 1
        else:
            fates = ["a record"] * sum(len(ordinals) for ordinals, _, _ in chunks)
            read += 1
            ordinals = [number for chunk in chunks for number in chunk[0].to_pylist()]
            assert ordinals == sorted(set(ordinals))
        problems += [f"{one.number} {one.kind}: {problem}" for problem in miscounted(one, format_, fates)]

    assert problems == []
    assert min(refused, read) > 10


@pytest.mark.parametrize("options", [{"escape": "\\"}, {"quote": "none"}, {"ragged": "pad"}, {"encoding": "auto"}])
def test_no_dialect_fails_on_a_damaged_file(options: dict[str, str]) -> None:
    for _, content, _ in files(5):
        try:
            chunks = list(parse_file(content, FileFormat("csv", **options)))
        except FileRefused:
            continue
        for _, payloads, errors in chunks:
            for payload, error in zip(payloads.to_pylist(), errors.to_pylist(), strict=True):
                assert isinstance(json.loads(payload), dict if error is None else list)
