// The thread that Python runs in, as the page sees it.
// `tell` gets what worker.js sends, and {failed} where the thread cannot start or dies.
export class Python {
  constructor(files, packages, tell) {
    // Shared with Python, to interrupt it. Some browsers isolate a page and have no shared memory all the same.
    this.signal = self.crossOriginIsolated && self.SharedArrayBuffer ? new Uint8Array(new SharedArrayBuffer(1)) : null;
    this.ready = false;
    this.thread = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.thread.addEventListener("message", ({ data }) => {
      if (data.ready) this.ready = true;
      tell(data);
    });
    this.thread.addEventListener("error", (event) => {
      event.preventDefault();
      tell({ failed: event.message || "Its files could not be loaded: the connection may be gone." });
    });
    this.thread.postMessage({ start: { files, packages, interrupt: this.signal } });
  }

  run(number, source) {
    if (this.signal) this.signal[0] = 0; // a Stop may have come too late for the cell before
    this.thread.postMessage({ run: number, source });
  }

  /** Ask Python to raise KeyboardInterrupt, so that what was computed stays. False where it cannot be asked. */
  interrupt() {
    if (this.signal) this.signal[0] = 2;
    return this.signal !== null;
  }

  end() {
    this.thread.terminate();
  }
}
