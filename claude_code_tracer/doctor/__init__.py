"""Look at everything the tracer depends on and say what is wrong and what to do."""

from claude_code_tracer.doctor.examine import examine
from claude_code_tracer.doctor.finding import Finding
from claude_code_tracer.doctor.server import UnknownRecords, unknown_findings

__all__ = ["Finding", "UnknownRecords", "examine", "unknown_findings"]
