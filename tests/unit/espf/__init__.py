"""Tests of the ESPF's engine without a database."""
