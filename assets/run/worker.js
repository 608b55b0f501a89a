// Python, in a thread of its own: the page stays alive, and a cell that never ends can be stopped.
// In:  {start: {files, packages, interrupt}}, {run: number, source}
// Out: {progress}, {ready}, {number, kind, text}, {done: number, finished}, {failed}
import { loadPyodide } from "../../pyodide/pyodide.mjs";

const site = new URL("../../", import.meta.url);
let python, runner;

async function start({ files, packages, interrupt }) {
  postMessage({ progress: "Fetching Python" });
  python = await loadPyodide({ indexURL: new URL("pyodide/", site).href, packages });
  postMessage({ progress: "Starting Python" });
  if (interrupt) python.setInterruptBuffer(interrupt);
  const beside = ["runner.py", "pictures.py"].map((name) => new URL(name, import.meta.url));
  const data = files.map((name) => new URL(`_sources/book/${name}`, site));
  await Promise.all([...beside, ...data].map(async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url.pathname} was answered with ${answer.status}`);
    python.FS.writeFile(url.pathname.split("/").at(-1), new Uint8Array(await answer.arrayBuffer()));
  }));
  runner = python.pyimport("runner");
  postMessage({ ready: true });
}

async function run(number, source) {
  const show = (kind, text) => postMessage({ number, kind, text });
  await python.loadPackagesFromImports(source, { messageCallback() {} }).catch(() => {}); // Python will say it
  postMessage({ done: number, finished: runner.run(source, number, show) });
}

// One message after the other: a cell may wait for a package.
let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last
    .then(() => (data.start ? start(data.start) : run(data.run, data.source)))
    .catch((error) => postMessage({ failed: String(error.message ?? error) }));
};
