"""Provisioning: events of the database become work for the handlers of outside systems (DESIGN.md 5)."""
