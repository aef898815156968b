"""``python -m littoral`` is the ``littoral`` command."""

import sys

from littoral.cli import main

if __name__ == "__main__":
    sys.exit(main())
