"""What kind of reads are wrong? Provinces and new-energy plates apart, and what was said to be sure.

    mallsense plates FOLDER --out READS.csv
    python -m benchmarks.plates_accuracy FOLDER/labels.csv READS.csv

Counts the most confident read of each picture, as `score_plates.py` does. Where a label is wrong or means
one car of several in the picture, that counts as wrong here, too.
"""

import csv
import sys
from pathlib import Path

SURE = 0.9


def main() -> None:
    """Print the rows of a table."""
    labels, table = (Path(name) for name in sys.argv[1:3])
    best: dict[str, tuple[float, str]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            read = (float(row["confidence"]), row["plate"])
            best[row["file"]] = max(best.get(row["file"], (0.0, "")), read)
    with labels.open(newline="", encoding="utf-8") as file:
        pairs = [(row["plate"], *best.get(row["file"], (0.0, ""))) for row in csv.DictReader(file)]
    green = [pair for pair in pairs if len(pair[0]) == 8]
    sure = [pair for pair in pairs if pair[1] >= SURE]
    for name, right, of in (
        ("exact", sum(read == plate for plate, _, read in pairs), len(pairs)),
        ("province", sum(read[:1] == plate[:1] for plate, _, read in pairs), len(pairs)),
        ("all but the province", sum(read[1:] == plate[1:] for plate, _, read in pairs), len(pairs)),
        ("new-energy plates exact", sum(read == plate for plate, _, read in green), len(green)),
        (f"wrong at {SURE} or more", sum(read != plate for plate, _, read in sure), len(sure)),
    ):
        print(f"| {name} | {right} of {of} | {right / max(of, 1):.1%} |")


if __name__ == "__main__":
    main()
