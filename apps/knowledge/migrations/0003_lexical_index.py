"""Search by words from postings of our own (ADR 12), and chunks with numbers."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity

SEE_ALL = "SELECT set_config('app.all_tenants', 'on', true)"
SEE_NONE = "SELECT set_config('app.all_tenants', '', true)"
NUMBER_CHUNKS = """
UPDATE knowledge_chunk SET number = numbered.number
FROM (SELECT id, row_number() OVER (PARTITION BY knowledge_base_id ORDER BY document_id, ordinal) - 1 AS number
      FROM knowledge_chunk) AS numbered
WHERE knowledge_chunk.id = numbered.id
"""
FIRST_NUMBERS = """
UPDATE knowledge_document SET first_number = found.first
FROM (SELECT document_id, min(number) AS first FROM knowledge_chunk GROUP BY document_id) AS found
WHERE found.document_id = knowledge_document.id
"""
NEXT_NUMBERS = """
UPDATE knowledge_knowledgebase SET next_number = counted.chunks
FROM (SELECT knowledge_base_id, count(*) AS chunks FROM knowledge_chunk GROUP BY knowledge_base_id) AS counted
WHERE counted.knowledge_base_id = knowledge_knowledgebase.id
"""
# A length of 0 says that the chunk is still to be analysed, which the next segment does.
WAITING = """
INSERT INTO knowledge_pendingterms
       (id, tenant_id, knowledge_base_id, chunk_id, number, length, frequencies, created_at)
SELECT gen_random_uuid(), tenant_id, knowledge_base_id, id, number, 0, '{}', now() FROM knowledge_chunk
"""
# Postings are short already, and a vector is read far more often than the text beside it.
STORAGE = [
    "ALTER TABLE knowledge_postingblock ALTER COLUMN data SET STORAGE EXTERNAL",
    "ALTER TABLE knowledge_chunk ALTER COLUMN embedding SET STORAGE PLAIN",
]


def tenant() -> models.ForeignKey:
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation")


def key() -> models.UUIDField:
    return models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)


def base() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to="knowledge.knowledgebase",
    )


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0002_document_text"), ("tenancy", "0002_platform_organisation")]

    operations = [
        migrations.RemoveIndex("chunk", "chunk_search"),
        migrations.RemoveIndex("chunk", "chunk_by_base"),
        migrations.RemoveField("chunk", "search"),
        migrations.AddField(
            "knowledgebase",
            "next_number",
            models.PositiveIntegerField(default=0, help_text="the number that the next chunk gets"),
        ),
        migrations.AddField(
            "knowledgebase",
            "languages",
            models.JSONField(default=list, help_text="of its documents, most frequent first (ISO 639-1)"),
        ),
        migrations.AddField(
            "document",
            "language",
            models.CharField(
                blank=True, default="", help_text="ISO 639-1; und where too little tells it", max_length=8
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "document",
            "first_number",
            models.PositiveIntegerField(default=0, help_text="of its chunks, which have numbers in a row"),
        ),
        migrations.AddField("chunk", "number", models.PositiveIntegerField(default=0)),
        migrations.CreateModel(
            name="PendingTerms",
            fields=[
                ("id", key()),
                ("number", models.PositiveIntegerField()),
                (
                    "length",
                    models.PositiveIntegerField(
                        help_text="all terms together; 0 where the chunk is still to be analysed"
                    ),
                ),
                ("frequencies", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "chunk",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="knowledge.chunk"
                    ),
                ),
                ("knowledge_base", base()),
                ("tenant", tenant()),
            ],
            options={
                "ordering": ["knowledge_base", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "knowledge_base", "number"), name="pending_terms_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="LexicalSegment",
            fields=[
                ("id", key()),
                ("chunks", models.PositiveIntegerField()),
                ("terms", models.PositiveBigIntegerField(help_text="of all its chunks, repeated ones too")),
                ("first_number", models.PositiveIntegerField()),
                ("last_number", models.PositiveIntegerField()),
                ("knowledge_base", base()),
                ("tenant", tenant()),
            ],
            options={
                "ordering": ["knowledge_base", "first_number"],
                "indexes": [models.Index(fields=["tenant", "knowledge_base"], name="lexical_segment_by_base")],
            },
        ),
        migrations.CreateModel(
            name="PostingBlock",
            fields=[
                ("id", key()),
                ("term", models.CharField(max_length=64)),
                ("frequency", models.PositiveIntegerField(help_text="chunks of the segment that hold the term")),
                ("is_column", models.BooleanField()),
                ("data", models.BinaryField()),
                (
                    "segment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="knowledge.lexicalsegment",
                    ),
                ),
                ("tenant", tenant()),
            ],
            options={
                "ordering": ["segment", "term"],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "segment", "term"), name="posting_block_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RemovedChunks",
            fields=[
                ("id", key()),
                ("first_number", models.PositiveIntegerField()),
                ("last_number", models.PositiveIntegerField()),
                ("knowledge_base", base()),
                ("tenant", tenant()),
            ],
            options={
                "ordering": ["knowledge_base", "first_number"],
                "indexes": [models.Index(fields=["tenant", "knowledge_base"], name="removed_chunks_by_base")],
            },
        ),
        EnableRowLevelSecurity("PendingTerms"),
        EnableRowLevelSecurity("LexicalSegment"),
        EnableRowLevelSecurity("PostingBlock"),
        EnableRowLevelSecurity("RemovedChunks"),
        migrations.RunSQL(
            [
                SEE_ALL,
                NUMBER_CHUNKS,
                FIRST_NUMBERS,
                NEXT_NUMBERS,
                WAITING,
                "SET CONSTRAINTS ALL IMMEDIATE",
                "SET CONSTRAINTS ALL DEFERRED",
                SEE_NONE,
                *STORAGE,
            ],
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            "chunk",
            "number",
            models.PositiveIntegerField(help_text="its place among all that the knowledge base ever had"),
        ),
        migrations.AddConstraint(
            "chunk",
            models.UniqueConstraint(
                fields=("tenant", "knowledge_base", "number"),
                include=("id", "document"),
                name="chunk_number_in_a_base",
            ),
        ),
    ]
