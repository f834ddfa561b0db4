"use strict";
// Unpacks plotly.js, draws each figure as its reader comes near it (and the rest in idle moments), follows the light or
// dark theme and the printer, folds long tables, and marks in the contents where the reader is.
(function () {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const canHover = matchMedia("(hover: hover)").matches;
  let chosen = null; // "light" or "dark", by the button
  let printing = false;
  const isDark = () => !printing && (chosen ? chosen === "dark" : system.matches);

  // Figures
  const parsed = (identity) => JSON.parse(document.getElementById(identity).textContent);
  const template = () => {
    const found = parsed("templates")[isDark() ? "dark" : "light"];
    found.layout.font.family = getComputedStyle(document.body).fontFamily;
    return found;
  };
  // Where nothing can hover, the buttons would stand over the legend for good, and a finger on a figure is to scroll.
  const touch = canHover ? {} : { dragmode: false };
  const config = {
    displaylogo: false, showSendToCloud: false, plotlyServerURL: "", displayModeBar: canHover ? "hover" : false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"], toImageButtonOptions: { format: "svg" },
  };
  const waiting = new Set(document.querySelectorAll(".plot"));
  const figures = new Map(); // drawn ones, by their places
  const render = (place) => {
    const { data, layout } = figures.get(place);
    const look = template();
    for (const trace of data) { // on a translucent bar Plotly would take white
      if (trace.offsetgroup === "before") trace.insidetextfont = { color: look.layout.font.color };
    }
    Plotly.react(place, data, { ...layout, ...touch, width: place.clientWidth, template: look }, config);
    // Buttons that a mouse finds by hovering; to the keyboard a figure is one picture.
    for (const one of place.querySelectorAll("button")) one.tabIndex = -1;
  };
  const draw = (place) => {
    if (!waiting.delete(place)) return;
    near.unobserve(place);
    figures.set(place, parsed(place.dataset.figure));
    render(place);
    widths.observe(place);
  };
  const drawRest = () => waiting.forEach(draw);
  const renderAll = () => figures.forEach((_, place) => render(place));
  const widths = new ResizeObserver((seen) => { // not Plotly's own, which is too late for the printer
    for (const { target } of seen) {
      if (target.layout && target.layout.width !== target.clientWidth) render(target);
    }
  });
  const near = new IntersectionObserver(
    (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => draw(one.target)), { rootMargin: "400px 0px" });
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 50));
  const drawNext = () => {
    for (const place of waiting) {
      draw(place);
      idle(drawNext);
      return;
    }
  };
  const unpack = async () => {
    const packed = atob(document.getElementById("library").textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  };
  const showFigures = async () => {
    if (!waiting.size) return;
    if (typeof DecompressionStream === "undefined") {
      for (const place of waiting) {
        place.textContent = "This browser is too old to draw the figures: use Chrome 80, Firefox 113, Safari 16.4 or later.";
        place.classList.add("missing");
      }
      return;
    }
    await unpack();
    waiting.forEach((place) => near.observe(place));
    idle(drawNext);
  };

  // Theme and printer
  const button = document.querySelector("button.theme");
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    chosen = isDark() ? "light" : "dark";
    root.style.colorScheme = chosen;
    label();
    renderAll();
  });
  system.addEventListener("change", () => { label(); renderAll(); });
  const print = (begins) => {
    printing = begins;
    root.classList.toggle("printing", begins); // the printed page's width, before the figures are drawn for it
    if (begins && window.Plotly) drawRest();
    renderAll();
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  label();

  // Tables
  for (const rest of document.querySelectorAll("tbody.rest")) {
    const rows = rest.closest("table").tBodies;
    const unfold = document.createElement("button");
    unfold.type = "button";
    unfold.textContent = `Show all ${rows[0].rows.length + rest.rows.length} rows`;
    unfold.addEventListener("click", () => { rest.classList.remove("folded"); unfold.remove(); });
    rest.classList.add("folded");
    rest.closest(".scroll").after(unfold);
  }
  const reachable = () => {
    for (const box of document.querySelectorAll(".scroll")) {
      if (box.scrollWidth > box.clientWidth) {
        box.tabIndex = 0; // so that the arrow keys can move it
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", box.querySelector("caption")?.textContent || "Table");
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    }
  };
  reachable();
  addEventListener("resize", reachable);

  // Contents
  const links = new Map(Array.from(document.querySelectorAll("nav a"), (link) => [link.hash.slice(1), link]));
  const list = document.querySelector("nav ul");
  const mark = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) links.get(target.id).setAttribute("aria-current", "location");
      else links.get(target.id).removeAttribute("aria-current");
    }
    const here = list.querySelector("[aria-current]");
    list.scrollLeft = here ? here.offsetLeft - list.offsetLeft - 40 : 0;
  }, { rootMargin: "-20% 0px -75% 0px" });
  for (const anchor of links.keys()) mark.observe(document.getElementById(anchor));

  showFigures();
})();
