"""How to read a growing file; knows no tool."""
