"""Job files: what is read, and what is refused before anything runs."""

import re

import pytest
from job_builders import Checkout, a_task

from common.errors import DeclarationError, LakehouseError, ParameterError
from local.jobs.keys import JOB_KEYS_OF_DATABRICKS, TASK_KEYS_OF_DATABRICKS
from local.jobs.parameters import prepare


def refused(checkout: Checkout, pattern: str, given: dict[str, str] | None = None) -> None:
    """Loading and preparing the job fails with a message in which the words come in this order."""
    with pytest.raises(LakehouseError) as caught:
        prepare(checkout.load(), given or {})
    assert re.search(pattern, str(caught.value), re.DOTALL), str(caught.value)


def test_reads_all_that_a_task_says(checkout: Checkout) -> None:
    notebook = checkout.notebook("one", parameters="day = ''")
    task = a_task("second", notebook, "first", base={"day": 7}, run_if="ALL_DONE", max_retries=2, timeout_seconds=60)
    checkout.job(task | {"min_retry_interval_millis": 1500, "retry_on_timeout": True}, a_task("first", notebook))
    first, second = checkout.load().tasks
    assert (first.key, first.depends_on, first.run_if, first.max_retries) == ("first", (), "ALL_SUCCESS", 0)
    assert second.depends_on == ("first",)
    assert second.base_parameters == {"day": "7"}
    assert second.notebook == checkout.root / "notebooks" / "one.ipynb"
    assert (second.run_if, second.max_retries, second.timeout_seconds) == ("ALL_DONE", 2, 60)
    assert (second.min_retry_interval_seconds, second.retry_on_timeout) == (1.5, True)


def test_what_only_databricks_needs_is_passed_over(checkout: Checkout) -> None:
    notebook = checkout.notebook("one")
    task = a_task("only", notebook) | {key: {"any": "thing"} for key in TASK_KEYS_OF_DATABRICKS}
    checkout.job(task, **{key: {"any": "thing"} for key in JOB_KEYS_OF_DATABRICKS})
    assert [task.key for task in checkout.load().tasks] == ["only"]


def test_unknown_key_of_a_job(checkout: Checkout) -> None:
    checkout.job(a_task("one", checkout.notebook("one")), max_concurent_runs=1)
    refused(checkout, r"jobs/trial\.yml: resources\.jobs\.trial\.max_concurent_runs: unknown.*max_concurrent_runs\?")


def test_unknown_key_of_a_task(checkout: Checkout) -> None:
    checkout.job(a_task("one", checkout.notebook("one"), timeout_secs=1))
    refused(checkout, r"trial\.yml: .*tasks\.one\.timeout_secs: unknown key.*timeout_seconds")


def test_unknown_key_of_a_notebook_task(checkout: Checkout) -> None:
    task = a_task("one", checkout.notebook("one"))
    task["notebook_task"]["parameters"] = {}
    checkout.job(task)
    refused(checkout, r"tasks\.one\.notebook_task\.parameters: unknown key.*base_parameters")


def test_another_kind_of_task(checkout: Checkout) -> None:
    checkout.job({"task_key": "one", "sql_task": {}})
    refused(checkout, r"tasks\.one\.sql_task: .*notebook_task")


def test_key_given_twice(checkout: Checkout) -> None:
    checkout.job_text("resources:\n  jobs:\n    trial:\n      name: a\n      name: b\n")
    refused(checkout, r"trial\.yml:5: the key 'name' is given twice")


MERGED = """
resources:
  jobs:
    trial:
      definitions:
        once: &once {timeout_seconds: 60, job_cluster_key: cluster}
        task: &task {<<: *once, max_retries: 1, timeout_seconds: 90}
      tasks:
        - {task_key: first, notebook_task: &notebook {notebook_path: ../notebooks/one.ipynb}, <<: *task}
        - {task_key: second, notebook_task: *notebook, <<: *task, max_retries: 2}
        - {task_key: third, notebook_task: *notebook, <<: [*once, *task]}
"""


def test_a_task_merges_what_others_have_in_common_and_overrides_it(checkout: Checkout) -> None:
    checkout.notebook("one")
    checkout.job_text(MERGED)
    tasks = [(task.key, task.max_retries, task.timeout_seconds) for task in checkout.load().tasks]
    assert tasks == [("first", 1, 90), ("second", 2, 90), ("third", 1, 60)]


@pytest.mark.parametrize(
    ("merged", "pattern"),
    [
        ("{<<: *once, <<: *once}", r"trial\.yml:2: the key '<<' is given twice"),
        ("{<<: *once, b: 1, b: 2}", r"trial\.yml:2: the key 'b' is given twice"),
        ("{<<: *once, task_key: one}", r"tasks\.one\.retries: unknown key"),
        ("{<<: *never}", r"trial\.yml:2: found undefined alias 'never'"),
        ("{<<: 1}", r"trial\.yml:2: expected a mapping or list of mappings for merging"),
    ],
)
def test_what_is_merged_is_no_way_round_the_rules(checkout: Checkout, merged: str, pattern: str) -> None:
    checkout.job_text(f"once: &once {{retries: 1}}\nresources: {{jobs: {{trial: {{tasks: [{merged}]}}}}}}\n")
    refused(checkout, pattern)


