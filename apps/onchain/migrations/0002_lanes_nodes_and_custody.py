import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core.rls import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("onchain", "0001_initial"),
        ("tenancy", "0002_platform_organisation"),
    ]

    operations = [
        migrations.CreateModel(
            name="AddressCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("chain_id", models.BigIntegerField()),
                ("address", models.CharField(max_length=42)),
                ("requested_at", models.DateTimeField()),
                ("has_code", models.BooleanField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ChainNode",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("chain_id", models.BigIntegerField()),
                ("label", models.CharField(max_length=200)),
                ("head_block", models.BigIntegerField(null=True)),
                ("lag", models.BigIntegerField(null=True)),
                ("condition", models.CharField(max_length=10)),
                ("message", models.TextField(blank=True)),
                ("checked_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ChainReconciliation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("chain_id", models.BigIntegerField()),
                ("block", models.BigIntegerField()),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("checks", models.JSONField()),
                ("differences", models.JSONField()),
            ],
        ),
        migrations.CreateModel(
            name="CustodialAddress",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("chain_id", models.BigIntegerField()),
                ("factory", models.CharField(max_length=42)),
                ("address", models.CharField(max_length=42)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="chaintransaction",
            name="onchain_nonce_once",
        ),
        migrations.AddField(
            model_name="chaincursor",
            name="gaps_filled",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="chaincursor",
            name="head_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chaincursor",
            name="head_hash",
            field=models.CharField(blank=True, max_length=66),
        ),
        migrations.AddField(
            model_name="chaincursor",
            name="verified_block",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="signerlane",
            name="balance_wei",
            field=models.DecimalField(decimal_places=0, max_digits=78, null=True),
        ),
        migrations.AddField(
            model_name="signerlane",
            name="name",
            field=models.CharField(default="registry", max_length=20),
        ),
        migrations.AddField(
            model_name="signerlane",
            name="problem",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="signerlane",
            name="problem_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="chaintransaction",
            name="intent",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transactions",
                to="onchain.chainintent",
            ),
        ),
        migrations.AddConstraint(
            model_name="chaintransaction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "lost"), _negated=True),
                fields=("lane", "nonce"),
                name="onchain_nonce_used_once",
            ),
        ),
        migrations.AddIndex(
            model_name="addresscheck",
            index=models.Index(
                condition=models.Q(("checked_at", None)), fields=["chain_id"], name="onchain_address_to_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="addresscheck",
            constraint=models.UniqueConstraint(fields=("chain_id", "address"), name="onchain_address_check_once"),
        ),
        migrations.AddConstraint(
            model_name="chainnode",
            constraint=models.UniqueConstraint(fields=("chain_id", "label"), name="onchain_node_once"),
        ),
        migrations.AddIndex(
            model_name="chainreconciliation",
            index=models.Index(fields=["chain_id", "-started_at"], name="onchain_reconciliation_latest"),
        ),
        migrations.AddField(
            model_name="custodialaddress",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="custodialaddress",
            constraint=models.UniqueConstraint(fields=("tenant", "chain_id", "factory"), name="onchain_custodial_once"),
        ),
        migrations.AddConstraint(
            model_name="custodialaddress",
            constraint=models.UniqueConstraint(fields=("chain_id", "address"), name="onchain_custodial_address_once"),
        ),
        EnableRowLevelSecurity("CustodialAddress"),
    ]
