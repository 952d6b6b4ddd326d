"""``python -m pyterrier_hybrid``: the command line."""
import sys

from pyterrier_hybrid.cli import main

sys.exit(main())
