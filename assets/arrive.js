// A link to a place in a page leads there, also where the page still grows above it while it loads.
addEventListener("DOMContentLoaded", () => {
  const SOON = 5000; // milliseconds in which fonts, figures and fields have come
  const article = document.querySelector(".bd-article");
  const withText = /^#(cell-\d+)\./.exec(location.hash)?.[1]; // see run/share.js: no place of that name
  const place = () => document.querySelector(":target") ?? document.getElementById(withText);
  if (!article || !location.hash) return;
  const aim = () => place()?.scrollIntoView({ behavior: "instant" });
  const watch = new ResizeObserver(aim);
  watch.observe(article);
  const leave = () => watch.disconnect(); // the reader goes on from here
  for (const hand of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(hand, leave, { once: true });
  setTimeout(leave, SOON);
});
