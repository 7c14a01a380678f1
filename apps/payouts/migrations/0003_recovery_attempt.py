from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0002_approvals_freezes_recoveries"),
    ]

    operations = [
        migrations.AddField(
            model_name="recovery",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
