"""Members of a mall that is only drawn: what is known of them, made up from a fixed seed."""

from typing import Any

import numpy as np

from tests.dashboards.fake_crowd import DAY_MS, HOUR_MS, MINUTE_MS
from tests.dashboards.fake_mall import ZONES

Row = dict[str, Any]

CONFLICTED, OTHER = "M-10407", "M-10561"
"""Two members who claim one plate."""
_SHOPS = [(floor, zone["id"]) for floor, zone in ZONES if zone["kind"] == "shop"]
_TIERS = ("gold", "silver", "basic")
_CLUSTERS = ("daily-shopper", "weekend-family", "bargain-hunter", "brand-loyal")
_PURPOSES = ("position", "parking", "marketing")
_MEMBERS = 84
_HERE = 31


class FakeCrm:
    """Members with consents, journeys and tags; what is withdrawn or erased is gone."""

    def __init__(self, now_ms: int) -> None:
        """Make members up as of a moment."""
        self._random = np.random.default_rng(29)
        self._entry = 0
        self.opened_ms = now_ms
        self.members = {row["reference"]: row for row in (self._member(i) for i in range(_MEMBERS))}
        self.entries = sorted(
            (entry for row in self.members.values() for entry in row["consent_entries"]),
            key=lambda entry: entry["t_ms"],
        )
        for number, entry in enumerate(self.entries, start=1):
            entry["entry"] = number
        self.conflicts = [
            _conflict(1, "plate", CONFLICTED, OTHER),
            _conflict(3, "wifi", "M-10814", "M-11221"),
        ]
        self.merges: list[Row] = []
        self.webhooks = {row["subscriber"]: row for row in _webhooks(now_ms)}
        self.audiences: list[Row] = _audiences()
        self.fitted_ms = now_ms - 31 * HOUR_MS

    def _member(self, index: int) -> Row:
        random = self._random
        reference = f"M-{10_000 + 407 * index // 2 + (407 if index == 0 else 154)}"
        if index < 2:
            reference = (CONFLICTED, OTHER)[index]
        consents = {
            name: bool(random.random() < share)
            for name, share in zip(_PURPOSES, (0.94, 0.6, 0.7), strict=True)
        }
        consents["position"] = consents["position"] or index < _HERE
        marketing, parking = consents["marketing"] or index == 0, consents["parking"] or index == 0
        consents.update(marketing=marketing, parking=parking)
        since = self.opened_ms - int(random.uniform(20, 300)) * DAY_MS
        return {
            "reference": reference,
            "consents": consents,
            "identifiers": {
                "member": 1,
                **({"wifi": int(random.integers(1, 3))} if consents["position"] else {}),
                **({"plate": 1} if parking else {}),
            },
            "last_seen_ms": self.opened_ms
            - (0 if index < _HERE else int(random.uniform(0.5, 40) * DAY_MS)),
            "visits": int(random.gamma(2.0, 6.0)) + 1,
            "tier": str(random.choice(_TIERS, p=(0.18, 0.34, 0.48))) if marketing else None,
            "segments": [str(random.choice(_CLUSTERS))] if marketing else [],
            "tags": ["coffee"] if marketing and random.random() < 0.2 else [],
            "consent_entries": [
                {
                    "entry": 0, "reference": reference, "purpose": purpose, "given": True,
                    "t_ms": since + int(random.integers(HOUR_MS)), "text": "2026-03",
                    "channel": str(random.choice(("app", "desk", "web"))),
                }
                for purpose in _PURPOSES if consents[purpose]
            ],
        }  # fmt: skip

    def here(self, t_ms: int) -> Row:
        """Return who is here: about a third of the members; some are only known by their car."""
        random = np.random.default_rng(31)
        rows = []
        for index, row in enumerate(list(self.members.values())[:_HERE]):
            floor, zone = _SHOPS[random.integers(len(_SHOPS))]
            draw, since = random.random(), int(random.uniform(2, 190))
            parked = bool(row["consents"]["parking"] and random.random() < 0.6)
            placed = draw > 0.2
            rows.append(
                {
                    "reference": row["reference"],
                    "since_ms": self.opened_ms - since * MINUTE_MS,
                    "zone": zone if placed else None,
                    "floor": floor if placed else None,
                    "confidence": round(0.6 + 0.39 * float(random.random()) ** 0.4, 3),
                    "evidence": ["wifi", "plate"] if parked and index % 3 else ["wifi"],
                    "tier": row["tier"],
                    "segments": row["segments"],
                    "parked": parked,
                }
            )
        return {"t_ms": t_ms, "members": rows, "conflicts": [[CONFLICTED, OTHER]]}

    def shown(self, reference: str) -> Row:
        """Return a member with the ledger's entries and the conflicts. Raises `KeyError`."""
        mine = [entry for entry in self.entries if entry["reference"] == reference]
        conflicts = [one for one in self.conflicts if reference in claimants(one)]
        return {**self.members[reference], "consent_entries": mine, "conflicts": conflicts}

    def say(self, asked: Row, now_ms: int) -> Row:
        """Add an entry to the ledger; a new reference is a new member."""
        blank = {
            "reference": asked["reference"], "consents": dict.fromkeys(_PURPOSES, False), "identifiers": {},
            "last_seen_ms": None, "visits": 0, "tier": None, "segments": [], "tags": [],
        }  # fmt: skip
        row = self.members.setdefault(asked["reference"], blank)
        row["consents"][asked["purpose"]] = asked["given"]
        if asked["purpose"] == "marketing" and not asked["given"]:
            row.update(tier=None, segments=[], tags=[])
        entry = {**asked, "entry": len(self.entries) + 1, "t_ms": now_ms}
        self.entries.append(entry)
        return {**entry, "new": True, "deleted": {}}

    def erase(self, reference: str) -> Row:
        """Forget a member. Raises `KeyError`."""
        del self.members[reference]
        return {"deleted": {"crm_persons": 1, "crm_visits": 12}}

    def journey(self, reference: str) -> Row:
        """Return visits of a member: today's goes on, with the car outside."""
        row = self.members[reference]
        random = np.random.default_rng(int(reference[2:]))
        starts = [self.opened_ms - 108 * MINUTE_MS]
        starts += [self.opened_ms - days * DAY_MS - 3 * HOUR_MS for days in (4, 6, 13)]
        visits = [
            _visit(random, start, self.opened_ms if i == 0 else None, parking=row["consents"]["parking"])
            for i, start in enumerate(starts)
        ]
        return {"visits": visits if row["consents"]["position"] else []}


