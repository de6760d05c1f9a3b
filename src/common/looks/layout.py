"""A plot of how tables lie in files, before and after they were put in order."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure


def plot_sizes(sizes: pd.DataFrame) -> Figure | None:
    """Files of each table before and after, and what was removed; `sizes` as `maintain` gives them. None without."""
    if sizes.empty:
        return None
    drawn, (files, removed) = plt.subplots(1, 2, figsize=(13, 1 + 0.35 * len(sizes)), sharey=True, layout="constrained")
    by_table = sizes.set_index("table")[::-1]
    by_table[["files_after", "files_before"]].plot.barh(ax=files, color=["#4878a8", "#d9d9d9"], ylabel="")
    files.set_title("Files of the newest version")
    removed.barh(by_table.index, by_table["removed_mb"], color="#b5532a")
    removed.set(title="Removed: files of earlier versions", xlabel="MB")
    plt.close(drawn)
    return drawn
