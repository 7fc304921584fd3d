"""Print docs/outputs.md."""

import sys

from qmri.outputs.document import outputs_markdown

sys.stdout.write(outputs_markdown())
