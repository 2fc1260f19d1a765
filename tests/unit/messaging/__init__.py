"""Tests of portaswitch.messaging."""
