"""A user's memberships in every organisation in one call, so that it can be part of the look-up of who calls.

The calling transaction's scope is as before after it.
"""

from django.db import migrations

MEMBERSHIPS = """
CREATE FUNCTION tenancy_memberships(member uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    scope text := current_setting('app.all_tenants', true);
    ignored text := set_config('app.all_tenants', 'on', true);
    found jsonb := (
        SELECT jsonb_agg(jsonb_build_array(o.id, o.name, o.slug, o.kind, m.role) ORDER BY o.kind <> 'personal', m.id)
          FROM tenancy_membership m JOIN tenancy_organisation o ON o.id = m.tenant_id
         WHERE m.user_id = member
    );
BEGIN
    IF scope IS DISTINCT FROM 'on' THEN
        ignored := set_config('app.all_tenants', coalesce(scope, ''), true);
    END IF;
    RETURN found;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0002_platform_organisation")]
    operations = [migrations.RunSQL(MEMBERSHIPS, "DROP FUNCTION tenancy_memberships")]
