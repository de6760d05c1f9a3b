from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
import yaml
from ml_builders import a_world, day, no_rules

from common.errors import ModelError
from common.looks.model import pictures
from common.ml import model_versions
from common.ml.folds import protocol_at
from common.ml.model_run import log_and_register
from common.ml.model_versions import decided_by
from common.ml.promote import judge, next_contest
from common.ml.registry import MODEL_DESCRIPTION, Registry, champion_or_reason
from common.ml.ruling import settle
from common.ml.scoring import score
from common.ml.search import Limits
from common.ml.train import Trained, train
from common.settings import Settings, repository

PLOTS = {"precision_recall", "roc", "score_distribution", "importance", "calibration", "fraud_caught"}
CHOICES = {"search", "reliability"}


@pytest.fixture(scope="module")
def trained() -> Trained:
    protocol = protocol_at(day(60, 0), train_days=25)
    one = Limits(1, 600.0)
    return train(a_world(), rules_hit=no_rules(), protocol=protocol, cards_per_day=3, seed=1, limits=one)


def registered(registry: Registry, trained: Trained) -> str:
    return log_and_register(
        registry,
        trained,
        parameters={"seed": 1},
        data_versions={"gold.transaction_features": 4},
        commit="abc123",
        pictures=pictures(trained),
    )


def registered_bare(registry: Registry, trained: Trained) -> str:
    """The model alone, without figures and plots, which take their time."""
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        pass
    return registry.register(trained.model, run.info.run_id, trained.judged[list(trained.model.features)].head(2))


def test_a_version_comes_back_as_it_was_registered(settings: Settings, trained: Trained) -> None:
    registry = Registry(settings)
    assert (registry.newest(), registry.champion()) == (None, None)
    assert registered_bare(registry, trained) == "1"
    newest = registry.newest()
    assert newest is not None
    one = np.ones((1, len(trained.model.features)), dtype="float32")
    assert newest.model.load().inplace_predict(one) == trained.model.load().inplace_predict(one)
    assert replace(newest.model, version="", booster=b"") == replace(trained.model, booster=b"")
    assert (newest.decision, registry.champion()) == ("", None)


def test_the_cheap_look_at_versions_sees_what_mlflow_has(settings: Settings, trained: Trained) -> None:
    assert decided_by(settings) == ["", "", ""]
    registry = Registry(settings)
    for _ in range(2):
        registered_bare(registry, trained)
    assert decided_by(settings) == ["2", "", ""]
    client = mlflow.MlflowClient(registry_uri=settings.registry_uri)
    client.set_registered_model_alias(settings.model, "champion", "1")
    assert decided_by(settings) == ["2", "1", ""]
    client.set_registered_model_alias(settings.model, "champion", "2")
    assert decided_by(settings) == ["2", "2", ""], "an alias that a person moves is seen"
    client.delete_model_version(settings.model, "2")
    assert decided_by(settings) == ["1", "", ""]
    assert [model_versions._newest_by_client(settings), model_versions._champion_by_client(settings)] == ["1", ""]


def test_a_store_that_is_no_mlflow_store_tells_nothing(tmp_path: Path) -> None:
    assert decided_by(Settings(tmp_path)) == ["", "", ""], "there is no store yet"
    (tmp_path / "mlflow.db").write_bytes(b"")
    assert decided_by(Settings(tmp_path)) is None


