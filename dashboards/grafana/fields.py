"""What fields are called and how they look: mappings, steps of colour, overrides, transformations."""

from collections.abc import Iterable, Mapping, Sequence

from grafana_foundation_sdk.models.dashboard import (
    DashboardFieldConfigSourceOverrides,
    DashboardRangeMapOptions,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColor,
    FieldColorModeId,
    MatcherConfig,
    RangeMap,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from dashboards.grafana.words import FIGURES, Language, Text

Steps = Sequence[tuple[float | None, str]]
"""From which value on which colour; the first value is None: everything below the second."""

Properties = Mapping[str, object]
"""Properties of a field by their path, such as `custom.width`."""

GREEN_TO_RED: Steps = ((None, "green"), (0.7, "yellow"), (0.9, "orange"), (1.0, "red"))
"""For shares of a capacity."""
BLUE: Steps = ((None, "blue"),)


def by_threshold() -> FieldColor:
    """Colour by the steps."""
    return FieldColor(FieldColorModeId.THRESHOLDS)


def thresholds(steps: Steps) -> ThresholdsConfig:
    """The steps as Grafana writes them."""
    return ThresholdsConfig(ThresholdsMode.ABSOLUTE, [Threshold(value, color) for value, color in steps])


def mapping(names: Mapping[str, Text], language: Language) -> ValueMap:
    """Show these words instead of these values."""
    return ValueMap(
        {
            value: ValueMappingResult(text=text(language), index=index)
            for index, (value, text) in enumerate(names.items())
        }
    )


def states(named: Mapping[str, tuple[Text, str]], language: Language) -> ValueMap:
    """Show words in colours instead of values."""
    return ValueMap(
        {
            value: ValueMappingResult(text=text(language), color=color, index=index)
            for index, (value, (text, color)) in enumerate(named.items())
        }
    )


def override(name: str, properties: Properties) -> DashboardFieldConfigSourceOverrides:
    """Properties of the field with this name, as the data source calls it."""
    return DashboardFieldConfigSourceOverrides(
        matcher=MatcherConfig("byName", name),
        properties=[DynamicConfigValue(path, value) for path, value in properties.items()],
    )


def figure(name: str, language: Language) -> dict[str, object]:
    """Name, unit and decimals of a figure."""
    shown = FIGURES[name]
    properties: dict[str, object] = {"displayName": shown.name(language), "unit": shown.unit}
    if shown.decimals is not None:
        properties["decimals"] = shown.decimals
    return properties


def without(*names: str) -> DataTransformerConfig:
    """Leave fields out."""
    excluded = dict.fromkeys(names, True)
    return DataTransformerConfig(
        "organize", options={"excludeByName": excluded, "indexByName": {}, "renameByName": {}}
    )


def in_order(names: Iterable[str]) -> DataTransformerConfig:
    """Put fields into this order."""
    order = {name: index for index, name in enumerate(names)}
    return DataTransformerConfig(
        "organize", options={"excludeByName": {}, "indexByName": order, "renameByName": {}}
    )


def quotient(name: str, left: str, right: str) -> DataTransformerConfig:
    """Add a field: one divided by another."""
    binary = {"left": left, "operator": "/", "right": right}
    return DataTransformerConfig(
        "calculateField", options={"mode": "binary", "alias": name, "binary": binary, "replaceFields": False}
    )


def share() -> dict[str, object]:
    """How the share of a capacity looks: a bar, full at the capacity."""
    # Where there is no capacity Grafana divides by zero.
    none = RangeMap(DashboardRangeMapOptions(from_val=100, to=None, result=ValueMappingResult(text="–")))
    return {
        "custom.cellOptions": {"type": "gauge", "mode": "basic"},
        "min": 0,
        "max": 1,
        "mappings": [none.to_json()],
    }


def largest(name: str, rows: int) -> list[DataTransformerConfig]:
    """Keep the rows with the largest values, largest first."""
    return [
        DataTransformerConfig("sortBy", options={"fields": {}, "sort": [{"field": name, "desc": True}]}),
        DataTransformerConfig("limit", options={"limitField": rows}),
    ]


def only_with(name: str) -> DataTransformerConfig:
    """Leave out the rows in which a field is empty."""
    wanted = {"fieldName": name, "config": {"id": "isNotNull", "options": {}}}
    return DataTransformerConfig(
        "filterByValue", options={"type": "include", "match": "all", "filters": [wanted]}
    )


def matrix(rows: str, columns: str, value: str) -> DataTransformerConfig:
    """Make a table with a column for each value of a field."""
    return DataTransformerConfig(
        "groupingToMatrix",
        options={"rowField": rows, "columnField": columns, "valueField": value, "emptyValue": "null"},
    )
