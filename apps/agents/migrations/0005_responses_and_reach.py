import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_team_tickets"),
        ("tenancy", "0004_limited_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentWidget",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "origins",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), size=None),
                ),
                (
                    "agent",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="widget", to="agents.agent"
                    ),
                ),
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.apikey"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RemoteTask",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("task_id", models.CharField(max_length=64)),
                ("context_id", models.CharField(max_length=64)),
                ("agent_id", models.UUIDField()),
                ("state", models.CharField(max_length=40)),
                ("version", models.PositiveIntegerField(default=1)),
                ("task", models.JSONField(help_text="the protocol's task, as JSON")),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-updated_at"],
                "indexes": [models.Index(fields=["tenant", "agent_id", "-updated_at"], name="remote_task_recent")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "agent_id", "task_id"), name="remote_task_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredResponse",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("agent_id", models.UUIDField()),
                ("agent_slug", models.CharField(max_length=100)),
                ("user_id", models.UUIDField(null=True)),
                ("key_id", models.CharField(blank=True, max_length=150)),
                ("previous_id", models.UUIDField(null=True)),
                ("status", models.CharField(default="in_progress", max_length=12)),
                ("is_background", models.BooleanField(default=False)),
                ("is_kept", models.BooleanField(default=True)),
                ("input", models.JSONField()),
                ("instructions", models.TextField(blank=True)),
                ("wishes", models.JSONField(default=dict)),
                ("metadata", models.JSONField(default=dict)),
                ("text", models.TextField(blank=True)),
                ("sources", models.JSONField(default=list)),
                ("finish", models.CharField(blank=True, max_length=10)),
                ("problem", models.TextField(blank=True)),
                ("prompt_tokens", models.PositiveIntegerField(default=0)),
                ("completion_tokens", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("completed_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["tenant", "created_at"], name="response_by_age")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ("queued", "in_progress", "completed", "incomplete", "failed", "cancelled"))
                        ),
                        name="response_status_known",
                    )
                ],
            },
        ),
        EnableRowLevelSecurity("AgentWidget"),
        EnableRowLevelSecurity("RemoteTask"),
        EnableRowLevelSecurity("StoredResponse"),
    ]
