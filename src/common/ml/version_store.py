"""The versions of the registered model, with their tags and aliases: read, noted and decided on.

`champion` is the alias of the version that scores, `challenger` of the one that awaits a decision or approval.
"""

from collections.abc import Mapping

import mlflow
from mlflow.exceptions import MlflowException

from common.ml.model_versions import ABSENT, ALIAS, CHALLENGER
from common.ml.version import KEPT_OUT, PROMOTED, UnusableVersion, Version, read_version
from common.platform import this_platform

TAG_LENGTH = 1000
"""Longest value of a tag in Unity Catalog."""


class VersionStore:
    """The versions of one registered model."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._client = mlflow.MlflowClient()

    def champion(self) -> Version | None:
        """The version that scoring uses; None while there is none.

        Raises:
            UnusableVersion: a person gave the alias to a version that can't score.

        """
        try:
            return self._with_alias(ALIAS)
        except UnusableVersion as error:
            way_out = this_platform().run_job.format(job="rollback_model")
            raise UnusableVersion(
                f"the champion can't be used: {error}. Or give the alias to a version that was champion before and "
                f"can be used: {way_out}"
            ) from None

    def challenger(self) -> Version | None:
        """The version that awaits a decision or approval; None while there is none, or it can't be used."""
        try:
            return self._with_alias(CHALLENGER)
        except UnusableVersion:
            return None

    def version(self, number: int | str) -> Version | None:
        """The version of that number; None where there is none.

        Raises:
            UnusableVersion: it can't score.

        """
        try:
            found = self._client.get_model_version(self.model, str(number))
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise
        return read_version(self.model, found)

    def numbers(self) -> list[int]:
        """The numbers of all versions, newest first."""
        found = self._client.search_model_versions(f"name='{self.model}'")
        return sorted((int(version.version) for version in found), reverse=True)

    def newest(self) -> Version | None:
        """The version registered last that can be used; None while there is none."""
        return self._newest()[0]

    def skipped(self) -> list[str]:
        """Why versions that are newer than `newest` can't be used, in words."""
        return self._newest()[1]

    def note(self, number: int, tags: Mapping[str, str]) -> None:
        """Gives a version tags."""
        for name, value in tags.items():
            self._client.set_model_version_tag(self.model, str(number), name, value[:TAG_LENGTH])

    def forget(self, number: int, tag: str) -> None:
        """Takes a tag from a version that may have it."""
        if tag in self.tags(number):
            self._client.delete_model_version_tag(self.model, str(number), tag)

    def describe(self, number: int, text: str) -> None:
        """Gives a version its description, in markdown."""
        self._client.update_model_version(self.model, str(number), description=text)

    def description(self, number: int) -> str:
        """The description of a version."""
        return str(self._client.get_model_version(self.model, str(number)).description or "")

    def challenge(self, number: int) -> None:
        """Makes a version the challenger. One that still waits is kept out: the newer one takes its place."""
        waiting = self.alias_number(CHALLENGER)
        if waiting == number:
            return
        if waiting is not None and waiting == self.alias_number(ALIAS):
            self.note(waiting, {"decision": PROMOTED})  # promotion was killed before it noted that
        elif waiting is not None and not self.tags(waiting).get("decision"):
            self.note(waiting, {"reason": f"version {number} took its place", "decision": KEPT_OUT})
        self._client.set_registered_model_alias(self.model, CHALLENGER, str(number))

    def decide(self, version: Version, is_promoted: bool, reason: str) -> None:
        """Notes promotion's decision on a version, and gives it the alias `champion` when it was promoted.

        It isn't the challenger any more. The champion before it is noted, so that rollback knows it.
        """
        tags = {"reason": reason}
        before = self.alias_number(ALIAS)
        if is_promoted and before is not None and before != version.number:
            tags["previous_champion"] = str(before)
        self.note(version.number, tags)
        if is_promoted:
            self.make_champion(version.number)
        if self.alias_number(CHALLENGER) == version.number:
            self._client.delete_registered_model_alias(self.model, CHALLENGER)
        # The decision last: killed before it, promotion finds the version undecided and decides again.
        self.note(version.number, {"decision": PROMOTED if is_promoted else KEPT_OUT})

    def make_champion(self, number: int) -> None:
        """Gives a version the alias `champion`."""
        self._client.set_registered_model_alias(self.model, ALIAS, str(number))

    def alias_number(self, alias: str) -> int | None:
        """The number of the version that has an alias; None where none has."""
        try:
            return int(self._client.get_model_version_by_alias(self.model, alias).version)
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise

    def _newest(self) -> tuple[Version | None, list[str]]:
        skipped: list[str] = []
        for number in self.numbers():
            try:
                # One by one: a search in Unity Catalog gives no tags.
                return self.version(number), skipped
            except UnusableVersion as error:
                skipped.append(str(error))
        return None, skipped

    def _with_alias(self, alias: str) -> Version | None:
        number = self.alias_number(alias)
        return None if number is None else self.version(number)

    def tags(self, number: int) -> Mapping[str, str]:
        """The tags of a version, which need not be usable."""
        tags: Mapping[str, str] = self._client.get_model_version(self.model, str(number)).tags
        return tags