def _visit(random: np.random.Generator, start: int, now_ms: int | None, *, parking: bool) -> Row:
    steps: list[Row] = []
    purchases: list[Row] = []
    t_ms = start + 2 * MINUTE_MS
    for _ in range(int(random.integers(3, 7))):
        floor, zone = _SHOPS[random.integers(len(_SHOPS))]
        dwell = float(random.gamma(2.2, 520.0)) + 60
        end = t_ms + int(dwell * 1000)
        if now_ms is not None and end > now_ms:
            break
        sure = round(float(random.uniform(0.62, 1.0)), 2)
        steps.append(
            {
                "zone": zone,
                "floor": floor,
                "started_ms": t_ms,
                "ended_ms": end,
                "dwell_s": dwell,
                "confidence": sure,
            }
        )
        if random.random() < 0.45:
            amount = int(random.gamma(1.6, 14_000))
            purchases.append({"t_ms": end - MINUTE_MS, "zone": zone, "amount": amount, "items": 2})
        t_ms = end + int(random.uniform(1, 7) * MINUTE_MS)
    if now_ms is not None and steps:
        steps[-1].update(ended_ms=None, dwell_s=(now_ms - steps[-1]["started_ms"]) / 1000)
    ended = None if now_ms is not None else t_ms
    stay = {"entered_ms": start - 6 * MINUTE_MS, "left_ms": ended and ended + 5 * MINUTE_MS}
    return {
        "started_ms": start,
        "ended_ms": ended,
        "steps": steps,
        "stay": stay if parking else None,
        "purchases": purchases,
    }


def claimants(conflict: Row) -> list[str]:
    """Return who may have the identifier."""
    return [member["reference"] for member in conflict["members"]]


def _conflict(claim: int, kind: str, *references: str) -> Row:
    return {
        "kind": kind,
        "digest": f"{claim:032x}",
        "members": [
            {"reference": each, "probability": share, "evidence": [evidence]}
            for each, share, evidence in zip(references, (0.53, 0.46), ("form", "import"), strict=True)
        ],
        "claims": [
            {"claim": claim + i, "reference": each, "evidence": "form"} for i, each in enumerate(references)
        ],
    }


def _webhooks(now_ms: int) -> list[Row]:
    well = {"last_error": None, "next_try_ms": None, "waiting": 0, "dead": 0, "last_ok_ms": now_ms - 4_000}
    everything: Row = {"private": False, "zones": None, "kinds": None, "segments": None}
    return [
        {"subscriber": "crm", "url": "https://crm.example.com/mall", **everything, "state": "ok", **well},
        {
            "subscriber": "campaigns", "url": "https://campaigns.example.com/in", "private": False,
            "zones": ["f1-05", "f1-12"],
            "kinds": ["visit.started"], "segments": ["gold"], "state": "waiting", "waiting": 1_284, "dead": 3,
            "last_ok_ms": now_ms - 5 * HOUR_MS, "last_error": "503 Service Unavailable, 12 times in a row",
            "next_try_ms": None,
        },
        {
            "subscriber": "parking", "url": "https://parking.example.com/events", **everything,
            "kinds": ["car.entered", "car.left"], "state": "paused", **well, "waiting": 41,
        },
    ]  # fmt: skip


def _audiences() -> list[Row]:
    nothing: Row = {"tier": None, "cluster": None, "tags": [], "zones": [], "days": None}
    return [
        {**nothing, "id": "a1", "name": "Gold, toys or books", "tier": "gold",
         "zones": ["f1-11", "f1-02"], "days": 30, "members": 214},
        {**nothing, "id": "a2", "name": "Weekend families", "cluster": "weekend-family", "members": 642},
        {**nothing, "id": "a3", "name": "Coffee in the tailor's", "tags": ["coffee"], "zones": ["f2-18"],
         "days": 7, "members": None},
    ]  # fmt: skip


DEAD: list[Row] = [
    {"seq": i, "kind": "visit.ended", "zone": "f1-05", "t_ms": 1_794_900_000_000 + i * MINUTE_MS,
     "attempts": 31, "reason": "410 Gone", "kept": True} for i in range(3)
]  # fmt: skip