def test_a_run_holds_what_a_person_needs_to_judge_and_repeat_it(settings: Settings, trained: Trained) -> None:
    registry = Registry(settings)
    registered(registry, trained)
    newest = registry.newest()
    assert newest is not None
    client = mlflow.MlflowClient(settings.tracking_uri)
    run = client.get_run(newest.run_id)
    plots = {file.path for file in client.list_artifacts(newest.run_id, "plots")}
    assert plots == {f"plots/{name}.png" for name in PLOTS | CHOICES}
    assert run.data.params["test_fold.test_start"] == "2030-02-16"
    assert run.data.tags["code_commit"] == "abc123"
    assert run.data.tags["data_version.gold.transaction_features"] == "4"
    model, random = trained.figures["model"], trained.figures["random"]
    assert run.data.metrics["average_precision"] == pytest.approx(model.average_precision)
    assert run.data.metrics["random_average_precision"] == pytest.approx(random.average_precision)
    assert "rules_alone_card_precision" in run.data.metrics
    assert "rules_alone_transactions" not in run.data.metrics, "what is the same for all stands there once"
    assert run.data.metrics["frauds_expected_low"] < run.data.metrics["frauds_expected"]
    interval = trained.intervals["model"].loc["average_precision"]
    assert run.data.metrics["average_precision_low"] == pytest.approx(interval["low"])
    assert interval["low"] < model.average_precision < interval["high"]
    assert run.data.metrics["calibration_slope"] == trained.rehearsal.calibration.slope
    assert run.data.tags["registered_version"] == "1"
    for described in (run.data.tags["mlflow.note.content"], registry.description(1)):
        assert f"| average precision | {model.average_precision:.3f} |" in described
        assert "# fraud_model" not in described
    assert registry.description(1).startswith("**Version 1 waits for promotion**")
    card = registry.card(newest)
    assert f"{model.average_precision:.3f}" in card
    assert all(name in card for name in trained.model.features)
    assert "abc123" in card


def test_the_registered_model_is_described_alike_here_and_on_databricks() -> None:
    bundle = yaml.safe_load((repository() / "bundles/resources/registered_model.yml").read_text(encoding="utf-8"))
    deployed = bundle["resources"]["registered_models"]["fraud_model"]["comment"]
    assert deployed.split() == MODEL_DESCRIPTION.split()


def test_what_was_left_out_and_a_review_cost_come_back(settings: Settings, trained: Trained) -> None:
    registry = Registry(settings)
    model = replace(trained.model, left_out=("brand_new",), review_cost_eur=2.5)
    registered_bare(registry, replace(trained, model=model))
    newest = registry.newest()
    assert newest is not None
    assert (newest.model.left_out, newest.model.review_cost_eur) == (("brand_new",), 2.5)
    assert newest.model.offered == {*trained.model.features, "brand_new"}


def test_who_changes_or_removes_tags_changes_no_decision(settings: Settings, trained: Trained) -> None:
    """On Databricks scientists may: they approve a version by a tag."""
    registry = Registry(settings)
    registered_bare(registry, trained)
    first = registry.newest()
    assert first is not None
    registry.decide(first, True, "the first")
    before = champion_or_reason(settings)

    client = mlflow.MlflowClient(settings.tracking_uri)
    for tag in set(first.tags) - {"decision", "reason"}:
        client.set_model_version_tag(registry.model, "1", tag, "0.99")
    assert champion_or_reason(settings) == before
    for tag in set(registry.tags(1)):
        client.delete_model_version_tag(registry.model, "1", tag)
    after = champion_or_reason(settings)

    assert after == before == replace(trained.model, version="1", booster=after.booster)
    rows = trained.judged.head(500)
    decided = [score(rows, model, model.load())["decision"].tolist() for model in (trained.model, after)]
    assert decided[0] == decided[1]
    assert len(set(decided[0])) == 2


def test_the_logged_model_gives_the_calibrated_scores(settings: Settings, trained: Trained) -> None:
    """By MLflow's own flavor, without a line of this project."""
    registered_bare(Registry(settings), trained)
    booster = mlflow.xgboost.load_model("models:/fraud_model/1")
    rows = xgb.DMatrix(trained.judged[list(trained.model.features)].astype("float32"))
    np.testing.assert_allclose(booster.predict(rows), trained.judged["score"], rtol=1e-6)


def test_the_logged_model_has_a_signature_and_an_example_without_identifiers(
    settings: Settings, trained: Trained
) -> None:
    registered_bare(Registry(settings), trained)
    info = mlflow.models.get_model_info("models:/fraud_model/1")
    assert info.signature.inputs.input_names() == list(trained.model.features)
    assert info.signature.outputs is not None
    example = mlflow.xgboost.load_model("models:/fraud_model/1")
    assert example.feature_names == list(trained.model.features)
    folder = Path(mlflow.artifacts.download_artifacts("models:/fraud_model/1"))
    columns = pd.read_json(folder / "input_example.json", orient="split").columns
    assert list(columns) == list(trained.model.features)
    assert "xgboost==" in (folder / "requirements.txt").read_text()


