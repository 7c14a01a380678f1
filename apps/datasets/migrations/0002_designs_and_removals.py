import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0002_platform_organisation"),
        ("datasets", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="datasetversion",
            name="design",
            field=models.JSONField(default=dict, help_text="{inputs, controls}: which columns were shown, which asked"),
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="removed_leaves",
            field=models.JSONField(default=list, help_text="hashes of rows that were taken out, for the root"),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "column",
                    models.CharField(help_text="where the person was named; empty for an annotator", max_length=200),
                ),
                ("rows", models.PositiveIntegerField(help_text="over all versions")),
                ("answers", models.PositiveIntegerField(help_text="over all versions")),
                ("versions", models.JSONField(help_text="numbers of those that lost something")),
                ("new_version", models.PositiveIntegerField(help_text="the version without them", null=True)),
                ("removed_at", models.DateTimeField(auto_now_add=True)),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="removals", to="datasets.dataset"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="removal",
            index=models.Index(fields=["tenant", "dataset", "-id"], name="removal_of_dataset"),
        ),
        EnableRowLevelSecurity("Removal"),
    ]
