"""Run the command line as ``python -m qmri``."""

import sys

from qmri.cli import main

sys.exit(main())