def test_the_champion_is_the_version_that_was_promoted(settings: Settings, trained: Trained) -> None:
    registry = Registry(settings)
    for expected in ("1", "2"):
        assert registered_bare(registry, trained) == expected
    first = registry.newest()
    assert first is not None
    registry.decide(replace(first, model=replace(first.model, version="1")), True, "the first")
    registry.decide(first, False, "no better")
    champion = registry.champion()
    assert champion is not None
    assert (champion.number, champion.decision, champion.reason) == (1, "promoted", "the first")
    scoring = champion_or_reason(settings)
    assert not isinstance(scoring, str)
    assert (scoring.version, scoring.threshold) == ("1", trained.model.threshold)


def test_without_a_model_scoring_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(ModelError, match="lakehouse run lakehouse --from train_fraud_model"):
        champion_or_reason(settings)


def test_with_a_model_that_waits_scoring_says_to_promote_it(settings: Settings, trained: Trained) -> None:
    registered_bare(Registry(settings), trained)
    with pytest.raises(ModelError, match="--from promote_fraud_model"):
        champion_or_reason(settings)


def test_where_labels_were_too_few_scoring_says_so(settings: Settings) -> None:
    registry = Registry(settings)
    registry.note_not_trained("not enough labels: 3 frauds to train on")
    registry.note_not_trained("not enough labels: 3 frauds to train on")
    assert champion_or_reason(settings) == "not enough labels: 3 frauds to train on"
    assert next_contest(registry).text == "nothing to promote: not enough labels: 3 frauds to train on"
    runs = mlflow.MlflowClient(settings.tracking_uri).search_runs([registry.experiment_id])
    assert len(runs) == 1


def test_a_first_model_is_promoted_and_its_equal_is_kept_out(settings: Settings, trained: Trained) -> None:
    registry, world = Registry(settings), a_world()
    registered_bare(registry, trained)
    contest = next_contest(registry)
    assert contest.text == "version 1 against the rules alone"
    outcome = judge(contest, world, no_rules(), seed=1)
    assert outcome.figures["model"] == trained.figures["model"]
    assert settle(registry, contest, outcome).startswith("version 1 is the champion now: passed all")
    assert next_contest(registry).text.startswith("nothing to promote: version 1 is champion")

    registered_bare(registry, trained)
    contest = next_contest(registry)
    assert contest.text == "version 2 against champion version 1"
    sentence = settle(registry, contest, judge(contest, world, no_rules(), seed=1))
    assert sentence.startswith("version 1 stays champion, version 2 is kept out: failed 1 of ")
    assert "difference +0.000 to +0.000 on resampled cards" in sentence
    champion = registry.champion()
    assert champion is not None
    assert champion.number == 1


def test_a_candidate_older_than_what_the_champion_learnt_from_is_kept_out(settings: Settings, trained: Trained) -> None:
    registry = Registry(settings)
    registered_bare(registry, trained)
    first = registry.newest()
    assert first is not None
    registry.decide(first, True, "the first")
    older = replace(trained, model=replace(trained.model, test_start=day(38, 0)))
    registered_bare(registry, older)
    outcome = judge(next_contest(registry), a_world(), no_rules(), seed=1)
    assert outcome.verdict is not None
    assert not outcome.verdict.passed
    assert "older than the champion" in outcome.text


def test_a_first_model_that_the_rules_beat_leaves_no_champion_and_scoring_says_why(
    settings: Settings, trained: Trained
) -> None:
    registry, world = Registry(settings), a_world()
    registered_bare(registry, trained)
    contest = next_contest(registry)
    perfect_rules = pd.Series(1, index=world.reports["transaction_id"])
    sentence = settle(registry, contest, judge(contest, world, perfect_rules, seed=1))
    assert sentence.startswith("there is no champion, version 1 is kept out: failed ")
    assert "the rules alone 1.000: difference -0." in sentence
    reason = champion_or_reason(settings)
    assert isinstance(reason, str)
    assert reason.startswith("no champion: version 1 was kept out, failed ")
