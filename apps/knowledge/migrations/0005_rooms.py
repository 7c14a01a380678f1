"""Passages edited by hand, documents of single conversations."""

import django.db.models.deletion
import pgvector.django.vector
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("assets", "0003_royalty_releases"),
        ("knowledge", "0004_sources"),
        ("tenancy", "0003_memberships"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChunkEdit",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("change", models.CharField(max_length=10)),
                ("before", models.TextField(blank=True, help_text="the text before a change of the text")),
                ("user_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="chunk",
            name="is_excluded",
            field=models.BooleanField(default=False, help_text="somebody decided that no search shall find it"),
        ),
        migrations.AddField(
            model_name="knowledgebase",
            name="holds_attachments",
            field=models.BooleanField(
                default=False, help_text="the documents of single conversations; shown nowhere as a knowledge base"
            ),
        ),
        migrations.AlterField(
            model_name="chunk",
            name="embedding",
            field=pgvector.django.vector.VectorField(
                dimensions=384, help_text="empty while it is waited for, and where it is excluded", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgebase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("holds_attachments", True)),
                fields=("tenant",),
                name="knowledge_base_of_attachments",
            ),
        ),
        migrations.AddField(
            model_name="chunkedit",
            name="chunk",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="edits", to="knowledge.chunk"
            ),
        ),
        migrations.AddField(
            model_name="chunkedit",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="chunkedit",
            constraint=models.CheckConstraint(
                condition=models.Q(("change__in", ["text", "excluded", "included"])), name="chunk_edit_change_known"
            ),
        ),
        EnableRowLevelSecurity("ChunkEdit"),
    ]
