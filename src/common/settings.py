"""Where things are: catalog, folders and MLflow, from parameters and the environment.

What differs between a laptop and a Databricks workspace is decided here and in `session`, nowhere else.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import common

HIGH_RISK_COUNTRIES = ("BY", "IR", "KP", "MM", "RU", "SY", "VE")
"""Countries whose card payments a rule holds back; a business decision, change it here."""

LABEL_DELAY_DAYS = 7
"""Days until a transaction without a fraud report counts as genuine."""

HISTORY_RETENTION_DAYS = 7
"""Days for which replaced versions of tables can be read; then maintenance removes their files."""

UNPARSED_RETENTION_DAYS = 90
"""Days that records are kept which could not be parsed, or name no person, so that no erasure can find them."""

STAGED_RETENTION_HOURS = 24
"""Hours after which staged rows are what a killed task left: no task works that long."""

UNCOMMITTED_HOURS = 2
"""Hours after which a file that no table knows is what a killed writer left: no write takes that long."""

CHECKPOINT_RETENTION_DAYS = 30
"""Days without use after which the checkpoint of a stream that reads nothing any more is removed."""

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
    """The settings of one notebook's run."""

    home: Path
    catalog: str = "spark_catalog"
    landing_folder: str = ""
    run_id: str = ""
    task_key: str = ""

    @property
    def landing(self) -> str:
        """The folder that `{landing}` stands for in a source, absolute."""
        return str(Path(self.landing_folder).expanduser().resolve() if self.landing_folder else self.home / "landing")

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps experiments and models."""
        return f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def artifacts(self) -> str:
        """Where MLflow keeps files."""
        return (self.home / "mlartifacts").as_uri()

    def checkpoint(self, *parts: str) -> str:
        """The checkpoint folder of the streaming query named by the parts."""
        return str(self.home.joinpath("checkpoints", *parts))

    def table(self, name: str) -> str:
        """The three-level name of `schema.table`."""
        return f"{self.catalog}.{name}"


def settings_from(catalog: str = "spark_catalog", landing: str = "") -> Settings:
    """Settings from a notebook's parameters and the environment."""
    return Settings(
        home=lakehouse_home(),
        catalog=catalog,
        landing_folder=landing,
        run_id=os.environ.get("LAKEHOUSE_RUN_ID", ""),
        task_key=os.environ.get("LAKEHOUSE_TASK_KEY", ""),
    )
