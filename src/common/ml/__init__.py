"""The fraud model: time splits, training, figures, promotion, explanation and scoring."""

import warnings

# mlflow's progress bars look for widgets that a notebook run by a job has no use for.
warnings.filterwarnings("ignore", message="IProgress not found")
