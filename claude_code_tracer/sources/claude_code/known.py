"""Which kinds of records beside the conversation are known, and what becomes of each.

What is in none of these lists is kept as it was written, as a message of kind `unknown`.
"""

from __future__ import annotations

from claude_code_tracer.model import MessageKind

__all__ = [
    "ATTACHMENTS",
    "NOTED",
    "REFUSAL_FACTS",
    "SKIPPED_ATTACHMENTS",
    "SKIPPED_PROGRESS",
    "SKIPPED_SYSTEM",
    "SKIPPED_TYPES",
    "SYSTEM_EVENTS",
    "SYSTEM_FLAGS",
    "TITLES",
]

SKIPPED_TYPES = frozenset(
    {
        "agent-color",
        "agent-name",  # repeats the custom title
        "agent-setting",
        "api-request",
        "api-request-blob",
        "api-request-shape",
        "artifact-autoreact-ledger",  # holds account ids
        "artifact-comment-monitor",
        "atis-latch",
        "attribution-snapshot",
        "bridge-session",  # remote control; holds account ids
        "content-replacement",  # what of a tool's output the model no longer sees
        "dev-mods",
        "ended-by-model",
        "file-history-delta",
        "file-history-snapshot",
        "fork-context-ref",  # the path names the parent already
        "history-suppression",
        "isolation-latch",
        "marble-origami-commit",
        "marble-origami-reset",
        "marble-origami-snapshot",
        "memory-mode",
        "mode",
        "observer-ref",
        "permission-mode",
        "queue-operation",  # what was queued comes as `queued_command`
        "speculation-accept",
        "task-summary",
    }
)
"""Bookkeeping of the tool: nothing that happened in the session."""

SKIPPED_SYSTEM = frozenset(
    {
        "api_metrics",
        "api_retry",
        "background_tasks_changed",
        "bridge_state",
        "commands_changed",
        "file_attachments_missing",
        "file_snapshot",
        "init",
        "instruction_size_warning",
        "memory_recall",
        "notification",
        "peer_message_hold",
        "per_turn_effort_changed",
        "plugin_install",
        "post_turn_summary",
        "session_metadata",
        "session_start",
        "session_state_changed",
        "session_title_changed",
        "status",
        "stop_hook_summary",
        "thinking_tokens",
        "turn_duration",
        "turn_handoff_available",
        "turn_preempted",
        "turn_starting",
        "vcs_state_changed",
        "worker_shutting_down",
    }
)

SKIPPED_PROGRESS = frozenset(
    {
        "bash_progress",
        "hook_progress",
        "mcp_progress",
        "query_update",
        "search_results_received",
        "waiting_for_task",
    }
)

SKIPPED_ATTACHMENTS = frozenset(
    {
        "account_memory_recall",
        "advisor_stripped",
        "advisor_tool",
        "agent_listing_delta",
        "artifact_opening_prefetch",
        "async_hook_response_batch",
        "at_mention_reference",
        "attention_budget",
        "audio_transcript",
        "auto_mode",
        "auto_mode_exit",
        "autocheckpointing",
        "background_task_status",
        "bash_output_audience_note",
        "batching_reminder",
        "batching_reminder_sent",
        "budget_usd",
        "collab_notification",
        "command_permissions",
        "compaction_reminder",
        "companion_intro",
        "context_efficiency",
        "context_sections",
        "coordinator_context",
        "cowork_memory_context",
        "credential_org",
        "critical_system_reminder",
        "date",
        "date_change",
        "deferred_tools_delta",
        "deferred_tools_record",
        "dir_sync_notice",
        "elapsed_time_reminder",
        "environment",
        "fork_briefing",
        "goal_status",
        "hook_deferred_tool",
        "hook_permission_decision",
        "hook_plugin_listing",
        "hook_success",
        "inlined_image_paths",
        "instructions",
        "language",
        "mcp_dropped_tools_delta",
        "mcp_instructions_delta",
        "memory_update",
        "model",
        "output_style",
        "output_style_instructions",
        "output_token_usage",
        "peer_mention",
        "pen_mode_enter",
        "pen_mode_exit",
        "poll_events",
        "prefix_delta",
        "proactivity",
        "prompt_render_point",
        "prompt_snapshot",  # the whole system prompt and every tool's description
        "read_truncation_notice",
        "remote_session_change",
        "repl_mcp_needs_auth",
        "sandbox_instructions",
        "secondary_reminder",
        "secondary_reminder_sent",
        "selected_lines_in_diff",
        "session_context",  # holds the account's e-mail address
        "session_cron_carry",
        "session_settings",
        "silent_turn_reminder",
        "skill_discovery",
        "skill_listing",
        "skill_mention",
        "task_progress",
        "task_reminder",
        "team_context",
        "teammate_shutdown_batch",
        "thinking_drop",
        "thinking_stripped",
        "thread_state",
        "todo",
        "todo_reminder",
        "token_usage",
        "tool_host_result_lines",
        "tool_hosts_correction",
        "tool_hosts_notice",
        "tool_search_usage_reminder",
        "total_tokens_reminder",
        "ultra_effort_enter",
        "ultra_effort_exit",
        "ultramemory",
        "ultrathink_effort",
        "unknown_command_fallback",
        "verify_plan_reminder",
        "withheld_memory",
        "workflow_keyword_request",
        "workflow_size_guideline_change",
    }
)

