"""Tests of the public interface of handlers."""
