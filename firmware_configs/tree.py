"""Trees of files: rendered in memory, written to a folder."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from contracts.errors import ConfigurationError
from firmware_configs.broker.files import write_file, writing

SUMS = "SHA256SUMS"
"""What `sha256sum --check` reads."""
SECRET = 0o600
PROGRAM = 0o755


class File(NamedTuple):
    """A file that is to be written."""

    content: bytes
    mode: int = 0o644

    @classmethod
    def of(cls, text: str, mode: int = 0o644) -> "File":
        """Make one of text."""
        return cls(text.encode(), mode)


Tree = dict[str, File]
"""Files by their path, relative and with slashes."""


def sums(tree: Mapping[str, File]) -> File:
    """Give the checksums of all files, in the format of `sha256sum`."""
    return File.of(
        "".join(
            f"{hashlib.sha256(file.content).hexdigest()}  {path}\n" for path, file in sorted(tree.items())
        )
    )


def read_wheels(folder: Path) -> Tree:
    """Read what `make wheels` has put together: packages for a node, their lock file and their checksums.

    Raises:
        ConfigurationError: the folder is not there, is no such folder, or is damaged.

    """
    hint = "Make it anew with: make wheels (for nodes with cameras: make wheels CAMERAS=1)"
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        tree = {
            name: File((folder / name).read_bytes()) for _, name in (line.split("  ", 1) for line in lines)
        }
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{folder}: is no folder of packages for a node: {error}", hint) from error
    if sums(tree).content.decode().splitlines() != sorted(lines, key=lambda line: line.split("  ", 1)[1]):
        raise ConfigurationError(f"{folder}: is damaged: a file differs from its checksum", hint)
    return tree | {SUMS: File((folder / SUMS).read_bytes())}


def reads_plates(packages: Tree) -> bool:
    """Tell whether packages are those for nodes with cameras."""
    return any(name.startswith("onnxruntime-") for name in packages)


def write_tree(folder: Path, tree: Mapping[str, File], *, replace: bool = False) -> list[str]:
    """Write a tree into a folder, what is the same is left alone; gives the paths that were written.

    With `replace` files in the folder that are not in the tree are removed.

    Raises:
        ConfigurationError: it cannot be written.

    """
    written = []
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(file.mode == SECRET for file in tree.values()):
            folder.chmod(0o700)
        if replace:
            if any(folder.iterdir()) and not (folder / SUMS).exists():
                raise ConfigurationError(
                    f"{folder}: holds other files, which would be removed",
                    "Name a new folder, or an empty one.",
                )
            _remove_others(folder, tree)
        for path, file in sorted(tree.items()):
            target = folder / path
            if target.is_file() and target.read_bytes() == file.content:
                target.chmod(file.mode)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, file.content, mode=file.mode)
            target.chmod(file.mode)  # write_file's mode is less what the umask takes
            written.append(path)
    return written


def _remove_others(folder: Path, tree: Mapping[str, File]) -> None:
    keep = {part for path in tree for part in (Path(path), *Path(path).parents)}
    for old in sorted(folder.rglob("*"), reverse=True):
        if old.relative_to(folder) in keep:
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
