"use strict";
const slide = JSON.parse(document.getElementById("slide").textContent);
const canvas = document.querySelector(".viewer canvas");
const pen = canvas.getContext("2d");
const picture = document.getElementById("picture");
const [opacity, threshold, only] = ["opacity", "threshold", "only"].map((name) => document.getElementById(name));
const truth = document.getElementById("truth");
const bytes = Uint8Array.from(atob(slide.cells), (letter) => letter.charCodeAt(0));
const heat = document.createElement("canvas");
heat.width = slide.columns;
heat.height = slide.rows;
// The view: scale is screen pixels per pixel of the slide, (x, y) the slide's place in the upper left corner.
const view = { x: 0, y: 0, scale: 1, least: 1 };

function colour() {
  const drawn = new ImageData(slide.columns, slide.rows);
  const least = only.checked ? Number(threshold.value) : -1;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 255 || bytes[i] / 254 <= least) continue;
    const at = 3 * bytes[i];
    drawn.data.set([slide.colours[at], slide.colours[at + 1], slide.colours[at + 2], 255], 4 * i);
  }
  heat.getContext("2d").putImageData(drawn, 0, 0);
}

function area() {
  let tumour = 0, tissue = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 255) continue;
    tissue += slide.tissue[i];
    if (bytes[i] / 254 > Number(threshold.value)) tumour += slide.tissue[i];
  }
  const share = tissue ? tumour / tissue : 0;
  document.getElementById("above").textContent =
    `${(tumour * slide.unit).toFixed(2)} mm², ${(100 * share).toFixed(1)}% of the tissue`;
}

function draw() {
  const ratio = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.translate(-view.x * view.scale, -view.y * view.scale);
  pen.imageSmoothingEnabled = view.scale * slide.width / picture.naturalWidth < 3;
  pen.drawImage(picture, 0, 0, slide.width * view.scale, slide.height * view.scale);
  pen.globalAlpha = Number(opacity.value);
  pen.imageSmoothingEnabled = false;
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, slide.width * view.scale, slide.height * view.scale);
  pen.clip();
  pen.drawImage(heat, 0, 0, slide.columns * slide.cell * view.scale, slide.rows * slide.cell * view.scale);
  pen.restore();
  pen.globalAlpha = 1;
  if (truth && truth.checked) outline();
  bar();
}

function outline() {
  pen.lineWidth = 2;
  pen.strokeStyle = "#00c2a8";
  pen.beginPath();
  for (const ring of slide.truth) {
    ring.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](x * view.scale, y * view.scale));
    pen.closePath();
  }
  pen.stroke();
}

function bar() {
  const longest = 180 / view.scale * slide.mpp, power = 10 ** Math.floor(Math.log10(longest));
  const length = Math.max(...[1, 2, 5].map((step) => step * power).filter((one) => one <= longest * 1.0001));
  const shown = document.querySelector(".bar");
  shown.firstElementChild.style.width = `${length / slide.mpp * view.scale}px`;
  shown.lastElementChild.textContent = length >= 1000 ? `${length / 1000} mm` : `${+length.toPrecision(2)} µm`;
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const scale = Math.min(Math.max(view.scale * factor, view.least / 2), Math.max(16 * view.least, 4));
  view.x += x / view.scale - x / scale;
  view.y += y / view.scale - y / scale;
  view.scale = scale;
  draw();
}

function whole() {
  view.least = Math.min(canvas.clientWidth / slide.width, canvas.clientHeight / slide.height);
  view.scale = view.least;
  view.x = (slide.width - canvas.clientWidth / view.scale) / 2;
  view.y = (slide.height - canvas.clientHeight / view.scale) / 2;
  draw();
}

function goTo(x, y, side) {
  view.scale = Math.min(canvas.clientWidth, canvas.clientHeight) / (4 * side);
  view.x = x + side / 2 - canvas.clientWidth / view.scale / 2;
  view.y = y + side / 2 - canvas.clientHeight / view.scale / 2;
  draw();
  canvas.scrollIntoView({ block: "center" });
}

function probe(event) {
  const box = canvas.getBoundingClientRect();
  const x = view.x + (event.clientX - box.left) / view.scale, y = view.y + (event.clientY - box.top) / view.scale;
  const column = Math.floor(x / slide.cell), row = Math.floor(y / slide.cell);
  const inside = column >= 0 && row >= 0 && column < slide.columns && row < slide.rows;
  const value = inside ? bytes[row * slide.columns + column] : 255;
  const words = value === 255 ? "no tissue" : `probability ${(value / 254).toFixed(2)}`;
  document.querySelector(".probe").textContent = `x ${Math.round(x)}, y ${Math.round(y)}: ${words}`;
}

const fingers = new Map();
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event);
});
canvas.addEventListener("pointermove", (event) => {
  probe(event);
  const before = fingers.get(event.pointerId);
  if (!before) return;
  if (fingers.size === 2) {
    const other = [...fingers.values()].find((one) => one.pointerId !== event.pointerId);
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const box = canvas.getBoundingClientRect();
    zoom(apart(event) / Math.max(1, apart(before)), (event.clientX + other.clientX) / 2 - box.left,
      (event.clientY + other.clientY) / 2 - box.top);
  } else {
    view.x -= (event.clientX - before.clientX) / view.scale;
    view.y -= (event.clientY - before.clientY) / view.scale;
    draw();
  }
  fingers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const step = 60 / view.scale;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  if (moves[event.key]) {
    view.x += moves[event.key][0];
    view.y += moves[event.key][1];
    draw();
  } else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "0") whole();
  else return;
  event.preventDefault();
});
document.getElementById("in").addEventListener("click", () => zoom(1.5));
document.getElementById("out").addEventListener("click", () => zoom(1 / 1.5));
document.getElementById("all").addEventListener("click", whole);
for (const button of document.querySelectorAll("[data-place]")) {
  button.addEventListener("click", () => goTo(...button.dataset.place.split(" ").map(Number)));
}
function changed() {
  opacity.nextElementSibling.value = `${Math.round(100 * opacity.value)}%`;
  threshold.nextElementSibling.value = Number(threshold.value).toFixed(3);
  colour();
  area();
  draw();
}
for (const one of [opacity, threshold, only, truth]) if (one) one.addEventListener("input", changed);
addEventListener("resize", draw);
picture.decode().then(() => {
  changed();
  whole();
});
