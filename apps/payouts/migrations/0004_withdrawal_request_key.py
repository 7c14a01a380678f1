from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0003_recovery_attempt"),
    ]

    operations = [
        migrations.AddField(
            model_name="withdrawal",
            name="request_key",
            field=models.CharField(blank=True, default="", help_text="the caller's Idempotency-Key", max_length=255),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("request_key", ""), _negated=True),
                fields=("tenant", "request_key"),
                name="payouts_withdrawal_once_a_key",
            ),
        ),
    ]