# What of an attachment is worth a line, and what kind of message that is.
ATTACHMENTS: dict[str, tuple[MessageKind, tuple[str, ...]]] = {
    "agent_mention": ("injected", ("agentType",)),
    "already_read_file": ("injected", ("displayPath", "filename")),
    "async_hook_response": ("injected", ("hookName", "hookEvent")),
    "compact_file_reference": ("injected", ("displayPath", "filename")),
    "diagnostics": ("injected", ("content",)),
    "directory": ("injected", ("displayPath", "path")),
    "dynamic_skill": ("injected", ("displayPath", "skillDir")),
    "edited_image_file": ("injected", ("filename",)),
    "edited_text_file": ("injected", ("filename",)),
    "file": ("injected", ("displayPath", "filename")),
    "hook_additional_context": ("injected", ("content",)),
    "hook_blocking_error": ("notice", ("blockingError", "stderr", "hookName")),
    "hook_cancelled": ("notice", ("hookName",)),
    "hook_error_during_execution": ("notice", ("content", "hookName")),
    "hook_non_blocking_error": ("notice", ("stderr", "stdout", "hookName")),
    "hook_stopped_continuation": ("notice", ("message", "hookName")),
    "hook_system_message": ("injected", ("content",)),
    "invoked_skills": ("injected", ("skills",)),
    "max_turns_reached": ("notice", ()),
    "mcp_resource": ("injected", ("uri", "name")),
    "nested_memory": ("injected", ("displayPath", "path")),
    "opened_file_in_ide": ("injected", ("filename",)),
    "pdf_reference": ("injected", ("displayPath", "filename")),
    "plan_file_reference": ("injected", ("planFilePath",)),
    "plan_mode": ("notice", ("planFilePath",)),
    "plan_mode_exit": ("notice", ("planFilePath",)),
    "plan_mode_reentry": ("notice", ("planFilePath",)),
    "relevant_memories": ("injected", ()),
    "selected_lines_in_ide": ("injected", ("filename",)),
    "structured_output": ("injected", ()),
    "task_status": ("injected", ("description",)),
    "teammate_mailbox": ("injected", ()),
}

SYSTEM_EVENTS: dict[str | None, MessageKind] = {
    None: "injected",
    "agents_killed": "notice",
    "api_error": "notice",
    "api_refusal": "notice",
    "away_summary": "injected",
    "bridge_status": "notice",
    "compact_boundary": "compaction",
    "error": "notice",
    "informational": "notice",
    "local_command": "injected",
    "memory_saved": "notice",
    "microcompact_boundary": "notice",
    "model_consent_fallback": "notice",
    "model_fallback": "notice",
    "model_refusal_fallback": "notice",
    "model_refusal_no_fallback": "notice",
    "permission_denied": "notice",
    "permission_retry": "notice",
    "scheduled_task_fire": "injected",
}

SYSTEM_FLAGS = {
    "api_error": "api_retry",
    "api_refusal": "refusal",
    "error": "api_error",
    "model_refusal_fallback": "refusal",
    "model_refusal_no_fallback": "refusal",
}

REFUSAL_FACTS = ("originalModel", "fallbackModel", "apiRefusalCategory", "trigger")

TITLES = {
    "ai-title": ("generated", "aiTitle"),
    "custom-title": ("custom", "customTitle"),
    "last-prompt": ("last_prompt", "lastPrompt"),
}

# Events written again and again: what says which one it is, its text, and what else is kept of it.
NOTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "frame-link": ("frameUrl", ("title", "path")),
    "pr-link": ("prUrl", ("prNumber", "prRepository")),
    "tag": ("tag", ()),
}
