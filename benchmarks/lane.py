"""Cars through drawn lanes: plates said, wrong ones, doubles; single pictures against votes.

    python -m benchmarks.lane record OUT --passages 500      # draws and reads: minutes to an hour
    python -m benchmarks.lane score OUT                      # follows and votes again, in seconds
    python -m benchmarks.lane learn OUT                      # the exponent and the floor of the votes

`record` keeps what was read in every picture (of drawn plates, which are nobody's), so that following and
voting can be tried again without reading again.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from contracts.plates import Direction, PlateChange
from edge_agent.camera import tracks as tracks_module
from edge_agent.camera.lane_reader import LaneReader
from edge_agent.camera.lanes import LaneView
from edge_agent.camera.passages import Passages
from edge_agent.camera.tracks import Place
from edge_agent.camera.vote import Ballot, Votes
from edge_agent.camera.watcher import Watcher
from edge_agent.sources.protocol import PlateSighting
from simulators.car_park.scoring import PUBLISHED_AT, LaneScore, SaidPlate, TruePlate, score_lane
from simulators.car_park.video import LaneVideo, SeenPassage, camera_of_video
from simulators.car_park.weather import WEATHERS, Weather

CAMERA = camera_of_video()
AT_ONCE = 14
FPS = 7.0
"""Pictures drawn a second: about as many as are read."""


def record(out: Path, passages: int, seed: int) -> None:
    """Draw and read, each weather in turn, `AT_ONCE` passages at a time; a file for each."""
    out.mkdir(parents=True, exist_ok=True)
    reader = LaneReader()
    for number, first in enumerate(range(0, passages, AT_ONCE)):
        weather = WEATHERS[number % len(WEATHERS)]
        path = out / f"{weather.name.replace(' ', '_')}-{number:03}.jsonl"
        _record_one(path, min(AT_ONCE, passages - first), weather, seed + number, reader)


def _record_one(path: Path, passages: int, weather: Weather, seed: int, reader: LaneReader) -> None:
    video = LaneVideo(passages, seed=seed, weather=weather, fps=FPS, mean_gap_s=1.6, start_ms=1_000_000)
    with path.open("w", encoding="utf-8") as file:

        def note(t_ms: int, _image: object, readings: Any) -> None:
            rows = [[r.text, r.confidence, r.alternatives, np.asarray(r.quad).tolist()] for r in readings]
            file.write(json.dumps({"t": t_ms, "read": rows}, ensure_ascii=False) + "\n")

        watcher = Watcher(CAMERA, reader, on_readings=note)
        last_ms = pictures = said = 0
        drawing_s = reading_s = 0.0
        before_s = time.perf_counter()
        for t_ms, image in video:
            drawn_s = time.perf_counter()
            still = watcher.still
            said += sum(one.change is PlateChange.NEW for one in watcher.look(t_ms, image))
            if watcher.still > still:
                file.write(json.dumps({"t": t_ms, "still": True}) + "\n")
            last_ms, pictures = t_ms, pictures + 1
            drawing_s += drawn_s - before_s
            before_s = time.perf_counter()
            reading_s += before_s - drawn_s
        file.write(
            json.dumps({"end": last_ms, "truth": [asdict(one) for one in video.truth.values()]}) + "\n"
        )
    print(
        f"{weather.name:13} {passages} passages, {pictures} pictures, {watcher.read} read,"
        f" {watcher.still} still; drawing {drawing_s:.0f} s, reading {reading_s:.0f} s",
        flush=True,
    )


Lines = list[dict[str, Any]]
Cast = list[tuple[Ballot, float]]
"""Ballots with the width of the plate in pixels."""


def load(out: Path) -> dict[str, Lines]:
    """Read what `record` has kept, by weather."""
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(out.glob("*.jsonl"))
    }


def _readings(line: dict[str, Any]) -> list[Any]:
    return [
        SimpleNamespace(text=text, confidence=confidence, alternatives=others, quad=np.array(quad))
        for text, confidence, others, quad in line["read"]
    ]


def follow(lines: Lines) -> tuple[list[SaidPlate], list[TruePlate]]:
    """Follow and vote over what was read."""
    lanes = [LaneView(lane, 1280, 720) for lane in CAMERA.lanes]
    ids = iter(range(10**9))
    follower = Passages(CAMERA.id, lanes, lambda: f"{next(ids):016x}")
    said: dict[str, list[PlateSighting]] = {}
    for line in lines[:-1]:
        told = (
            follower.still(line["t"]) if "still" in line else follower.look(line["t"], _readings(line), lanes)
        )
        for one in told:
            said.setdefault(one.track, []).append(one)
    for one in follower.end_all(lines[-1]["end"]):
        said.setdefault(one.track, []).append(one)
    plates = [
        SaidPlate(t[-1].candidates[0][0], t[-1].candidates[0][1], t[-1].direction, t[0].t_ms, t[-1].t_ms)
        for t in said.values()
    ]
    return plates, [_true(SeenPassage(**one)) for one in lines[-1]["truth"]]


def _true(seen: SeenPassage) -> TruePlate:
    return TruePlate(seen.plate, Direction(seen.direction), seen.seen_ms, seen.gone_ms)


def votes_of(lines: Lines) -> Iterator[tuple[str, Cast]]:
    """Give each true passage with the ballots of its plate and their widths: those in its lane and time."""
    for seen in (SeenPassage(**one) for one in lines[-1]["truth"]):
        ballots = []
        for line in lines[:-1]:
            if "still" in line or not seen.seen_ms <= line["t"] <= seen.gone_ms:
                continue
            for reading in _readings(line):
                place = Place.of(reading)
                left = place.x < 640
                near = tracks_module.differing(reading.text, seen.plate) <= 3
                if left == (seen.lane == "entry") and near:
                    ballots.append(
                        (Ballot.of(reading.text, reading.confidence, reading.alternatives), place.width)
                    )
        yield seen.plate, ballots


def score(out: Path) -> None:
    """Print the tables."""
    print("| weather | passages | said | right | published | wrong | doubles | ghosts | direction wrong |")
    print("|---|---|---|---|---|---|---|---|---|")
    total: LaneScore | None = None
    everything = load(out)
    by_weather: dict[str, LaneScore] = {}
    for name, lines in everything.items():
        said, truth = follow(lines)
        found = score_lane(truth, said)
        weather = name.rpartition("-")[0]
        by_weather[weather] = by_weather[weather] + found if weather in by_weather else found
        total = found if total is None else total + found
    for weather, found in by_weather.items():
        _row(weather, found)
    if total is not None:
        _row("all", total)
        print(f"published {total.published_share:.1%}, of these wrong {total.wrong_share:.2%}")
    _single(everything)


def _row(name: str, one: LaneScore) -> None:
    counts = (one.passages, one.said, one.right, one.published, one.wrong, one.doubles, one.ghosts)
    print("|", " | ".join(map(str, (name.replace("_", " "), *counts, one.wrong_direction))), "|")


def _single(everything: dict[str, Lines]) -> None:
    """Print how single pictures do, of the passages whose plate was found at all."""
    passages = [one for lines in everything.values() for one in votes_of(lines) if one[1]]
    rng = np.random.default_rng(1)
    picks: dict[str, Callable[[Cast], tuple[Ballot, float]]] = {
        "a picture at random": lambda b: b[rng.integers(len(b))],
        "the first picture": lambda b: b[0],
        "the widest plate": lambda b: max(b, key=lambda one: one[1]),
        "the surest picture": lambda b: max(b, key=lambda one: max(one[0].named.values())),
    }
    print("| one picture alone | right | at .9 or more | of these wrong |")
    print("|---|---|---|---|")
    for name, pick in picks.items():
        chosen = [(plate, max(pick(b)[0].named.items(), key=lambda one: one[1])) for plate, b in passages]
        sure = [one for one in chosen if one[1][1] >= PUBLISHED_AT]
        right = sum(plate == text for plate, (text, _) in chosen)
        wrong = sum(plate != text for plate, (text, _) in sure)
        shares = (
            f"{right / len(chosen):.1%} | {len(sure) / len(chosen):.1%} | {wrong / max(len(sure), 1):.2%}"
        )
        print(f"| {name} | {shares} |")


def learn(out: Path) -> None:
    """Print the log loss of each exponent, floor, width and its power."""
    passages = [one for lines in load(out).values() for one in votes_of(lines) if one[1]]
    rows = []
    for temper in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0):
        for common in (0.0005, 0.001, 0.002, 0.004):
            for sharp, power in ((110.0, 2), (150.0, 2), (150.0, 4), (150.0, 6), (150.0, 8)):
                loss, wrong = 0.0, 0
                for plate, ballots in passages:
                    votes = Votes(temper=temper, common=common)
                    for ballot, width in ballots:
                        votes.add(ballot, min((width / sharp) ** power, 1.0))
                    result = dict(votes.result())
                    loss -= log(max(result.get(plate, 0.0), 1e-4))
                    top = next(iter(result))
                    wrong += top != plate and result[top] >= PUBLISHED_AT
                rows.append((loss / len(passages), temper, common, sharp, power, wrong))
    for row in sorted(rows)[:25]:
        loss, temper, common, sharp, power, wrong = row
        print(
            f"log loss {loss:.4f}  temper {temper}  common {common}  sharp {sharp} px ** {power}"
            f"  wrong at .9: {wrong}"
        )


def main() -> None:
    """Do one of the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["record", "score", "learn"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--passages", type=int, default=500)
    parser.add_argument("--seed", type=int, default=100)
    given = parser.parse_args()
    if given.what == "record":
        record(given.out, given.passages, given.seed)
    else:
        {"score": score, "learn": learn}[given.what](given.out)


if __name__ == "__main__":
    main()
