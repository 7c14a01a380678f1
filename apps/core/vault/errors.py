"""Why a stored file does not open, each case told apart from the others."""

from __future__ import annotations

from apps.core.errors import Conflict, DependencyFailed


class VaultLocked(DependencyFailed):
    """The master key is missing, malformed, or not the one that the keys were wrapped by; nothing is lost by it."""

    def __init__(self, why: str) -> None:
        message = "Stored files cannot be opened now: the platform's master key is missing or wrong. Nothing is lost."
        super().__init__("vault_locked", message)
        self.why = why

    def __str__(self) -> str:
        """For the log: the reader of a page need not know which of these it is."""
        return f"{self.message} ({self.why})"


class Altered(Conflict):
    """The stored bytes, or their key, are not what was put there."""

    def __init__(self) -> None:
        message = "The stored file was altered and cannot be opened. Remove it and upload it again."
        super().__init__("file_altered", message)


class Shredded(FileNotFoundError):
    """The object's key was destroyed: nobody can read its bytes any more."""
