"""Refunds and disputes, debts to the platform, and earnings of wallets that no account has linked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="kind",
            field=models.CharField(
                choices=[
                    ("cash", "Prepaid"),
                    ("earnings", "Earnings"),
                    ("payable", "Payable on chain"),
                    ("refunds", "On its way back to the card"),
                    ("disputed", "Disputed with the card's bank"),
                    ("escrow", "Kept for an unlinked wallet"),
                    ("fees", "Platform fees"),
                    ("receivable", "Owed to the platform"),
                    ("processor", "Payment processor"),
                    ("conversion", "Conversion to tokens"),
                    ("chain", "Paid out on chain"),
                ],
                max_length=12,
            ),
        ),
        migrations.RemoveConstraint(model_name="account", name="ledger_no_overdraft"),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["receivable", "processor", "conversion", "chain"]),
                    ("posted__gte", models.F("held")),
                    _connector="OR",
                ),
                name="ledger_no_overdraft",
            ),
        ),
    ]
