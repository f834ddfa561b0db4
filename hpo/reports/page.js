"use strict";
// Draws every figure of the page, and draws them anew when the theme changes or the page is printed.
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const ink = (isDark) => (isDark ? "#e6e9ed" : "#1b1f24");
  const template = (isDark) => {
    const grid = isDark ? "#2d343d" : "#e6e9ee";
    const line = isDark ? "#4a535e" : "#b9c0c9";
    const axis = {
      gridcolor: grid, linecolor: line, zerolinecolor: grid, tickcolor: line, ticks: "outside", ticklen: 4, showline: true,
      automargin: true, title: { standoff: 10, font: { size: 13 } },
    };
    return {
      layout: {
        font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: ink(isDark) },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        hoverlabel: { bgcolor: isDark ? "#20262d" : "#ffffff", bordercolor: line, font: { color: ink(isDark) } },
        legend: { bgcolor: "rgba(0,0,0,0)", font: { size: 12 } },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: line, activecolor: ink(isDark) },
        annotationdefaults: { font: { size: 13 } },
        xaxis: axis,
        yaxis: axis,
      },
    };
  };
  const config = {
    responsive: true, displaylogo: false,
    // Where nothing can hover, the buttons would stand over the legend for good.
    displayModeBar: window.matchMedia("(hover: hover)").matches ? "hover" : false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };
  const figures = Array.from(document.querySelectorAll(".plot"), (place) => ({
    place,
    figure: JSON.parse(document.getElementById(place.dataset.figure).textContent),
  }));
  const draw = (isDark) => {
    for (const { place, figure } of figures) {
      for (const trace of figure.data) {
        if (trace.type === "bar" && trace.error_y) trace.error_y.color = ink(isDark);
        if (trace.offsetgroup === "before") trace.insidetextfont = { color: ink(isDark) };
      }
      const layout = Object.assign({}, figure.layout, { template: template(isDark) });
      Plotly.react(place, figure.data, layout, config);
    }
  };
  draw(dark.matches);
  dark.addEventListener("change", (event) => draw(event.matches));
  window.addEventListener("beforeprint", () => draw(false));
  window.addEventListener("afterprint", () => draw(dark.matches));
})();
