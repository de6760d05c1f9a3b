"""The exceptions that this project raises on purpose.

Each message names the value, the rule that it breaks and the way out. Whoever shows one to a person (the
command line, a notebook) shows the message alone; a stack trace belongs to the bugs that are not in this tree.
"""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without the trace that some append; its type where that is empty."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def with_words(error: Exception, words: str) -> Exception:
    """The error with further words: in the message of one of this tree, which is all that is shown; else as a note."""
    if isinstance(error, LakehouseError):
        return type(error)(f"{error}; {words}")
    error.add_note(words)
    return error


class LakehouseError(Exception):
    """Anything that a person using the lakehouse can mend: the root of this tree."""


class DeclarationError(LakehouseError, ValueError):
    """A file that a person writes (a source, a job, a contract) breaks one of its rules."""


class ParameterError(LakehouseError):
    """A notebook or job parameter is unknown, missing or of the wrong kind."""


class SecretError(LakehouseError):
    """A secret that is needed is nowhere to be found."""


class EngineError(LakehouseError):
    """Spark can't be found, started or reached."""


class SchemaError(LakehouseError):
    """A table that is there doesn't fit its contract."""


class CheckpointError(LakehouseError):
    """A stream's checkpoint and the table that it writes don't belong together any more."""


class FeedError(LakehouseError):
    """A feed can't be read now: its server is not there or refuses, or what it had is gone."""


class OutputError(LakehouseError):
    """An output can't be delivered now: its target is not there or refuses, or was changed by others."""


class SourceError(LakehouseError):
    """A source was run in a workspace that has data of another one."""


class ConservationError(LakehouseError):
    """Records went missing or appeared from nowhere between two tables."""


class QualityError(LakehouseError):
    """A table doesn't hold what its contract promises of it."""


class ModelError(LakehouseError):
    """There is no model to score with, or it doesn't fit the features."""


class RemoteError(LakehouseError):
    """A Databricks workspace doesn't answer, refuses what is asked of it, or holds no deployment of the bundle."""


class QueryError(LakehouseError):
    """A statement in SQL is refused, or can't be answered."""


class LoginError(LakehouseError):
    """No Databricks workspace is named, or it doesn't know who asks."""


MISTAKES = (DeclarationError, ParameterError, SecretError, SchemaError, CheckpointError, SourceError)
"""What a person has to mend first: to try the same again gives the same."""
