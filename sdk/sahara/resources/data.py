"""Datasets and knowledge bases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sahara.models import Dataset, DatasetVersion, Document, KnowledgeBase, KnowledgeRelease, Passage
from sahara.resources.base import Id, Resource
from sahara.waiting import wait_for

FINAL_DOCUMENT_STATES = ("ready", "failed")


class DatasetsResource(Resource):
    """Datasets and their versions."""

    def create(self, name: str, summary: str = "") -> Dataset:
        """An empty dataset."""
        return Dataset.model_validate(self.transport.post("datasets/", {"name": name, "summary": summary}))

    def upload_version(self, dataset_id: Id, path: Path) -> DatasetVersion:
        """Release a version from a CSV or JSONL file with the columns text and label."""
        with path.open("rb") as file:
            files = {"file": (path.name, file)}
            response = self.transport.request("POST", f"datasets/{dataset_id}/versions/", files=files)
        return DatasetVersion.model_validate(response.json())

    def versions(self, dataset_id: Id) -> list[DatasetVersion]:
        """Versions, newest first."""
        rows = self.transport.get(f"datasets/{dataset_id}/versions/")["results"]
        return [DatasetVersion.model_validate(row) for row in rows]

    def download(self, version: DatasetVersion, file_format: str = "jsonl") -> bytes:
        """A version's rows as JSONL or Parquet."""
        [file] = [file for file in version.files if file.format == file_format]
        return self.transport.request("GET", file.url).content

    def row_proof(self, version: DatasetVersion, row_number: int) -> dict[str, Any]:
        """Proof that a row (from 1) is in the version."""
        path = f"datasets/{version.dataset_id}/versions/{version.number}/rows/{row_number}/proof/"
        proof: dict[str, Any] = self.transport.get(path)
        return proof

    def list(self) -> Iterator[Dataset]:
        """The organisation's datasets, newest first."""
        return (Dataset.model_validate(row) for row in self.transport.pages("datasets/"))


class KnowledgeResource(Resource):
    """Knowledge bases."""

    def create(self, name: str, description: str = "") -> KnowledgeBase:
        """An empty knowledge base."""
        body = {"name": name, "description": description}
        return KnowledgeBase.model_validate(self.transport.post("knowledge-bases/", body))

    def get(self, knowledge_base_id: Id) -> KnowledgeBase:
        """One knowledge base."""
        return KnowledgeBase.model_validate(self.transport.get(f"knowledge-bases/{knowledge_base_id}/"))

    def add_documents(self, knowledge_base_id: Id, paths: Sequence[Path]) -> list[Document]:
        """Upload documents (txt, md, pdf, docx); they are read and indexed in the background."""
        files = [("files", (path.name, path.read_bytes())) for path in paths]
        response = self.transport.request("POST", f"knowledge-bases/{knowledge_base_id}/documents/", files=files)
        return [Document.model_validate(row) for row in response.json()["documents"]]

    def documents(self, knowledge_base_id: Id) -> list[Document]:
        """Documents and how far each is."""
        rows = self.transport.pages(f"knowledge-bases/{knowledge_base_id}/documents/")
        return [Document.model_validate(row) for row in rows]

    def wait_until_read(self, knowledge_base_id: Id, *, timeout_s: float = 300) -> list[Document]:
        """Wait until every document is ready or has failed."""
        return wait_for(
            lambda: self.documents(knowledge_base_id),
            lambda documents: all(document.state in FINAL_DOCUMENT_STATES for document in documents),
            timeout_s=timeout_s,
            what="reading the documents",
        )

    def search(self, knowledge_base_id: Id, query: str, k: int = 5) -> list[Passage]:
        """Passages that answer a question, best first."""
        answer = self.transport.post(f"knowledge-bases/{knowledge_base_id}/search/", {"query": query, "k": k})
        return [Passage.model_validate(row) for row in answer["passages"]]

    def release(self, knowledge_base_id: Id) -> KnowledgeRelease:
        """Freeze the current documents as a version."""
        return KnowledgeRelease.model_validate(self.transport.post(f"knowledge-bases/{knowledge_base_id}/releases/"))
