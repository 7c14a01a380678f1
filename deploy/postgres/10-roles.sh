#!/bin/sh
# Run once by the PostgreSQL image on an empty volume: the two roles of the platform and the extension.
# The owner migrates; the application's role owns nothing, so row-level security binds it.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set owner_password="$SAHARA_OWNER_PASSWORD" --set app_password="$SAHARA_APP_PASSWORD" <<'SQL'
CREATE ROLE sahara_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'owner_password';
CREATE ROLE sahara_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'app_password';
SELECT format('ALTER DATABASE %I OWNER TO sahara_owner', current_database()) \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO sahara_app', current_database()) \gexec
CREATE EXTENSION IF NOT EXISTS vector;
ALTER DEFAULT PRIVILEGES FOR ROLE sahara_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO sahara_app;
ALTER DEFAULT PRIVILEGES FOR ROLE sahara_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO sahara_app;
SQL
