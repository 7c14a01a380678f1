import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

const root = fileURLToPath(new URL("static/", import.meta.url));

/**
 * Every file directly in `static/src/<app>/` is an entry of its own: `{% vite_asset "src/<app>/<name>.ts" %}`.
 * Modules shared by entries live one folder deeper (`static/src/<app>/lib/`) and are never entries.
 */
const entries = globSync("src/*/*.ts", { cwd: root }).filter((path) => !path.endsWith(".d.ts"));

export default defineConfig({
  root,
  base: "/static/dist/",
  publicDir: false,
  plugins: [tailwindcss()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    // A strict CSP forbids inlined data, and every supported browser knows modulepreload.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    rolldownOptions: { input: entries.sort().map((path) => `${root}${path}`) },
  },
});
