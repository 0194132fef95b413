"""Bytes → Frame: lines, counted records, datagrams, captures. Knows no protocol by name."""
