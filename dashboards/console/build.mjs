// Bundles the console into static/: `node build.mjs`, or `node build.mjs --watch` while working on it.
import { context } from "esbuild";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const watch = process.argv.includes("--watch");
const out = "static";

/** Writes index.html with the names of the bundles, which carry a digest so that browsers may keep them. */
const page = {
  name: "page",
  setup(build) {
    build.onEnd(({ metafile, errors }) => {
      if (errors.length > 0) return;
      const name = (entry, extension) => {
        const found = Object.entries(metafile.outputs).find(
          ([path, output]) => output.entryPoint === entry && path.endsWith(extension),
        );
        const [path, output] = found ?? [];
        return (extension === ".js" && path ? path : (output?.cssBundle ?? path)).replace(`${out}/`, "");
      };
      const html = readFileSync("src/index.html", "utf8")
        .replace("{{boot}}", name("src/boot.ts", ".js"))
        .replace("{{main}}", name("src/main.tsx", ".js"))
        .replace("{{style}}", name("src/style/index.css", ".css"));
      writeFileSync(`${out}/index.html`, html);
      cpSync("src/icon.svg", `${out}/icon.svg`);
    });
  },
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const builder = await context({
  entryPoints: ["src/main.tsx", "src/boot.ts", "src/style/index.css"],
  bundle: true,
  format: "esm",
  splitting: true,
  minify: !watch,
  sourcemap: watch,
  target: ["es2022", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".woff2": "file" },
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  assetNames: "assets/[name]-[hash]",
  outdir: out,
  metafile: true,
  legalComments: "linked",
  logLevel: "warning",
  plugins: [page],
});
if (watch) {
  await builder.watch();
} else {
  await builder.rebuild();
  await builder.dispose();
}
