"""Completion text to code that parses, with a record of what was repaired."""
