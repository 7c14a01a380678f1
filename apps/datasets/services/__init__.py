"""Writes of datasets, one public function for each use case."""

from apps.datasets.services.derivations import derive_dataset_version
from apps.datasets.services.releases import (
    create_dataset,
    import_dataset_version,
    release_dataset_version,
    upload_dataset,
)
from apps.datasets.services.removals import erases_sources, remove_person

__all__ = [
    "create_dataset",
    "derive_dataset_version",
    "erases_sources",
    "import_dataset_version",
    "release_dataset_version",
    "remove_person",
    "upload_dataset",
]
