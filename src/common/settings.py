"""Where things are: catalog, schemas, folders and MLflow, from parameters and the environment.

What differs between a laptop and a Databricks workspace comes from `platform`.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import common
from common.platform import Platform, this_platform

HIGH_RISK_COUNTRIES = ("BY", "IR", "KP", "MM", "RU", "SY", "VE")
"""Countries whose card payments a rule holds back; a business decision, change it here."""

LABEL_DELAY_DAYS = 7
"""Days until a transaction without a fraud report counts as genuine."""

HISTORY_RETENTION_DAYS = 7
"""Days for which replaced versions of tables can be read. Then maintenance removes their files."""

UNPARSED_RETENTION_DAYS = 90
"""Days for which records are kept that no erasure can find: they could not be parsed, or name no person."""

STAGED_RETENTION_HOURS = 24
"""Hours after which staged rows are what a killed task left: no task works that long."""

UNCOMMITTED_HOURS = 2
"""Hours after which a file that no table knows is what a killed writer left: no write takes that long."""

PULLED_RETENTION_DAYS = 30
"""Days for which what was pulled from a server is kept in files: a stream that is reset reads it again."""

CHECKPOINT_RETENTION_DAYS = 30
"""Days without use after which the checkpoint of a stream that reads nothing any more is removed."""

MONITORING_MIN_ROWS = 500
"""Transactions of a week, and of the training window, that a verdict on drift or a rate needs."""

MONITORING_MIN_FRAUDS = 30
"""Frauds of a week that a verdict on the model's performance needs."""

PSI_AT_MOST = 0.2
"""Population stability index beyond which a feature or the score has drifted, the usual limit of credit scoring. What
weeks of the training window differ from each other, and what chance alone gives for so many rows, are added."""

KS_AT_MOST = 0.1
"""Kolmogorov-Smirnov distance beyond which it has drifted; the same is added."""

NULL_SHARE_RISE_AT_MOST = 0.05
"""Rise of the share of rows without a feature, as a share of all rows."""

RULE_RATE_FACTOR = 3.0
"""A rule may fire so many times more, or less, often than in the training window."""

ALERTED_CARDS_FACTOR = 2.0
"""So many times more, or fewer, cards a day than the alert budget may have an alert."""

PERFORMANCE_LOSS_AT_MOST = 0.25
"""Share of a figure of the test week that may be lost."""

CALIBRATION_RATIO_LIMITS = (0.5, 2.0)
"""Limits of (frauds expected by the scores) / (frauds that there were)."""

SUSTAINED_WEEKS = 2
"""Weeks in a row that drift or lost performance must last to make a new model due."""

SCORING_BUDGET_MICROSECONDS = 200.0
"""CPU that a model may take to score a row. Those of today take a few; a catch-up of 25,000 rows a second leaves 80."""

MODEL_NAME = "fraud_model"
EXPERIMENT_NAME = "fraud_model"


def repository() -> Path:
    """The root of this checkout, where notebooks/, jobs/ and sources/ are."""
    return Path(common.__file__).resolve().parents[2]


def lakehouse_home() -> Path:
    """The folder of everything that a run makes: LAKEHOUSE_HOME, or .lakehouse in the checkout."""
    return Path(os.environ.get("LAKEHOUSE_HOME") or repository() / ".lakehouse").expanduser().resolve()


@dataclass(frozen=True)
class Settings:
    """The settings of one notebook's run.

    `schema_prefix` stands before the names of all schemas, and of the model: deployments that share a catalog have
    different ones.
    """

    home: Path
    catalog: str = "spark_catalog"
    schema_prefix: str = ""
    landing_folder: str = ""
    experiment: str = EXPERIMENT_NAME
    run_id: str = ""
    task_key: str = ""
    platform: Platform = field(default_factory=this_platform)

    @property
    def landing(self) -> str:
        """The folder that `{landing}` stands for in a source, absolute."""
        if not self.landing_folder:
            return f"{self._volumes}/landing"
        if "://" in self.landing_folder:  # of an object store
            return self.landing_folder.rstrip("/")
        return str(Path(self.landing_folder).expanduser().resolve())

    @property
    def reports(self) -> str:
        """The folder that `{reports}` stands for in an output."""
        return f"{self._volumes}/reports"

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps experiments and runs."""
        return self.platform.tracking_uri.format(home=self.home)

    @property
    def registry_uri(self) -> str:
        """Where MLflow keeps registered models."""
        return self.platform.registry_uri.format(home=self.home)

    @property
    def artifacts(self) -> str | None:
        """Where MLflow keeps files; None where that is its own affair."""
        return None if self.platform.has_unity_catalog else (self.home / "mlartifacts").as_uri()

    @property
    def model(self) -> str:
        """The name of the registered model: three-level in Unity Catalog."""
        name = f"{self.schema_prefix}{MODEL_NAME}"
        return f"{self.catalog}.{self.schema('ml')}.{name}" if self.platform.has_unity_catalog else name

    @property
    def warehouse(self) -> Path | None:
        """The folder of the schemas' folders; None where the catalog places the tables itself."""
        return None if self.platform.has_unity_catalog else self.home / "warehouse"

    def checkpoint(self, *parts: str) -> str:
        """The checkpoint folder of the streaming query named by the parts."""
        return "/".join((self._volumes, "checkpoints", *parts))

    def how_to_reset(self, stream: str) -> str:
        """The words of a message for making a stream, by name, read everything again."""
        return self.platform.reset_stream.format(stream=stream, folder=self.checkpoint(stream))

    def schema(self, name: str) -> str:
        """The name in the catalog of a schema of the contracts."""
        return f"{self.schema_prefix}{name}"

    def table(self, name: str) -> str:
        """The three-level name of `schema.table`, or the two-level one of a `schema`."""
        return f"{self.catalog}.{self.schema(name)}"

    @property
    def _volumes(self) -> str:
        return self.platform.volumes.format(home=self.home, catalog=self.catalog, ops=self.schema("ops"))


def settings_from(
    catalog: str = "spark_catalog",
    schema_prefix: str = "",
    landing: str = "",
    experiment: str = EXPERIMENT_NAME,
    run_id: str = "",
) -> Settings:
    """Settings from a notebook's parameters and the environment."""
    return Settings(
        home=lakehouse_home(),
        catalog=catalog,
        schema_prefix=schema_prefix,
        landing_folder=landing,
        experiment=experiment,
        run_id=run_id or os.environ.get("LAKEHOUSE_RUN_ID", ""),
        task_key=os.environ.get("LAKEHOUSE_TASK_KEY", ""),
    )
