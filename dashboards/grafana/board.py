"""A dashboard: its panels in rows, the variables, promotions as annotations, and links to the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardDashboardTime,
    DashboardLink,
    DashboardLinkType,
    Panel,
    TimeOption,
    TimePickerConfig,
    VariableModel,
)

from contracts.site import Floor, Site
from dashboards.grafana.panels import Panels
from dashboards.grafana.sources import Source
from dashboards.grafana.words import Language, Text

COLUMNS = 24
SCHEMA_VERSION = 41
"""That of Grafana 11.6, the oldest that these dashboards are for: newer ones bring it up to date
themselves."""
MALL, CAR_PARK = "mall", "car-park"
"""What the figures call the whole mall, as a zone, and the whole car park, as an area."""

_QUICK: tuple[tuple[Text, str, str], ...] = (
    (Text("Last 15 minutes", "最近15分钟"), "now-15m", "now"),
    (Text("Last hour", "最近1小时"), "now-1h", "now"),
    (Text("Today so far", "今天"), "now/d", "now"),
    (Text("Yesterday", "昨天"), "now-1d/d", "now-1d/d"),
    (Text("Last 24 hours", "最近24小时"), "now-24h", "now"),
    (Text("This week so far", "本周"), "now/w", "now"),
    (Text("Last 7 days", "最近7天"), "now-7d", "now"),
    (Text("Last 28 days", "最近28天"), "now-28d", "now"),
    (Text("Last 12 months", "最近12个月"), "now-1y", "now"),
)


@dataclass(frozen=True)
class Mall:
    """What the dashboards of a mall are made from."""

    site: Site
    source: Source
    language: Language
    gateway: str
    """The gateway's address as browsers reach it, for floor plans."""

    @property
    def id(self) -> str:
        """The mall's, as in every figure."""
        return self.site.mall.id

    @property
    def k(self) -> int:
        """Figures about fewer people are not shown."""
        return self.site.privacy.k

    @property
    def name(self) -> Text:
        """The mall's."""
        return Text(self.site.mall.name.en, self.site.mall.name.zh)

    @property
    def panels(self) -> Panels:
        """Makes this mall's panels."""
        return Panels(self.source, self.language)

    @cached_property
    def floors(self) -> dict[str, Text]:
        """What floors are called, the lowest first."""
        floors = sorted(self.site.floors, key=_level)
        return {floor.id: Text(floor.name.en, floor.name.zh) for floor in floors}

    @cached_property
    def zones(self) -> dict[str, Text]:
        """What zones are called; where two have one name, with their floor."""
        named = [(zone.id, Text(zone.name.en, zone.name.zh), floor.id) for floor, zone in self.site.zones()]
        names = [text for _, text, _ in named]
        return {
            zone: Text(f"{text.en} ({floor})", f"{text.zh}（{floor}）") if names.count(text) > 1 else text
            for zone, text, floor in named
        }

    @cached_property
    def floor_zones(self) -> dict[str, Text]:
        """What the figures of whole floors are called."""
        return {f"floor:{floor}": text for floor, text in self.floors.items()}

    @cached_property
    def areas(self) -> dict[str, Text]:
        """What the areas of the car park are called."""
        park = self.site.car_park
        return {area.id: Text(area.name.en, area.name.zh) for area in park.areas} if park else {}

    def uid(self, board: str) -> str:
        """The id of one of its dashboards: at most 40 characters, as Grafana demands."""
        return f"ms-{self.id[:22]}-{board}-{self.language}"


def _level(floor: Floor) -> int:
    return floor.level


def dashboard(
    mall: Mall,
    name: str,
    title: Text,
    about: Text,
    panels: Sequence[Panel],
    *,
    variables: Iterable[VariableModel] = (),
    annotations: Iterable[AnnotationQuery] = (),
    since: str,
    refresh: str,
) -> Dashboard:
    """Put a dashboard together."""
    place(panels)
    t = mall.language
    return Dashboard(
        uid=mall.uid(name),
        title=f"{mall.name(t)} · {title(t)}",
        description=about(t),
        tags=["mallsense", t, mall.id],
        timezone=mall.site.mall.timezone,
        week_start="monday",
        editable=True,
        graph_tooltip=DashboardCursorSync.CROSSHAIR,
        time=DashboardDashboardTime(since, "now"),
        timepicker=TimePickerConfig(
            refresh_intervals=["10s", "30s", "1m", "5m", "15m", "1h"],
            quick_ranges=[TimeOption(text(t), start, end) for text, start, end in _QUICK],
        ),
        refresh=refresh,
        schema_version=SCHEMA_VERSION,
        panels=list(panels),
        templating=DashboardDashboardTemplating(list(variables)),
        annotations=AnnotationContainer(list(annotations)),
        links=[_others(mall)],
    )


def _others(mall: Mall) -> DashboardLink:
    title = Text("Other views", "其他看板")(mall.language)
    return DashboardLink(
        title=title,
        type_val=DashboardLinkType.DASHBOARDS,
        icon="external link",
        tooltip=title,
        tags=["mallsense", mall.language, mall.id],
        as_dropdown=True,
        include_vars=True,
        keep_time=False,
    )


def link(mall: Mall, board: str, title: Text, *, keep_time: bool = True) -> DashboardLink:
    """A link of a panel to another dashboard of the mall."""
    return DashboardLink(
        title=title(mall.language),
        type_val=DashboardLinkType.LINK,
        icon="dashboard",
        tooltip=title(mall.language),
        url=f"/d/{mall.uid(board)}",
        tags=[],
        include_vars=True,
        keep_time=keep_time,
    )


def place(panels: Sequence[Panel]) -> None:
    """Number the panels and lay them out from left to right in rows, as wide and high as they say."""
    x = y = row = 0
    for number, panel in enumerate(panels, start=1):
        panel.id_val = number
        grid = panel.grid_pos
        assert grid is not None, "every panel says how large it is"  # noqa: S101  # a fault of ours
        if x + grid.w > COLUMNS:
            x, y, row = 0, y + row, 0
        grid.x, grid.y = x, y
        x, row = x + grid.w, max(row, grid.h)


_EXTRA: dict[type, tuple[str, ...]] = {
    VariableModel: ("auto", "auto_min", "auto_count"),  # of variables of another type
    DashboardLink: ("placement",),  # would move it into a menu
    AnnotationQuery: ("placement",),
}
"""What the SDK writes, whether wanted or not, and Grafana's schema does not know, or understands
otherwise."""


def plain(part: Any) -> Any:
    """Turn models of the SDK into what JSON holds."""
    if hasattr(part, "to_json"):
        extra = _EXTRA.get(type(part), ())
        return plain({key: value for key, value in part.to_json().items() if key not in extra})
    if isinstance(part, Mapping):
        return {key: plain(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [plain(value) for value in part]
    return part
