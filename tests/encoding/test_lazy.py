"""What importing the room costs, and what it offers."""
import subprocess
import sys

import pytest

from pyterrier_hybrid import encoding


def test_importing_the_room_loads_no_torch():
    code = 'import sys, pyterrier_hybrid.encoding; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_public_names_resolve():
    assert {'HybridEncoder', 'PRESETS'} <= set(dir(encoding))
    assert all(getattr(encoding, name) is not None for name in encoding.__all__)
    with pytest.raises(AttributeError, match="encoding attribute Encoder"):
        encoding.Encoder  # noqa: B018
