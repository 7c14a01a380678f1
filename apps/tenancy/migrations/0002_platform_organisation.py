"""The platform is a party like any other: its organisation has a fixed id."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PLATFORM_ID = "00000000-0000-7000-8000-000000000001"


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Organisation = apps.get_model("tenancy", "Organisation")
    Organisation.objects.using(schema_editor.connection.alias).get_or_create(
        id=PLATFORM_ID, defaults={"name": "Platform", "slug": "platform", "kind": "platform"}
    )


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
