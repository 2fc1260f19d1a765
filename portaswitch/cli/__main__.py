"""`python -m portaswitch.cli`, the same as `portaswitch`."""

from __future__ import annotations

import sys

from portaswitch.cli import main

sys.exit(main())
