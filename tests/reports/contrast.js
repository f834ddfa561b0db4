// Texts whose colour does not stand out enough from what is behind them (WCAG 2.2, 1.4.3, level AA).
() => {
  const channels = (colour) => {
    const [red, green, blue, opacity = 1] = colour.match(/[\d.]+/g).map(Number);
    return { rgb: [red, green, blue], opacity };
  };
  const over = (top, below) => top.rgb.map((value, index) => value * top.opacity + below[index] * (1 - top.opacity));
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(channels(getComputedStyle(one).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const luminance = (rgb) => rgb
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const weak = [];
  let looked = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const words = texts.currentNode.textContent.trim();
    // What stands on a coloured mark of a figure has no background that could be asked for.
    if (!words || element.closest("script, style, .unseen, .bartext, .heatmap-label")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const isFigure = element instanceof SVGElement;
    const below = behind(isFigure ? element.closest(".plot") : element);
    const colour = over(channels(isFigure ? style.fill : style.color), below);
    const [light, dark] = [luminance(colour), luminance(below)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    looked += 1;
    if (ratio < (isLarge ? 3 : 4.5)) weak.push(`${words} (${ratio.toFixed(2)}, ${element.closest("[id]")?.id})`);
  }
  return { looked, weak };
}
