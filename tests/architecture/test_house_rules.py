"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("apps", "sahara_platform", "gpu_runner", "chain_bridge", "sdk", "examples", "benchmarks")
MAX_LINES = 400
MAX_TEST_LINES = 600


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],  # noqa: S607  # git is on PATH where tests run
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def python_files(*roots: str) -> list[Path]:
    return [path for path in tracked(*(f"{root}/**.py" for root in roots)) if "migrations" not in path.parts]


def test_no_file_outgrows_its_cap():
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in [*python_files(*OURS, "tests"), *tracked("*.ts", "*.sol", "*.html")]
        if (lines := len(path.read_text().splitlines()))
        > (MAX_TEST_LINES if path.is_relative_to(ROOT / "tests") else MAX_LINES)
    }
    assert too_long == {}


def test_no_module_is_a_drawer_for_everything():
    names = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert [path for path in python_files(*OURS, "tests") if path.name in names] == []


def test_background_work_starts_only_from_the_outbox():
    """A bare `.delay()` in a transaction runs before the commit, or not at all."""
    found = {
        str(path.relative_to(ROOT))
        for path in python_files("apps")
        if re.search(r"\.(delay|apply_async)\(", path.read_text())
    }
    assert found <= {"apps/core/outbox.py", "apps/core/tasks.py"}


def test_no_business_logic_hides_behind_model_signals():
    assert [p for p in python_files("apps") if re.search(r"@receiver|django\.db\.models\.signals", p.read_text())] == []


def test_the_environment_is_read_in_one_module_per_service():
    readers = {
        str(path.relative_to(ROOT))
        for path in python_files("apps", "sahara_platform")
        if re.search(r"os\.(environ\[|environ\.get|getenv)", path.read_text())
        and "embedded" not in path.parts  # the supervisor passes the environment on
        and path.name != "frontend.py"  # a build command
    }
    assert readers <= {"sahara_platform/env.py"}


def test_web_and_workers_load_no_heavy_library():
    """The import contract, checked at run time: neither torch, transformers nor web3 is in the process."""
    code = (
        "import sahara_platform.asgi, sahara_platform.celery, sys;"
        "sahara_platform.celery.app.loader.import_default_modules();"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "print(','.join(m for m in ('torch', 'transformers', 'web3', 'peft', 'xllamacpp') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_no_setting_that_nothing_reads():
    """Every setting of ours is read by our code; the rest are Django's and its apps' own, checked by name."""
    source = (ROOT / "sahara_platform" / "settings.py").read_text()
    ours = {"PUBLIC_URL", "OBJECT_STORAGE", "CHAIN", "STRIPE", "RUNNER", "FEES", "WALLETS", "PAYOUTS", "VAULT"}
    assigned = {
        target.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_")
    }
    internal = {"ENV", "PRODUCTION", "APPS", "BASE_DIR"}
    code = "\n".join(path.read_text() for path in python_files("apps", "tests"))
    unread = {name for name in assigned & ours if f"settings.{name}" not in code}
    assert unread == set()
    installed = _settings_known_to_installed_packages(assigned - ours - internal)
    assert assigned - ours - internal - installed == set()


def _settings_known_to_installed_packages(names: set[str]) -> set[str]:
    """Names that some installed package mentions: a misspelt or retired setting is not among them."""
    import allauth
    import channels
    import csp
    import django
    import django_vite
    import drf_spectacular
    import rest_framework
    import whitenoise

    found: set[str] = set()
    for package in (django, allauth, channels, csp, django_vite, drf_spectacular, rest_framework, whitenoise):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            text = path.read_text(errors="ignore")
            short = {name: name.removeprefix("ACCOUNT_").removeprefix("HEADLESS_") for name in names - found}
            found |= {name for name, bare in short.items() if re.search(rf"\b({name}|{bare})\b", text)}
    from celery.app.defaults import NAMESPACES, flatten

    celery_options = {str(option[0]).upper() for option in flatten(NAMESPACES)}
    return found | {name for name in names if name.removeprefix("CELERY_") in celery_options}


def test_every_environment_key_is_read():
    source = (ROOT / "sahara_platform" / "env.py").read_text()
    keys = re.findall(r"^    ([a-z_]+): .*= Field|^    ([a-z_]+): [^=\n]* = Field", source, re.MULTILINE)
    settings = (ROOT / "sahara_platform" / "settings.py").read_text()
    fields = {first or second for first, second in keys}
    assert len(fields) > 15
    assert {name for name in fields if f"ENV.{name}" not in settings} == set()


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"\sstyle=", "inline style breaks the content security policy"),
        (r"\son[a-z]+=", "inline handlers break the content security policy"),
        (r"hx-on", "htmx's inline handlers are evaluated"),
        (r"hx-vals=['\"]js:", "evaluated"),
        (r"<script(?![^>]*(src|type=\"application/json\"|type=\"module\"))", "inline scripts break the policy"),
        (r"<style", "inline style breaks the content security policy"),
        (r"\b(btn-outline|[a-z]+-soft|link-success)\b", "fails contrast"),
    ],
)
def test_templates_keep_to_the_content_security_policy(pattern, why):
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("templates/**.html")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    }
    assert found == set(), why
