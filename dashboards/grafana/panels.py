"""Panels: what all have in common, and one method for each kind.

Made of the SDK's models, not of its builders, which have no common type: one function puts the common part
on all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from grafana_foundation_sdk.models import barchart, common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models.dashboard import (
    DashboardFieldConfigSourceOverrides,
    DashboardLink,
    DataTransformerConfig,
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    FieldConfigSource,
    GridPos,
    Panel,
    ValueMapping,
)

from dashboards.grafana.asking import Query
from dashboards.grafana.fields import (
    BLUE,
    Properties,
    Steps,
    by_threshold,
    figure,
    in_order,
    largest,
    mapping,
    override,
    thresholds,
    without,
)
from dashboards.grafana.sources import Source
from dashboards.grafana.words import FIGURES, NO_DATA, Language, Text

_NO_LEGEND = common.VizLegendOptions(
    common.LegendDisplayMode.LIST, common.LegendPlacement.BOTTOM, show_legend=False, calcs=[]
)
_LEGEND = common.VizLegendOptions(
    common.LegendDisplayMode.LIST, common.LegendPlacement.BOTTOM, show_legend=True, calcs=[]
)
_ONE = common.VizTooltipOptions(common.TooltipDisplayMode.SINGLE, common.SortOrder.NONE)
_ALL = common.VizTooltipOptions(common.TooltipDisplayMode.MULTI, common.SortOrder.DESCENDING)


@dataclass(frozen=True, slots=True)
class Look:
    """What is said around the figures, and how large the panel is (the dashboard has 24 columns)."""

    title: Text
    about: Text
    """What the figures mean; shown when pointing at the panel's title."""
    width: int = 24
    height: int = 8
    empty: Text = NO_DATA
    """What stands where there is no figure."""
    steps: Steps = BLUE
    names: Mapping[str, Text] = field(default_factory=dict)
    """What ids are called: of zones, floors, areas."""
    mappings: tuple[ValueMapping, ...] = ()
    more: Mapping[str, Properties] = field(default_factory=dict)
    """Properties of single fields."""
    computed: tuple[str, ...] = ()
    """Fields that are added to those of the query."""
    over: str | None = None
    """The time it shows, up to now, whatever the dashboard's is: `5m`."""
    shifted: str | None = None
    """How far back it shows the dashboard's time: `1w`."""
    links: tuple[DashboardLink, ...] = ()


