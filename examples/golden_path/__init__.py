"""The whole story of the platform, driven through its public API: order, label, train, build, sell, pay out."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The checkout's own SDK, so that the path needs no installation of it.
sys.path.insert(0, str(ROOT / "sdk"))
