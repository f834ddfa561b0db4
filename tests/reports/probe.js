// Put into a copy of the page under test, before anything else runs: collects what goes wrong, and how things look.
(() => {
  const troubles = [];
  addEventListener("error", (event) => troubles.push(`error: ${event.message || event.target.outerHTML.slice(0, 200)}`), true);
  addEventListener("unhandledrejection", (event) => troubles.push(`rejection: ${event.reason}`));
  addEventListener("securitypolicyviolation", (event) => troubles.push(`request: ${event.violatedDirective} ${event.blockedURI}`));
  for (const level of ["error", "warn"]) {
    const original = console[level];
    console[level] = (...words) => { troubles.push(`console.${level}: ${words.join(" ")}`); original(...words); };
  }
  window.alert = (text) => troubles.push(`alert: ${text}`);
  const drawn = () => Array.from(document.querySelectorAll(".plot")).every((plot) => plot.querySelector(".main-svg"));
  const figure = (plot) => {
    const box = plot.querySelector(".main-svg") ? plot.querySelector(".main-svg").getBoundingClientRect() : { width: 0, height: 0 };
    const card = plot.closest(".panel").getBoundingClientRect();
    return {
      panel: plot.closest(".panel").dataset.panel, width: box.width, height: box.height,
      inside: box.left >= card.left && box.right <= card.right + 1 && box.bottom <= card.bottom + 1,
      text: Array.from(plot.querySelectorAll("svg text"), (one) => one.textContent).join("\n"),
      marks: plot.querySelectorAll(".scatterlayer .trace, .barlayer .point").length,
    };
  };
  const report = () => parent.postMessage({
    troubles,
    requests: performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => !name.startsWith("data:")),
    figures: Array.from(document.querySelectorAll(".plot"), figure),
    panels: Array.from(document.querySelectorAll(".panel"), (panel) => panel.dataset.panel),
    missing: Array.from(document.querySelectorAll(".missing"), (one) => one.textContent),
    pictures: Array.from(document.images, (image) => image.naturalWidth),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    text: document.body.innerText,
  }, "*");
  const settle = (turns) => (drawn() && turns < 80) || turns === 0 ? setTimeout(report, 300) : setTimeout(() => settle(turns - 1), 100);
  addEventListener("load", () => settle(82));
})();
