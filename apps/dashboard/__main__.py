"""`python -m apps.dashboard OPTIONS`: the dashboard's server, with Streamlit's options.

What the pages import takes a second or two. It is imported before anybody looks, and not while the first one waits.
"""

import sys
from importlib import import_module
from pathlib import Path

APP = Path(__file__).parent / "app.py"

# jsonschema, of the charts, builds a grammar of URLs from it where Jupyter has brought it, for another second.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def main() -> None:
    """Serves until it is interrupted."""
    import_module("apps.dashboard.pages")
    cli = import_module("streamlit.web.cli")
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
