"""Decisions on versions of the model as rows of ops.model_promotions, each once however often a step is killed."""

from datetime import UTC, datetime

from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.ops import MODEL_PROMOTIONS
from common.ml.gate import Verdict
from common.ml.registry import Registry
from common.ml.version import Version, decided_tag
from common.storage.lake import Lake

Said = tuple[str, bool, str]
"""What a person said: a name for it (`approval`, `rollback`), whether it is in favour, and the sentence."""


def record(
    lake: Lake,
    registry: Registry,
    version: Version,
    *,
    decision: str,
    against: str,
    verdict: Verdict | None = None,
    said: Said | None = None,
) -> None:
    """Notes a decision with its criteria; one that is noted already stays as it was.

    Args:
        lake: where.
        registry: keeps the time of the decision with the version, so that a run after a kill finds it.
        version: what was decided on.
        decision: one of `ops.MODEL_DECISIONS`.
        against: version of the champion, or `gate.RULES`.
        verdict: the gate's; None where it had nothing to judge.
        said: what a person said, where one did.

    """
    found = [(c.name, c.figure, c.bound, c.passed, c.sentence) for c in (verdict.criteria if verdict else ())]
    if said:
        name, in_favour, sentence = said
        found.append((name, None, "a person's word", in_favour, sentence))  # type: ignore[arg-type]
    if not found:
        return
    at, start, run_id = _decided_at(registry, version, decision), version.model.test_start, lake.settings.run_id
    rows = [(version.model.version, at, decision, against, *criterion, start, run_id) for criterion in found]
    lake.ensure(MODEL_PROMOTIONS)
    lake.insert_new(lake.spark.createDataFrame(rows, schema_of(MODEL_PROMOTIONS)), MODEL_PROMOTIONS)


def has_passed(lake: Lake, version: Version, against: str | None = None) -> bool:
    """Whether the gate has passed a version against that rival; None: against any.

    By ops.model_promotions, which the jobs alone write.
    """
    if not lake.exists(MODEL_PROMOTIONS):
        return False
    is_its = F.col("model_version") == version.model.version
    if against is not None:
        is_its &= F.col("judged_against") == against
    # A person's word has no figure.
    criteria = lake.table(MODEL_PROMOTIONS).where(is_its & F.col("figure").isNotNull())
    return any(row[1] for row in criteria.groupBy("judged_against").agg(F.bool_and("passed")).collect())


def by_run(lake: Lake) -> str:
    """The job run that does something, for a note on who did it."""
    return f"run {lake.settings.run_id}" if lake.settings.run_id else "a person, outside of a job"


def _decided_at(registry: Registry, version: Version, decision: str) -> datetime:
    tag = decided_tag(decision)
    if known := version.tags.get(tag):
        return datetime.fromisoformat(known)
    now = datetime.now(UTC)
    registry.note(version.number, {tag: now.isoformat()})
    return now
