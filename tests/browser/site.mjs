// Where the built site lies, and what is in it.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const python = process.env.PYTHON ?? `${root}.venv/bin/python`;
/** The environment of tools/site.txt, where Firefox's driver comes from. */
export const sitePython = process.env.SITE_PYTHON ?? `${root}.venv-site/bin/python`;
export const site = `${root}_build/html`;
export const screenshots = `${root}_build/screenshots`;
export const pages = ["search.html"].concat(
  readdirSync(`${site}/book`).filter((name) => name.endsWith(".html")).map((name) => `book/${name}`),
);

/** The code cells of a notebook as they are stored. */
export const codeCells = (name) =>
  JSON.parse(readFileSync(`${root}book/${name}.ipynb`, "utf8")).cells.filter((cell) => cell.cell_type === "code");

/** The name of a chapter's notebook under lite, which has the number of its place in the book. */
export const numbered = (name) =>
  readdirSync(`${site}/lite/files`).find((file) => /^\d\d_/.test(file) && file.slice(3) === `${name}.ipynb`);

/** The chapters with a button. */
export const runnable = pages
  .filter((path) => readFileSync(`${site}/${path}`, "utf8").includes('class="run-bar needs-server" data-files='))
  .map((path) => path.replace("book/", "").replace(".html", ""));