class Panels:
    """Makes panels over one data source, in one language."""

    def __init__(self, source: Source, language: Language) -> None:
        self.source = source
        self.language = language

    def number(self, look: Look, query: Query, *, calc: str = "lastNotNull", filled: bool = False) -> Panel:
        """One or few large numbers; of rows, all values of a field make one (`calc`)."""
        options = _stat(filled=filled, values=False, calc=calc, named=len(query.values) > 1)
        return self._panel("stat", look, options, query, defaults={"color": by_threshold()})

    def number_each(self, look: Look, query: Query) -> Panel:
        """A large number for each row of a table."""
        options = _stat(filled=True, values=True, calc="lastNotNull", named=True)
        return self._panel("stat", look, options, query, defaults={"color": by_threshold()})

    def lines(
        self,
        look: Look,
        query: Query,
        *,
        bars: bool = False,
        stacked: bool = False,
        band: tuple[str, str] | None = None,
    ) -> Panel:
        """Figures over time; `band` names the two between which the interval is filled."""
        custom = common.GraphFieldConfig(
            draw_style=common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE,
            line_width=1 if bars else 2,
            fill_opacity=70 if bars else 30 if stacked else 0,
            show_points=common.VisibilityMode.AUTO,
            span_nulls=False,
            axis_soft_min=0,
            stacking=common.StackingConfig(common.StackingMode.NORMAL, "A") if stacked else None,
        )
        more = {**look.more}
        if band:
            low, high = band
            edge = {"custom.drawStyle": "line", "custom.lineWidth": 0, "custom.showPoints": "never"}
            edge["color"] = {"mode": "fixed", "fixedColor": "super-light-blue"}
            filled = {"custom.fillOpacity": 30, "custom.fillBelowTo": FIGURES[low].name(self.language)}
            more |= {low: {**edge, "custom.fillOpacity": 0}, high: {**edge, **filled}}
        options = timeseries.Options(legend=_LEGEND, tooltip=_ALL)
        defaults = {"custom": custom, "color": FieldColor(FieldColorModeId.PALETTE_CLASSIC)}
        return self._panel("timeseries", replace(look, more=more), options, query, defaults=defaults)

    def bars(self, look: Look, query: Query, *, rows: int = 10) -> Panel:
        """The groups with the largest figures as horizontal bars, the largest on top."""
        options = barchart.Options(
            orientation=common.VizOrientation.HORIZONTAL,
            show_value=common.VisibilityMode.ALWAYS,
            x_tick_label_max_length=24,
            legend=_NO_LEGEND,
            tooltip=_ONE,
        )
        defaults = {"color": FieldColor(FieldColorModeId.FIXED, "blue"), "custom": barchart.FieldConfig()}
        order = largest(query.names[0], rows)
        return self._panel("barchart", look, options, query, defaults=defaults, changes=order)

    def table(
        self, look: Look, query: Query, *, sort: str = "", changes: Iterable[DataTransformerConfig] = ()
    ) -> Panel:
        """A table, sorted by a field that is called `sort`, largest first."""
        called = FIGURES[sort].name(self.language) if sort else ""
        options = table.Options(
            sort_by=[common.TableSortByFieldState(called, desc=True)] if sort else [],
            cell_height=common.TableCellHeight.SM,
        ).to_json()
        del options["footer"]  # the SDK writes what Grafana 12 has no longer
        defaults = {"custom": common.TableFieldOptions(), "color": by_threshold()}
        # InfluxDB's tags come in no order.
        ordered = [*changes, in_order((*query.by, *query.names, *look.computed))]
        return self._panel("table", look, options, query, defaults=defaults, changes=ordered)

    def states(self, look: Look, query: Query) -> Panel:
        """What state each group was in, over time."""
        options = statetimeline.Options(
            show_value=common.VisibilityMode.NEVER, row_height=0.8, legend=_NO_LEGEND, tooltip=_ONE
        )
        defaults = {"color": by_threshold(), "custom": statetimeline.FieldConfig()}
        return self._panel("state-timeline", look, options, query, defaults=defaults)

    def _panel(
        self,
        kind: str,
        look: Look,
        options: object,
        query: Query,
        *,
        defaults: Mapping[str, Any],
        changes: Iterable[DataTransformerConfig] = (),
    ) -> Panel:
        config = FieldConfig(
            no_value=look.empty(self.language),
            thresholds=thresholds(look.steps),
            mappings=[*look.mappings, *([mapping(look.names, self.language)] if look.names else [])],
            **defaults,
        )
        return Panel(
            type_val=kind,
            title=look.title(self.language),
            description=look.about(self.language),
            datasource=self.source.ref,
            targets=[self.source.target(query)],
            transformations=[*self.source.transformations(query), *_timeless(query), *changes] or None,
            options=options,
            field_config=FieldConfigSource(config, self._overrides(look, query, config)),
            grid_pos=GridPos(h=look.height, w=look.width),
            time_from=look.over,
            hide_time_override=True if look.over else None,
            time_shift=look.shifted,
            links=list(look.links) or None,
        )

    def _overrides(
        self, look: Look, query: Query, config: FieldConfig
    ) -> list[DashboardFieldConfigSourceOverrides]:
        """Names and units of all fields: one override each, since a second would not find it by its name."""
        if query.every and query.by:
            shown = figure(query.names[0], self.language)
            config.unit, config.decimals = str(shown["unit"]), FIGURES[query.names[0]].decimals
            return [override(name, {"displayName": text(self.language)}) for name, text in look.names.items()]
        asked = dict.fromkeys((*query.by, *query.names, *look.computed))
        made = {name: figure(name, self.language) for name in asked}
        names = dict.fromkeys((*asked, *look.more))
        return [override(name, {**made.get(name, {}), **look.more.get(name, {})}) for name in names]


def _timeless(query: Query) -> list[DataTransformerConfig]:
    """A row of a group has no time of its own: InfluxDB answers with the beginning of the range."""
    return [] if query.every or query.rows else [without("Time", "time")]


def _stat(*, filled: bool, values: bool, calc: str, named: bool) -> stat.Options:
    return stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND if filled else common.BigValueColorMode.VALUE,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE,
        reduce_options=common.ReduceDataOptions(values=values, calcs=[calc], fields=""),
        orientation=common.VizOrientation.AUTO,
    )
