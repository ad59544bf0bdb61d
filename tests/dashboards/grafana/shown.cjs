// What panels show of frames, computed with Grafana's own @grafana/data: transformations first, then the settings of
// fields (names, units, mappings). Reads [{panel, frames}] as JSON, writes for each panel its frames as
// [{name, type, values, texts}].

// Parts of a browser that it asks for.
globalThis.navigator ??= { language: "en-GB", languages: ["en-GB"] };
const data = require("@grafana/data");
globalThis.window = {};
const { firstValueFrom } = require("rxjs");

const known = new Map(
  Object.values(data.standardTransformers)
    .filter((each) => each?.id)
    .map((each) => [each.id, each]),
);
data.standardTransformersRegistry.setInit(() =>
  [...known.values()].map((each) => ({ id: each.id, name: each.id, transformation: async () => each })),
);

/** The properties that overrides of a panel name; Grafana registers them from its editors. */
function properties(panel) {
  const registry = new data.FieldConfigOptionsRegistry();
  const ids = panel.fieldConfig.overrides.flatMap((each) => each.properties.map((property) => property.id));
  const standard = ["displayName", "unit", "decimals", "min", "max", "noValue", "mappings", "thresholds", "color"];
  for (const id of new Set([...standard, ...ids])) {
    registry.register({
      id,
      name: id,
      path: id.replace(/^custom\./, ""),
      isCustom: id.startsWith("custom."),
      process: id === "displayName" ? data.displayNameOverrideProcessor : (value) => value,
      shouldApply: () => true,
      settings: {},
    });
  }
  return registry;
}

async function shown({ panel, frames }) {
  for (const { id } of panel.transformations ?? []) {
    if (!known.has(id)) throw new Error(`${panel.title}: Grafana knows no transformation ${id}`);
  }
  const changed = await firstValueFrom(
    data.transformDataFrame(panel.transformations ?? [], frames.map((frame) => data.toDataFrame(frame))),
  );
  const done = data.applyFieldOverrides({
    data: changed,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: properties(panel),
    replaceVariables: (text) => text,
    theme: data.createTheme({ colors: { mode: "dark" } }),
  });
  return done.map((frame) =>
    frame.fields.map((field) => ({
      name: data.getFieldDisplayName(field, frame, done),
      type: field.type,
      values: field.values,
      texts: field.values.slice(0, 50).map((value) => data.formattedValueToString(field.display(value))),
    })),
  );
}

let input = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (part) => (input += part));
process.stdin.on("end", async () => {
  const answers = [];
  for (const each of JSON.parse(input)) answers.push(await shown(each));
  process.stdout.write(JSON.stringify(answers));
});
