"""`make docs`: writes the pages that are made from the contracts and from what a run did."""

from local.docs.data_dictionary import data_dictionary, dictionary_file
from local.docs.lineage import lineage_file, lineage_of, lineage_page, newest_run
from local.workspace import current_workspace, shown_path


def main() -> None:
    """Writes docs/data-dictionary.md, and docs/lineage.md where there is a run to read it from."""
    dictionary_file().write_text(data_dictionary(), encoding="utf-8")
    print(f"{shown_path(dictionary_file())}: written from the contracts")
    workspace = current_workspace()
    run = newest_run(workspace)
    if run is None:
        print(
            f"{shown_path(lineage_file())}: left as it is. No run of the main job in {workspace.home} brought anything "
            "new: `lakehouse simulate`, `lakehouse run lakehouse`, then this again"
        )
        return
    lineage_file().write_text(lineage_page(lineage_of(run)), encoding="utf-8")
    print(f"{shown_path(lineage_file())}: written from {shown_path(run)}")


if __name__ == "__main__":
    main()
