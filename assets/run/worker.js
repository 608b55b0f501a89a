// Python, in a thread of its own: the page stays alive, and a cell that never ends can be stopped.
// In:  {start: {files, packages, interrupt}}, {run: number, source}
// Out: {progress, loaded, total}, {ready}, {number, kind, text}, {done: number, finished}, {failed}
import { loadPyodide } from "../../pyodide/pyodide.mjs";
import { fetchAll } from "./fetching.js";
import { recall, remember } from "./memory.js";

const site = new URL("../../", import.meta.url);
const base = new URL("pyodide/", site);
let python, runner, compiled, idle, edition;

async function start({ files, packages, interrupt }) {
  edition = await textOf(new URL("page.json", base));
  const { known, needs } = JSON.parse(edition);
  const names = [...new Set(["python", ...packages].flatMap((name) => needs[name]))];
  const script = import(new URL("pyodide.asm.mjs", base)); // Pyodide waits for it, too; this way it comes earlier
  script.catch(() => {});
  let told = 0;
  const fetched = fetchAll(base, names, known, (loaded, total) => {
    if (performance.now() - told < 100) return;
    told = performance.now();
    postMessage({ progress: "Fetching Python", loaded, total });
  });
  fetched.then(() => postMessage({ progress: "Starting Python" }), () => {});
  let archive;
  [python, archive] = await Promise.all([
    loadPyodide({ indexURL: base.href, lockFileURL: new URL("page-lock.json", base).href, packages }),
    recall(edition).catch(() => null),
    fetched,
  ]);
  if (interrupt) python.setInterruptBuffer(interrupt);
  const beside = ["runner.py", "pictures.py", "compiled.py"].map((name) => new URL(name, import.meta.url));
  const data = files.map((name) => new URL(`_sources/book/${name}`, site));
  await Promise.all([...beside, ...data].map(async (url) =>
    python.FS.writeFile(url.pathname.split("/").at(-1), await textOf(url))));
  compiled = python.pyimport("compiled");
  if (archive) compiled.unpack(python.toPy(archive));
  runner = python.pyimport("runner");
  postMessage({ ready: true });
}

async function textOf(url) {
  const name = url.pathname.split("/").at(-1);
  const answer = await fetch(url).catch(() => {
    throw new Error(`${name} could not be fetched: the connection may be gone.`);
  });
  if (!answer.ok) throw new Error(`${name} is missing on this site: it answered ${answer.status}.`);
  return answer.text();
}

async function run(number, source) {
  const show = (kind, text) => postMessage({ number, kind, text });
  clearTimeout(idle);
  await python.loadPackagesFromImports(source, { messageCallback() {} }).catch(() => {}); // Python will say it
  postMessage({ done: number, finished: runner.run(source, number, show) });
  idle = setTimeout(keep, 1000);
}

/** Keep what was compiled, when nothing else is to be done. */
async function keep() {
  try {
    const archive = compiled.pack();
    if (archive) await remember(edition, archive.toJs());
    archive?.destroy();
  } catch {
    // No room, or the reader's Stop came late: the next page compiles again.
  }
}

// One message after the other: a cell may wait for a package.
let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last
    .then(() => (data.start ? start(data.start) : run(data.run, data.source)))
    .catch((error) => postMessage({ failed: String(error.message ?? error) }));
};
