"""Writes of datasets, one public function for each use case."""

from apps.datasets.services.releases import (
    create_dataset,
    import_dataset_version,
    release_dataset_version,
    upload_dataset,
)

__all__ = [
    "create_dataset",
    "import_dataset_version",
    "release_dataset_version",
    "upload_dataset",
]
