"""What each tool's files look like. Pure: bytes in, model out; no I/O, no clock, no masking."""
