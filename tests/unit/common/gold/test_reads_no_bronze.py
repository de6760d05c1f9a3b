"""Gold is made of silver and gold alone: what is the same in silver, by whichever reader, is the same in gold."""

import pytest

from common.gold import marts, model_monitoring, star_schema, transaction_features, transaction_scores
from common.ml.promotion_steps import PROMOTION
from common.ml.training_steps import TRAINING
from common.storage.last_success import Step

STEPS = (
    star_schema.STEP,
    transaction_features.STEP,
    TRAINING,
    PROMOTION,
    transaction_scores.STEP,
    marts.STEP,
    model_monitoring.STEP,
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_after_silver_reads_silver_and_what_came_of_it(step: Step) -> None:
    """That a step declares all that its task reads is tested on a run of the main job (`test_main_job.py`)."""
    assert step.reads
    assert {table.partition(".")[0] for table in step.reads} <= {"silver", "gold", "ops"}
    assert not any(step.folders)
