"""What a reader must know of a feed's files."""

from dataclasses import dataclass, field

NO_QUOTE = "none"


@dataclass(frozen=True)
class FileFormat:
    """How the bytes of a feed's files become records: the options of `DeclaredFiles`, as readers take them.

    `delimiter` is None where none is declared: then it is the one that the file's own `sep=` line names, or a comma.
    `columns` are the names of the fields of CSV files without a header, else empty. `mapped` are the fields that the
    feed's maps read; they decide whether a header that names a field twice can be read, and say nothing of the file.
    """

    format: str
    delimiter: str | None = None
    quote: str = '"'
    encoding: str = "utf-8"
    escape: str | None = None
    skip_rows: int = 0
    skip_footer: int = 0
    columns: tuple[str, ...] = ()
    ragged: str = "refuse"
    on_bad_row: str = "refuse_row"
    records: str | None = None
    payload_column: str | None = None
    mapped: tuple[str, ...] = field(default=(), compare=False)
