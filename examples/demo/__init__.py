"""The demo workspace: a team with an open order, a trained model and an agent on sale, made through the public API."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The checkout's own SDK, so that the demo needs no installation of it.
sys.path.insert(0, str(ROOT / "sdk"))
