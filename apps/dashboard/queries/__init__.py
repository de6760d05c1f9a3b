"""What the pages show, as SQL and pandas: one module a page. Nothing here draws, or knows of Streamlit."""
