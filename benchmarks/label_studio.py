"""Label Studio beside us: nginx, uWSGI and PostgreSQL, as its own image has them, in an environment of its own.

Its PostgreSQL is Debian's (with pg_trgm, which its migrations need) with the same settings as ours. uWSGI runs with the
options of its uwsgi.ini; nginx, where it is installed, with the directives of its default.conf that matter here, its
access log off; else requests go to uWSGI's own router, which nginx would pass them to. Accounts are made by
`peers/label_studio_accounts.py`; all else is HTTP, with the calls that its own pages make.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.annotators import Annotator, Browser, Refused
from benchmarks.processes import Processes
from sahara_platform.embedded.process import LOOPBACK, free_port, wait_until, wrapped

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "var" / "bench" / "label_studio"
DIRECTORY = ROOT / "var" / "bench" / "label_studio_data"
PACKAGES = ("label-studio==1.23.2", "pyuwsgi==2.0.30.post1")
PASSWORD = "a-long-benchmark-password"  # noqa: S105  # of accounts that live as long as the benchmark
PROCESSES = 4
IMPORT_BATCH = 10_000
#: Its export takes seconds for each thousand answers, and its uWSGI ends a request after 120 s.
EXPORTED = 2_000
CONFIG = """<View><Text name="text" value="$text"/><Choices name="label" toName="text">
<Choice value="good"/><Choice value="bad"/></Choices></View>"""
RESULT = [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}]

UWSGI = """[uwsgi]
http = {address}
module = core.wsgi:application
master = true
cheaper = true
single-interpreter = true
processes = {processes}
threads = 1
die-on-term = true
buffer-size = 65535
http-timeout = 300
need-app = true
ignore-sigpipe = true
ignore-write-errors = true
disable-write-exception = true
harakiri = 120
post-buffering = 4096
disable-logging = true
log-5xx = true
enable-threads = true
thunder-lock = true
lazy-apps = true
max-requests = 5000
reload-on-rss = 2048
env = APP_WEBSERVER=uwsgi
"""

NGINX = """worker_processes auto;
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  proxy_temp_path {directory}/proxy;
  client_body_temp_path {directory}/body;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  access_log off;
  sendfile on;
  tcp_nopush on;
  gzip on;
  gzip_vary on;
  gzip_proxied any;
  gzip_comp_level 6;
  gzip_types text/plain text/css text/xml application/json application/javascript image/svg+xml;
  server {{
    listen {address};
    client_max_body_size 350m;
    location / {{
      proxy_connect_timeout 300;
      proxy_send_timeout 300;
      proxy_read_timeout 300;
      send_timeout 300;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Host $http_host;
      proxy_redirect off;
      proxy_pass http://{upstream}/;
    }}
  }}
}}
"""


def why_not() -> str | None:
    """What this machine lacks for the peer; None where it can run."""
    found = _postgres()
    if found is None:
        return "skipped: Debian's postgresql is not installed (its migrations need pg_trgm)"
    if not (Path("/usr/share/postgresql") / found.parent.name / "extension" / "pg_trgm.control").exists():
        return "skipped: PostgreSQL's pg_trgm is not installed"
    return None


def _postgres() -> Path | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name))
    return places[-1] if places else None


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass
class ProjectAnnotator:
    """An annotator in the label stream of one project ("Label All Tasks")."""

    browser: Browser
    project: int

    def fetch(self) -> Any:
        """Ask for the next task."""
        status, task = self.browser.ask("POST", f"/api/dm/actions?id=next_task&project={self.project}", {})
        if status == 404:
            return None
        if status >= 400:
            raise Refused(f"next_task: {status} {str(task)[:300]}")
        return task["id"]

    def submit(self, task: Any) -> Any:
        """Answer it."""
        body = {"result": RESULT, "lead_time": 1.0, "draft_id": 0, "parent_prediction": None, "parent_annotation": None}
        self.browser.must("POST", f"/api/tasks/{task}/annotations?project={self.project}", body)
        return task


class Site:
    """A running Label Studio."""

    name = "label studio"

    def __init__(self, annotators: int) -> None:
        self._python = _environment()
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        DIRECTORY.mkdir(parents=True)
        self.processes = Processes(DIRECTORY / "log")
        try:
            self.url = self._start(annotators)
            self.workers = [self._signed_in(number) for number in range(annotators)]
        except BaseException:
            self.processes.stop()
            raise
        self.owner = self.workers[0]

    def _start(self, annotators: int) -> str:
        database = _start_postgres(self.processes)
        code = _code(self._python)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(DIRECTORY),
            "DJANGO_SETTINGS_MODULE": "core.settings.label_studio",
            "DJANGO_DB": "default",
            "POSTGRE_HOST": LOOPBACK,
            "POSTGRE_PORT": str(database),
            "POSTGRE_USER": "postgres",
            "POSTGRE_NAME": "postgres",
            "POSTGRE_PASSWORD": "unused",
            "LABEL_STUDIO_BASE_DATA_DIR": str(DIRECTORY / "files"),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }
        for command in (
            ["manage.py", "migrate", "--no-input"],
            [str(ROOT / "benchmarks" / "peers" / "label_studio_accounts.py"), str(annotators), PASSWORD],
        ):
            done = subprocess.run(
                [str(self._python), *command], cwd=code, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise RuntimeError(f"Label Studio's {command[0]} failed: {done.stderr[-1500:]}")
        inner, outer = f"{LOOPBACK}:{free_port()}", f"{LOOPBACK}:{free_port()}"
        (DIRECTORY / "uwsgi.ini").write_text(UWSGI.format(address=inner, processes=PROCESSES))
        uwsgi = [str(self._python.with_name("uwsgi")), "--ini", str(DIRECTORY / "uwsgi.ini")]
        # The interpreter that uWSGI embeds finds the environment by this.
        self.processes.start("uwsgi", [*uwsgi, "--virtualenv", str(ENVIRONMENT)], environment, cwd=code)
        nginx = _nginx()
        if nginx is None:
            outer = inner
        else:
            (DIRECTORY / "nginx.conf").write_text(NGINX.format(directory=DIRECTORY, address=outer, upstream=inner))
            command = [nginx, "-c", str(DIRECTORY / "nginx.conf"), "-e", "stderr"]
            self.processes.start("nginx", command, {"PATH": os.environ["PATH"]}, stop=signal.SIGQUIT)
        url = f"http://{outer}"
        wait_until(lambda: self._answers(url), timeout_s=180, what="Label Studio does not answer", interval_s=0.5)
        return url

    def _answers(self, url: str) -> bool:
        self.processes.require_alive()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=30) as answer:  # noqa: S310  # loopback
                return bool(answer.status == 200)
        except OSError:
            return False

    def _signed_in(self, number: int) -> Browser:
        browser = Browser(self.url)
        browser.form("/user/login/", email=f"person{number}@example.org", password=PASSWORD)
        if "sessionid" not in browser.cookies:
            raise Refused(f"person{number} could not sign in")
        return browser

    def import_items(self, texts: Sequence[str]) -> tuple[int, dict[str, float]]:
        """A project with a task for each text; the seconds that it took."""
        project = self._project()
        began = time.perf_counter()
        for first in range(0, len(texts), IMPORT_BATCH):
            batch = [{"text": text} for text in texts[first : first + IMPORT_BATCH]]
            self.owner.must("POST", f"/api/projects/{project}/import", batch)
        return project, {"import": time.perf_counter() - began}

    def _project(self) -> int:
        brief = {"title": "Good or bad", "label_config": CONFIG, "maximum_annotations": 1}
        return int(self.owner.must("POST", "/api/projects/", brief)["id"])

    def annotators(self, project: int, count: int) -> list[Annotator]:
        """Annotators of a project who have each done one label."""
        found = [ProjectAnnotator(browser, project) for browser in self.workers[:count]]
        for one in found:
            one.submit(one.fetch())
        return list(found)

    def fill(self, project: int) -> int:
        """A project of its own with tasks that were imported with an answer each."""
        self._exported = self._project()
        for first in range(0, EXPORTED, 500):
            batch = [
                {"data": {"text": f"text {number}"}, "annotations": [{"result": RESULT}]}
                for number in range(first, first + 500)
            ]
            self.owner.must("POST", f"/api/projects/{self._exported}/import", batch)
        return EXPORTED

    def export(self, project: int) -> tuple[int, int]:
        """Download them."""
        return self.owner.count_lines(f"/api/projects/{self._exported}/export?exportType=JSON")

    def stop(self) -> None:
        """End all processes and remove their data."""
        self.processes.stop()
        shutil.rmtree(DIRECTORY / "postgres", ignore_errors=True)


def _environment() -> Path:
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "ready").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"it could not be installed: {done.stderr[-500:]}")
        (ENVIRONMENT / "ready").touch()
    return python


def _code(python: Path) -> Path:
    found = subprocess.run(
        [
            str(python),
            "-c",
            "import importlib.util as u; print(u.find_spec('label_studio').submodule_search_locations[0])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(found.stdout.strip())


def _start_postgres(processes: Processes) -> int:
    """A cluster of its own on loopback; returns the port."""
    binaries = _postgres()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed")
    data, port = DIRECTORY / "postgres", free_port()
    data.mkdir()
    initdb = [
        str(binaries / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
    ]
    subprocess.run(wrapped(initdb, drop_root=True), check=True, capture_output=True)
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(data), *settings]
    processes.start("postgres", command, {"PATH": os.environ["PATH"]}, drop_root=True, stop=signal.SIGINT)

    def ready() -> bool:
        processes.require_alive()
        asked = [str(binaries / "pg_isready"), "-h", LOOPBACK, "-p", str(port), "-q"]
        return subprocess.run(asked, check=False).returncode == 0

    wait_until(ready, timeout_s=60, what="PostgreSQL does not answer")
    return port
