// Interactive figures. Each follows a computed figure, which stays: in print, and where no script runs.
const widgets = {
  "fig-axes-relatives": "./shares.js",
  "fig-scale-histograms": "./histogram.js",
  "fig-graph-live": "./graph.js",
  "fig-projection-circle": "./circle.js",
  "fig-ema-weights": "./average.js",
  "fig-rel-changes": "./changes.js",
  "fig-cancel-ways": "./cancellation.js",
};

for (const [id, module] of Object.entries(widgets)) {
  const figure = document.getElementById(id);
  if (figure) show(figure, module);
}

async function show(figure, module) {
  const { mount } = await import(new URL(module, import.meta.url));
  const section = document.createElement("section");
  section.className = "live";
  mount(section);
  // Behind the whole cell: its output may be replaced when the reader runs it.
  (figure.closest(".cell") ?? figure).after(section);
}
