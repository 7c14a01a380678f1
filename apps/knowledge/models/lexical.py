"""The index for search by words (ADR 12): segments with postings, and what is in none of them yet."""

from __future__ import annotations

from django.db import models

from apps.core.tenant import TenantOwned
from apps.knowledge.models.bases import KnowledgeBase
from apps.knowledge.models.chunks import Chunk


class PendingTerms(TenantOwned):
    """What a chunk holds that is in no segment yet: how often each term stands in it."""

    chunk = models.OneToOneField(Chunk, on_delete=models.CASCADE, related_name="+")
    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    length = models.PositiveIntegerField(help_text="all terms together; 0 where the chunk is still to be analysed")
    frequencies = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["knowledge_base", "number"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "knowledge_base", "number"], name="pending_terms_once"),
        ]

    def __str__(self) -> str:
        return f"{self.knowledge_base_id}#{self.number}"


class LexicalSegment(TenantOwned):
    """Chunks with numbers in a row that were indexed together; merged into larger ones as they come to be many."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="+", db_index=False)
    chunks = models.PositiveIntegerField()
    terms = models.PositiveBigIntegerField(help_text="of all its chunks, repeated ones too")
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()

    class Meta:
        ordering = ["knowledge_base", "first_number"]
        indexes = [models.Index(fields=["tenant", "knowledge_base"], name="lexical_segment_by_base")]

    def __str__(self) -> str:
        return f"{self.knowledge_base_id}: {self.chunks} chunks"


class PostingBlock(TenantOwned):
    """A term's postings in a segment (`apps.knowledge.lexical.postings`); the empty term has the chunks' lengths."""

    segment = models.ForeignKey(LexicalSegment, on_delete=models.CASCADE, related_name="+", db_index=False)
    term = models.CharField(max_length=64)
    frequency = models.PositiveIntegerField(help_text="chunks of the segment that hold the term")
    is_column = models.BooleanField()
    data = models.BinaryField()

    class Meta:
        ordering = ["segment", "term"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "segment", "term"], name="posting_block_once"),
        ]

    def __str__(self) -> str:
        return self.term


class RemovedChunks(TenantOwned):
    """Numbers of chunks that are gone, and whose postings go with the next merge of their segment."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="+", db_index=False)
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()

    class Meta:
        ordering = ["knowledge_base", "first_number"]
        indexes = [models.Index(fields=["tenant", "knowledge_base"], name="removed_chunks_by_base")]

    def __str__(self) -> str:
        return f"{self.knowledge_base_id}: {self.first_number}-{self.last_number}"
