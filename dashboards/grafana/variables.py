"""Variables of the dashboards, and promotions as annotations."""

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    AnnotationEventFieldMapping,
    AnnotationEventFieldSource,
    AnnotationQuery,
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
    VariableType,
)

from dashboards.grafana.asking import Query, Target, each
from dashboards.grafana.board import Mall
from dashboards.grafana.influxql import InfluxQL
from dashboards.grafana.words import Language, Text

ALL = Text("All", "全部")


def the_mall(mall: Mall) -> VariableModel:
    """Which mall the dashboard is of: hidden, since floors and zones are this mall's alone."""
    return VariableModel(
        type_val=VariableType.CONSTANT,
        name="mall",
        label=Text("Mall", "商场")(mall.language),
        hide=VariableHide.HIDE_VARIABLE,
        query=mall.id,
        current=VariableOption(selected=True, text=mall.id, value=mall.id),
        skip_url_sync=True,
    )


def floors(mall: Mall) -> VariableModel:
    """Which floors are shown."""
    return _choice("floor", Text("Floor", "楼层"), mall.floors, mall.language)


def zones(mall: Mall) -> VariableModel:
    """Which zones are shown."""
    return _choice("zone", Text("Zone", "区域"), mall.zones, mall.language)


def period(mall: Mall) -> VariableModel:
    """What a bar, or a point of a line, stands for."""
    # InfluxDB counts weeks from a Thursday, the first of January 1970: four days on they begin on Mondays.
    steps = {"1h": Text("Hour", "小时"), "1d": Text("Day", "天"), "7d,4d": Text("Week", "周")}
    return _one("period", Text("Period of a bar", "每柱时段"), steps, "1h", mall.language)


def compared(mall: Mall) -> VariableModel:
    """With which time before the chosen one is compared."""
    steps = {"1d": Text("The day before", "前一天"), "1w": Text("A week before", "一周前")}
    steps["4w"] = Text("Four weeks before", "四周前")
    return _one("compared", Text("Compared with", "对比"), steps, "1w", mall.language)


def malls(language: Language, source: DataSourceRef) -> VariableModel:
    """All malls that have figures; asked for when the dashboard is opened."""
    return VariableModel(
        type_val=VariableType.QUERY,
        name="mall",
        label=Text("Mall", "商场")(language),
        query='SHOW TAG VALUES FROM "long"."occupancy" WITH KEY = "mall"',
        datasource=source,
        refresh=VariableRefresh.ON_DASHBOARD_LOAD,
        sort=VariableSort.ALPHABETICAL_ASC,
        multi=True,
        include_all=True,
        current=_everything(language),
    )


def _everything(language: Language) -> VariableOption:
    return VariableOption(selected=True, text=[ALL(language)], value=["$__all"])


def _choice(name: str, label: Text, names: Mapping[str, Text], language: Language) -> VariableModel:
    """Several of these, at first all of them."""
    options = [VariableOption(selected=True, text=ALL(language), value="$__all")]
    options += [VariableOption(selected=False, text=text(language), value=key) for key, text in names.items()]
    return VariableModel(
        type_val=VariableType.CUSTOM,
        name=name,
        label=label(language),
        query=_custom(names, language),
        options=options,
        current=_everything(language),
        multi=True,
        include_all=True,
        allow_custom_value=False,
    )


def _one(name: str, label: Text, names: Mapping[str, Text], chosen: str, language: Language) -> VariableModel:
    options = [
        VariableOption(selected=key == chosen, text=text(language), value=key) for key, text in names.items()
    ]
    return VariableModel(
        type_val=VariableType.CUSTOM,
        name=name,
        label=label(language),
        query=_custom(names, language),
        options=options,
        current=VariableOption(selected=True, text=names[chosen](language), value=chosen),
        allow_custom_value=False,
    )


def _custom(names: Mapping[str, Text], language: Language) -> str:
    """Write `text : value, text : value` as the editor of Grafana does: other commas are escaped."""
    pairs = [f"{text(language)} : {value}" for value, text in names.items()]
    return ", ".join(pair.replace(",", "\\,") for pair in pairs)


PROMOTIONS = Text("Promotions", "促销活动")


def promotions(mall: Mall) -> Iterable[AnnotationQuery]:
    """Mark the promotions that are on, from their start to their end."""
    title = f"title_{mall.language}"
    query = Query("long", "promotion", each(title, "ended_ms"), by=("zone",), unless="removed")
    yield AnnotationQuery(
        name=PROMOTIONS(mall.language),
        datasource=mall.source.ref,
        enable=True,
        icon_color="purple",
        target=_target(mall, query, title),
        mappings={
            "time": _field("Time" if isinstance(mall.source, InfluxQL) else "time"),
            "timeEnd": _field("ended_ms"),
            "text": _field(title),
            "tags": _field("zone"),
        },
    )


def _target(mall: Mall, query: Query, title: str) -> Target:
    asked = mall.source.target(query, "Anno")
    if not isinstance(mall.source, InfluxQL):
        return asked
    # Also those that began before the time that is shown, and are on in it.
    on = 'time >= ${__from}ms - 90d AND time <= ${__to}ms AND "ended_ms" >= ${__from}'
    text = mall.source.text(query).replace("$timeFilter", on)
    columns = {"textColumn": title, "timeEndColumn": "ended_ms", "tagsColumn": "zone", "titleColumn": ""}
    return Target({**asked.json, "query": text, **columns, "fromAnnotations": True, "textEditor": True})


def _field(name: str) -> AnnotationEventFieldMapping:
    return AnnotationEventFieldMapping(source=AnnotationEventFieldSource.FIELD, value=name)
