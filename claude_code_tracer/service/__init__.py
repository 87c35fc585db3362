"""The tracer as a service of the user's own session: it starts at login and after a crash."""

from claude_code_tracer.service.manager import Manager, ServiceStatus
from claude_code_tracer.service.operations import (
    find_manager,
    install,
    restart,
    running_service,
    uninstall,
)

__all__ = [
    "Manager",
    "ServiceStatus",
    "find_manager",
    "install",
    "restart",
    "running_service",
    "uninstall",
]
