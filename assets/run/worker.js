// Python, in a thread of its own: the page stays alive, and a cell that never ends can be stopped.
// In:  {start: {files, packages, interrupt}}, {run: number, source}
// Out: {progress}, {ready}, {number, kind, text}, {done: number, finished}, {failed}
import { loadPyodide } from "../../pyodide/pyodide.mjs";
import { recall, remember } from "./memory.js";

const site = new URL("../../", import.meta.url);
const lock = new URL("pyodide/pyodide-lock.json", site);
let python, runner, compiled, idle;

async function start({ files, packages, interrupt }) {
  postMessage({ progress: "Fetching Python" });
  let archive;
  [python, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", site).href, packages }),
    recall(lock).catch(() => null),
  ]);
  postMessage({ progress: "Starting Python" });
  if (interrupt) python.setInterruptBuffer(interrupt);
  const beside = ["runner.py", "pictures.py", "compiled.py"].map((name) => new URL(name, import.meta.url));
  const data = files.map((name) => new URL(`_sources/book/${name}`, site));
  await Promise.all([...beside, ...data].map(async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url.pathname} was answered with ${answer.status}`);
    python.FS.writeFile(url.pathname.split("/").at(-1), new Uint8Array(await answer.arrayBuffer()));
  }));
  compiled = python.pyimport("compiled");
  if (archive) compiled.unpack(python.toPy(archive));
  runner = python.pyimport("runner");
  postMessage({ ready: true });
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
    if (archive) await remember(lock, archive.toJs());
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
