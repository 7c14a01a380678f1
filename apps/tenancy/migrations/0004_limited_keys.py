import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
import apps.tenancy.models
from apps.core.rls import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0003_memberships"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="agent_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), help_text="empty for all agents", null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="requests_per_day",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="requests_per_minute",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=10), default=apps.tenancy.models.all_scopes, size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="tokens_per_month",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name="ApiKeyWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("period", models.CharField(max_length=6)),
                ("starts_at", models.DateTimeField()),
                ("requests", models.BigIntegerField(default=0)),
                ("tokens", models.BigIntegerField(default=0)),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="windows", to="tenancy.apikey"
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "key", "period", "starts_at"), name="api_key_window_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("period__in", ["minute", "day", "month"])),
                        name="api_key_window_period_known",
                    ),
                ],
            },
        ),
        EnableRowLevelSecurity("ApiKeyWindow"),
    ]
