"""Frozen values that cross the layers. They hold facts and arithmetic on themselves, never I/O, clocks or configuration."""
