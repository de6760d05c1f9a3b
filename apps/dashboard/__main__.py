"""`python -m apps.dashboard OPTIONS`: the dashboard's server, with Streamlit's options.

What the pages import takes a second or two. It is imported before anybody looks, and not while the first one waits.
"""

import logging
import sys
from importlib import import_module
from pathlib import Path

APP = Path(__file__).parent / "app.py"

# jsonschema, of the charts, builds a grammar of URLs from it where Jupyter has brought it, for another second.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _is_news(record: logging.LogRecord) -> bool:
    """Streamlit warns of what is remembered before its server runs. Here that is on purpose."""
    return "No runtime found" not in record.getMessage()


def main() -> None:
    """Serves until it is interrupted."""
    logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(_is_news)
    import_module("apps.dashboard.pages")
    cli = import_module("streamlit.web.cli")
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
