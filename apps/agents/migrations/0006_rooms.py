"""Conversations as trees, with titles, attachments and feedback."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity

# Until now each message followed the one before it.
FOLLOW = """
SELECT set_config('app.all_tenants', 'on', true);
UPDATE agents_message AS message SET parent_id = earlier.id
FROM (SELECT id AS of, lag(id) OVER (PARTITION BY conversation_id ORDER BY id) AS id FROM agents_message) AS earlier
WHERE earlier.of = message.id AND earlier.id IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT set_config('app.all_tenants', 'off', true);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_responses_and_reach"),
        ("tenancy", "0003_memberships"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentFeedback",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("message_id", models.UUIDField()),
                ("agent_id", models.UUIDField()),
                ("version_number", models.PositiveIntegerField(help_text="empty for the draft", null=True)),
                ("rating", models.SmallIntegerField()),
                ("reason", models.CharField(blank=True, max_length=16)),
                ("comment", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("document_id", models.UUIDField()),
                ("name", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="leaf_id",
            field=models.UUIDField(
                help_text="last message of the branch that is shown; empty for the newest", null=True
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="title",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="message",
            name="parent",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.message"
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="prompt",
            field=models.JSONField(default=list, help_text="the messages the model saw; empty for another's agent"),
        ),
        migrations.AddField(
            model_name="message",
            name="rating",
            field=models.SmallIntegerField(default=0, help_text="1, -1, or 0 for none"),
        ),
        migrations.AddField(
            model_name="message",
            name="steps",
            field=models.JSONField(default=list, help_text="what was done for this answer, in order: `Step.as_json`"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("rating__in", [-1, 0, 1])), name="message_rating_known"
            ),
        ),
        migrations.AddField(
            model_name="agentfeedback",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="conversation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="attachments", to="agents.conversation"
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            ),
        ),
        migrations.AddIndex(
            model_name="agentfeedback",
            index=models.Index(fields=["tenant", "agent_id", "-id"], name="agent_feedback_by_agent"),
        ),
        migrations.AddConstraint(
            model_name="agentfeedback",
            constraint=models.UniqueConstraint(fields=("tenant", "message_id"), name="agent_feedback_once_an_answer"),
        ),
        migrations.AddConstraint(
            model_name="agentfeedback",
            constraint=models.CheckConstraint(
                condition=models.Q(("rating__in", [-1, 1])), name="agent_feedback_rating_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="agentfeedback",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["", "wrong", "incomplete", "off_topic", "sources", "tone", "other"])
                ),
                name="agent_feedback_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="attachment",
            constraint=models.UniqueConstraint(
                fields=("tenant", "conversation", "document_id"), name="attachment_once_in_a_conversation"
            ),
        ),
        migrations.RunSQL(FOLLOW, migrations.RunSQL.noop),
        EnableRowLevelSecurity("AgentFeedback"),
        EnableRowLevelSecurity("Attachment"),
    ]
