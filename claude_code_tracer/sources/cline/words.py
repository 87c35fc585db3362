"""What each `say` and `ask` of `ui_messages.json` is; the vocabulary of both tools."""

from __future__ import annotations

__all__ = ["API_ERRORS", "HOUSEKEEPING", "INJECTED", "NOTICES"]

HOUSEKEEPING = frozenset(
    (
        "api_req_deleted",
        "api_req_rate_limited",
        "api_req_retried",
        "browser_session_status",
        "checkpoint_created",
        "checkpoint_saved",
        "conditional_rules_applied",
        "deleted_api_reqs",
        "generate_explanation",
        "hook_output_stream",
        "hook_status",
        "load_mcp_documentation",
        "mcp_server_request_started",
        "resume_completed_task",
        "resume_task",
        "task_progress",
    )
)
"""Says nothing about the conversation, or what another record says already."""

NOTICES = frozenset(
    (
        "api_req_failed",
        "api_req_retry_delayed",
        "auto_approval_max_req_reached",
        "clineignore_error",
        "command_permission_denied",
        "condense_context_error",
        "diff_error",
        "error",
        "error_retry",
        "info",
        "mcp_notification",
        "mistake_limit_reached",
        "report_bug",
        "rooignore_error",
        "shell_integration_warning",
        "shell_integration_warning_with_suggestion",
        "sliding_window_truncation",
        "too_many_tools_warning",
    )
)
API_ERRORS = frozenset(("api_req_failed", "api_req_retry_delayed", "error_retry"))

INJECTED = frozenset(
    ("codebase_search_result", "subtask_result", "user_edit_todos", "user_feedback_diff")
)
"""Put into the conversation by the tool, sometimes for what a person did in the editor."""
