"""What can go wrong with datasets."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted


class DatasetNotFound(NotFound):
    """No such dataset or version, or none that the caller may know of."""

    def __init__(self) -> None:
        super().__init__("dataset_not_found", "There is no such dataset.")


class UseRightMissing(NotPermitted):
    """Reading the rows needs a licence."""

    def __init__(self, dataset_id: object, name: str) -> None:
        super().__init__(
            "use_right_missing",
            f"Reading the rows of “{name}” needs a licence. Get one on the dataset's page.",
            asset_url=f"/assets/{dataset_id}/",
        )


class RemovalOvertaken(Conflict):
    """A version was released while a person's data was being taken out; nothing was taken out."""

    retryable = True

    def __init__(self) -> None:
        super().__init__("removal_overtaken", "A version was released meanwhile. Ask for the removal again.")


class UnusableRows(InvalidInput):
    """Rows cannot be released as a version; `errors` names row and field."""

    def __init__(self, errors: list[dict[str, object]]) -> None:
        super().__init__("unusable_rows", f"The rows cannot be released: {errors[0]['message']}", errors=errors)
