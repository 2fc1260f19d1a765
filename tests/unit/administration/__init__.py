"""Tests of the administrator's door."""
