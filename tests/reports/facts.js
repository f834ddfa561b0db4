// Scrolls through a report until every figure is drawn (at most 20 s), and collects what there is to see.
async () => {
  const plots = Array.from(document.querySelectorAll(".plot"));
  const drawn = (plot) => plot.querySelector(".main-svg") !== null;
  const end = performance.now() + 20000;
  for (const plot of plots) {
    plot.scrollIntoView({ behavior: "instant", block: "center" });
    while (!drawn(plot) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  window.scrollTo({ top: 0, behavior: "instant" });
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const figure = (plot) => {
    const box = drawn(plot) ? plot.querySelector(".main-svg").getBoundingClientRect() : { width: 0, height: 0 };
    const card = plot.closest(".panel").getBoundingClientRect();
    return {
      panel: plot.closest(".panel").dataset.panel, width: box.width, height: box.height,
      inside: box.left >= card.left && box.right <= card.right + 1 && box.bottom <= card.bottom + 1,
      text: Array.from(plot.querySelectorAll("svg text"), (one) => one.textContent).join("\n"),
      marks: plot.querySelectorAll(".scatterlayer .trace, .barlayer .point, .heatmaplayer image, .contourlayer path").length,
      legend: Array.from(plot.querySelectorAll(".legend")).every((legend) => {
        const { left, right, top } = legend.getBoundingClientRect();
        return left >= box.left - 1 && right <= box.right + 1 && top >= box.top - 1;
      }),
      description: plot.getAttribute("aria-label"),
    };
  };
  const sizes = Array.from(document.querySelectorAll("main *, .plot text"), (one) => [one, parseFloat(getComputedStyle(one).fontSize)])
    .filter(([one]) => one.checkVisibility() && Array.from(one.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .map(([, size]) => size);
  const texts = (selector) => Array.from(document.querySelectorAll(selector), (one) => one.textContent);
  return {
    figures: plots.map(figure),
    panels: Array.from(document.querySelectorAll(".panel"), (panel) => panel.dataset.panel),
    missing: texts(".missing"),
    pictures: Array.from(document.images, (image) => image.naturalWidth),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    smallest: Math.min(...sizes),
    text: document.body.innerText,
  };
}
