// Python, in a thread of its own: the page stays alive, and a cell that never ends can be stopped.
// In:  {start: {files, packages, interrupt}}, {run: number, source}
// Out: {progress, loaded, total}, {ready}, {number, kind, text}, {done: number, finished}, {failed}
import { loadPyodide } from "../../pyodide/pyodide.mjs";
import { ask, fetchAll, fileName } from "./fetching.js";
import { forget, namesOf, recall, remember } from "./memory.js";

const site = new URL("../../", import.meta.url);
const base = new URL("pyodide/", site);

// Pyodide reads a string of Python's that lies beyond 2 GiB from another place: no memory goes so far.
const { grow } = WebAssembly.Memory.prototype;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (this.buffer.byteLength + pages * 2 ** 16 > 2 ** 31) throw new RangeError("2 GiB are the most");
  return grow.call(this, pages);
};

let python, runner, compiled, idle;
let called; // the names of what the browser keeps, or null
let started; // Python's memory after its first start, until it is kept

async function start({ files, packages, interrupt }) {
  const edition = await textOf(new URL("page.json", base));
  const { known, needs } = JSON.parse(edition);
  const names = [...new Set(["python", ...packages].flatMap((name) => needs[name]))];
  let told = 0;
  const fetched = fetchAll(base, names, known, (loaded, total) => {
    if (performance.now() - told < 100) return;
    told = performance.now();
    postMessage({ progress: "Fetching Python", loaded, total });
  });
  fetched.then(() => postMessage({ progress: "Starting Python" }), () => {});
  import(new URL("pyodide.asm.mjs", base)).catch(() => {}); // Pyodide waits for it, too; this way it comes earlier
  called = await namesOf(edition).catch(() => null);
  const [archive, snapshot] = await Promise.all([kept("compiled"), kept("started")]);
  const loaded = startPyodide(snapshot).then(() => python.loadPackage(packages, { messageCallback() {} }));
  await Promise.all([fetched, loaded]); // a file that does not come ends it: Pyodide may wait for it for ever
  if (interrupt) python.setInterruptBuffer(interrupt);
  const beside = ["runner.py", "pictures.py", "compiled.py"].map((name) => new URL(name, import.meta.url));
  const data = files.map((name) => new URL(`_sources/book/${name}`, site));
  await Promise.all([...beside, ...data].map(async (url) =>
    python.FS.writeFile(fileName(url), await textOf(url))));
  compiled = python.pyimport("compiled");
  if (archive) compiled.unpack(python.toPy(archive));
  runner = python.pyimport("runner");
  postMessage({ ready: true });
}

/** Start Python; from its memory of an earlier page, that takes a sixth of the time. */
async function startPyodide(snapshot) {
  const options = { indexURL: base.href, lockFileURL: new URL("page-lock.json", base).href };
  if (snapshot) {
    try {
      python = await loadPyodide({ ...options, _loadSnapshot: snapshot });
      python.runPython("import random; random.seed()"); // not the numbers of that page again
      return;
    } catch {
      await forget(called("started")); // by a browser that changed, perhaps
    }
  }
  python = await loadPyodide({ ...options, _makeSnapshot: called !== null });
  started = called && python.makeMemorySnapshot();
}

/** What the browser kept, or null. */
const kept = (thing) => (called ? recall(called(thing)).catch(() => null) : null);

const textOf = async (url) => (await ask(url)).text();

async function run(number, source) {
  const show = (kind, text) => postMessage({ number, kind, text });
  clearTimeout(idle);
  await python.loadPackagesFromImports(source, { messageCallback() {} }).catch(() => {}); // Python will say it
  postMessage({ done: number, finished: runner.run(source, number, show) });
  idle = setTimeout(keep, 1000);
}

/** Keep what the next page can use, when nothing else is to be done. */
async function keep() {
  if (!called) return;
  try {
    if (started) await remember(called("started"), started);
    started = null;
    const archive = compiled.pack();
    if (archive) await remember(called("compiled"), archive.toJs());
    archive?.destroy();
  } catch {
    // No room, or the reader's Stop came late: the next page starts as this one did.
  }
}

// One message after the other: a cell may wait for a package.
let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last
    .then(() => (data.start ? start(data.start) : run(data.run, data.source)))
    .catch((error) => postMessage({ failed: String(error.message ?? error) }));
};