def test_reference_without_quotes_in_a_flow_mapping(checkout: Checkout) -> None:
    checkout.job_text("resources:\n  jobs:\n    trial:\n      parameters:\n        - {name: a, default: ${var.b}}\n")
    refused(checkout, r"trial\.yml:5: .*needs quotes")


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        ({"max_retries": "often"}, r"tasks\.one\.max_retries: 'often' must be a whole number"),
        ({"timeout_seconds": -1}, r"timeout_seconds: -1 must be a whole number of 0 or more"),
        ({"retry_on_timeout": "yes"}, r"retry_on_timeout: 'yes' must be true or false"),
        ({"run_if": "SOMETIMES"}, r"run_if: 'SOMETIMES' is none of ALL_SUCCESS, AT_LEAST_ONE_SUCCESS"),
    ],
)
def test_value_of_the_wrong_kind(checkout: Checkout, keys: dict[str, object], pattern: str) -> None:
    checkout.job(a_task("one", checkout.notebook("one"), **keys))
    refused(checkout, pattern)


def test_duplicate_task_key(checkout: Checkout) -> None:
    notebook = checkout.notebook("one")
    checkout.job(a_task("same", notebook), a_task("same", notebook))
    refused(checkout, r"task_key 'same' is given to 2 tasks")


def test_depends_on_that_names_nothing(checkout: Checkout) -> None:
    notebook = checkout.notebook("one")
    checkout.job(a_task("silver", notebook), a_task("gold", notebook, "sliver"))
    refused(checkout, r"tasks\.gold\.depends_on: no task 'sliver'; did you mean silver\?")


def test_cycle(checkout: Checkout) -> None:
    notebook = checkout.notebook("one")
    checkout.job(a_task("a", notebook, "c"), a_task("b", notebook, "a"), a_task("c", notebook, "b"))
    refused(checkout, r"in a circle: a -> c -> b -> a")


def test_task_that_waits_for_itself(checkout: Checkout) -> None:
    checkout.job(a_task("a", checkout.notebook("one"), "a"))
    refused(checkout, r"in a circle: a -> a")


def test_missing_notebook(checkout: Checkout) -> None:
    checkout.job(a_task("one", "../notebooks/nowhere.ipynb"))
    refused(checkout, r"notebooks/nowhere\.ipynb: no such notebook")


def test_notebook_without_a_parameters_cell(checkout: Checkout) -> None:
    checkout.job(a_task("one", checkout.notebook("bare", "print(1)", parameters=None)))
    refused(checkout, r"notebooks/bare\.ipynb: has no cell tagged 'parameters'")


def test_job_parameter_that_no_notebook_declares(checkout: Checkout) -> None:
    checkout.job(
        a_task("one", checkout.notebook("one", parameters="catalog = 'x'")),
        parameters=[{"name": "catalogue", "default": ""}],
    )
    refused(checkout, r"trial\.yml: parameters: no notebook of job trial declares 'catalogue'; did you mean catalog\?")


def test_base_parameter_that_its_notebook_does_not_declare(checkout: Checkout) -> None:
    has, has_not = checkout.notebook("has", parameters="entity: str = ''"), checkout.notebook("has_not")
    checkout.job(a_task("a", has, base={"entity": "x"}), a_task("b", has_not, base={"entity": "x"}))
    refused(checkout, r"tasks\.b\.base_parameters: .*has_not\.ipynb declares no 'entity'")


def test_given_parameter_that_the_job_does_not_have(checkout: Checkout) -> None:
    checkout.job(
        a_task("one", checkout.notebook("one", parameters="source = ''")),
        parameters=[{"name": "source", "default": ""}],
    )
    with pytest.raises(ParameterError, match=r"--param sauce: .*did you mean source\?"):
        prepare(checkout.load(), {"sauce": "handbook"})


def test_unknown_job(checkout: Checkout) -> None:
    checkout.job_text("resources: {jobs: {trail: {tasks: []}}}")
    with pytest.raises(DeclarationError, match=r"no job 'trial' in .*databricks\.yml; did you mean trail\?"):
        checkout.load()


def test_job_defined_twice(checkout: Checkout) -> None:
    checkout.job(a_task("one", checkout.notebook("one")))
    (checkout.root / "jobs" / "again.yml").write_text("resources: {jobs: {trial: {}}}")
    refused(checkout, r"resources\.jobs\.trial is also defined in .*again\.yml")


def test_from_task_takes_what_depends_on_it_through_others(checkout: Checkout) -> None:
    notebook = checkout.notebook("one")
    checkout.job(
        a_task("a", notebook), a_task("b", notebook, "a"), a_task("c", notebook, "b"), a_task("aside", notebook, "a")
    )
    job = checkout.load()
    assert job.from_task("b") == {"b", "c"}
    assert job.height("a") == 3
    with pytest.raises(DeclarationError, match="has no task 'bb'"):
        job.from_task("bb")
