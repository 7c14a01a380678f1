"""The keys of what is stored encrypted."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
        ("tenancy", "0003_memberships"),
    ]

    operations = [
        migrations.CreateModel(
            name="ObjectKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(help_text="the object's key in storage", max_length=500)),
                ("wrapped", models.BinaryField(help_text="empty once it was destroyed")),
                ("state", models.CharField(default="new", max_length=10)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "kept"), _negated=True),
                        fields=["created_at"],
                        name="object_key_to_tend",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "name"), name="object_key_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["new", "kept", "sealing", "shredded"])),
                        name="object_key_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "shredded"), ("wrapped", b"")),
                            models.Q(
                                models.Q(("state", "shredded"), _negated=True),
                                models.Q(("wrapped", b""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="object_key_destroyed_where_shredded",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrganisationKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("wrapped", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="organisation_key_once")],
            },
        ),
        EnableRowLevelSecurity("OrganisationKey"),
        EnableRowLevelSecurity("ObjectKey"),
    ]
